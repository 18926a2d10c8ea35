//go:build unix

package reports

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe in the place of the chart library is named, and nobody waits for it.
func TestAssetsInTheirPlace(t *testing.T) {
	as, err := assets()
	if err != nil || len(as) == 0 {
		t.Skip("this build has no chart library", err)
	}
	out := t.TempDir()
	file := filepath.Join(out, assetsDir, echartsFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- WriteAssets(out) }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "it is no file") {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the pipe")
	}
}
