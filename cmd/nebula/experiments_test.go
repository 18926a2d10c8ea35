package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment/results"
)

// TestExperiments plans each experiment of the project, and runs one block of
// it with whatever this machine has.
func TestExperiments(t *testing.T) {
	files, err := filepath.Glob("../../experiments/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			plan, out := nebula(t, t.TempDir(), t.TempDir(), "plan", abs(file))
			if err := plan.Wait(); err != nil {
				t.Fatalf("plan: %v: %s", err, out)
			}
			dir := t.TempDir()
			run, out := nebula(t, dir, t.TempDir(), "run", "--quick", abs(file))
			if err := run.Wait(); err != nil {
				t.Fatalf("run --quick: %v: %s", err, out)
			}
			f, err := results.Find(filepath.Join(dir, "reports"), "latest")
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for r, err := range f.Trials() {
				if err != nil || r.Outcome != "ok" {
					t.Errorf("%+v, %v", r, err)
				}
				n++
			}
			if n != f.Plan.Len() || f.Run.State != results.Complete {
				t.Errorf("%d records of %d, %s", n, f.Plan.Len(), f.Run.State)
			}
		})
	}
}
