package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/nebula-bench/nebula/experiments"
)

// TestInitEach writes every experiment into one folder, as somebody might who
// wants them all, and loads each from there.
func TestInitEach(t *testing.T) {
	t.Parallel() // it measures nothing
	all, err := experiments.List()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, d := range all {
		for _, args := range [][]string{
			{"init", "--from", d.Name, dir},
			{"validate", filepath.Join(dir, "experiments", d.Name+".hcl")},
		} {
			var out bytes.Buffer
			if code := run(t.Context(), args, nil, &out, &out); code != exitFine {
				t.Errorf("%q: exit code %d: %s", args, code, &out)
			}
		}
	}
}
