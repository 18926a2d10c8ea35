//go:build unix

package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// traps makes files that nobody should open.
func traps(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"piped", "pipes"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pipe", "pipe.tar", "pipe.wasm", "pipe.json", "piped/main.go", "pipes/x"} {
		makePipe(t, filepath.Join(dir, name))
	}
	if err := errors.Join(os.Symlink("link", filepath.Join(dir, "link")), os.Symlink("/dev/zero", filepath.Join(dir, "linked"))); err != nil {
		t.Fatal(err)
	}
}
