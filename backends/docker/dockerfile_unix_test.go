//go:build unix

package docker

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

// TestContextWithAPipe: nothing waits for who writes it.
func TestContextWithAPipe(t *testing.T) {
	dir := folder(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := experiment.Function{Name: "f", Path: dir}
	if err := CheckFunction(f); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "pipe")+" is a pipe") {
		t.Errorf("with a pipe in it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("pipe\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CheckFunction(f); err != nil {
		t.Errorf("with a pipe that is ignored: %v", err)
	}
}
