//go:build unix

package build

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// TestPipesAreNotSource: a pipe or a device is no file of a function. Opening
// one would wait for ever, or read without end.
func TestPipesAreNotSource(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		pipe  string // a link to a device where it begins with @
		path  string
		want  Kind
		err   string
	}{
		{name: "main.go", pipe: "main.go", err: "it has main.go (a pipe or a device)"},
		{name: "go.mod", pipe: "go.mod", err: "it has go.mod (a pipe or a device)"},
		{name: "main.c", pipe: "main.c", err: "it has main.c (a pipe or a device)"},
		{name: "main.rs", pipe: "main.rs", err: "it has main.rs (a pipe or a device)"},
		{name: "Cargo.toml", pipe: "Cargo.toml", err: "it has Cargo.toml (a pipe or a device)"},
		{name: "Dockerfile", pipe: "Dockerfile", err: "it has Dockerfile (a pipe or a device)"},
		{name: "a module in the folder", pipe: "x.wasm", err: "it has x.wasm (a pipe or a device)"},
		{name: "a module", pipe: "x.wasm", path: "x.wasm", err: "is neither a folder nor a file"},
		{name: "a link to a device", pipe: "@main.go", err: "it has main.go (a pipe or a device)"},
		{name: "beside Go", files: map[string]string{"main.go": "package main"}, pipe: "other.go", err: "other.go is a pipe or a device: remove it from the function's folder"},
		{name: "deep in Go", files: map[string]string{"main.go": "package main"}, pipe: "sub/other.s", err: "sub/other.s is a pipe or a device"},
		{name: "in a folder of languages", files: map[string]string{"go/main.go": "package main"}, pipe: "go/other.go", err: "other.go is a pipe or a device"},
		{name: "beside C", files: map[string]string{"main.c": ""}, pipe: "other.c", want: C},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, c.files)
			name, device := strings.CutPrefix(c.pipe, "@")
			pipe := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(pipe), 0o755); err != nil {
				t.Fatal(err)
			}
			var err error
			if device {
				err = os.Symlink("/dev/zero", pipe)
			} else {
				err = syscall.Mkfifo(pipe, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			var kind Kind
			go func() {
				defer close(done)
				kind, err = KindOf(experiment.Function{Name: "f", Path: filepath.Join(dir, c.path)})
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatal("it waits")
			}
			if kind != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, %v", kind, err)
			}
		})
	}
}

// TestBoundedSource: what is copied is counted before it is.
func TestBoundedSource(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"main.c": ""})
	if err := os.Truncate(filepath.Join(dir, "main.c"), maxSource+1); err != nil {
		t.Skip("no sparse files here")
	}
	j := job{function: experiment.Function{Name: "f"}, source: source{C, dir}}
	if err := j.snapshot(t.Context(), t.TempDir(), inputs{}); err == nil || !strings.Contains(err.Error(), "it holds more than 4 GiB") {
		t.Errorf("got %v", err)
	}
}
