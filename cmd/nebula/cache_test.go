package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nebula-bench/nebula/backends/build"
)

// testCache gives a cache folder of the test's own (for NEBULA_CACHE), in which the
// functions are that other tests have built, and hands on what is built in it.
// A built function never changes once it is there, so linking it is enough.
func testCache(t testing.TB) string {
	t.Helper()
	root, shared := t.TempDir(), build.CacheDir()
	own := filepath.Join(root, filepath.Base(shared))
	if err := linkAll(shared, own); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := linkAll(own, shared); err != nil {
			t.Error(err)
		}
	})
	return root
}

// linkAll links the files of one folder into another.
func linkAll(from, to string) error {
	files, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue // a compiler's work folder
		}
		// What can't be linked, as from another file system, is built again.
		_ = os.Link(filepath.Join(from, f.Name()), filepath.Join(to, f.Name()))
	}
	return nil
}
