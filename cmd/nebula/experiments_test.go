package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestExperiments plans each experiment of the project in full, and runs one
// block of it with whatever this machine has.
func TestExperiments(t *testing.T) {
	t.Parallel() // it measures nothing
	files, err := filepath.Glob("../../experiments/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	cache := testCache(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			dir := t.TempDir()
			for _, args := range [][]string{{"fmt", "--check"}, {"plan"}, {"run", "--quick"}} {
				c, out := nebula(t, dir, cache, append(args, abs(file))...)
				err := c.Wait()
				if err != nil && strings.Contains(out.String(), "no cell can run on this machine") {
					needTools(t) // skips where one is missing; where none is, the run is wrong
				}
				if err != nil {
					t.Fatalf("%s: %v: %s", args, err, out)
				}
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
			missed := slices.DeleteFunc(f.Plan.LeftOut, func(l experiment.LeftOut) bool { return l.Chosen })
			if len(missed) == 0 {
				return
			}
			needTools(t)
			t.Errorf("left out, and nothing is missing here: %+v", missed)
		})
	}
}

// needTools skips a test that found something left out, where this machine
// lacks one of the tools that the experiments ask for.
func needTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"docker", "clang", "rust", "bases"} {
		testenv.Need(t, tool)
	}
}

// TestExperimentVariables plans what the files' own comments offer, and counts
// the cells: the thesis asked for 707, 131, 41 and 601 inputs, and its table
// leaves 10 and 450 of them out.
func TestExperimentVariables(t *testing.T) {
	t.Parallel() // it measures nothing
	for _, c := range []struct {
		name, set string
		cells     int
	}{
		{"thesis-vm", "inputs=published", 2 * (707 + 131 + 31 + 151)},
		{"thesis-vm", "inputs=all", 2 * (707 + 131 + 41 + 601)},
		{"thesis-vm", "language=go", 2 * (707 + 131 + 31 + 151)},
		{"thesis-energy", "language=go", 24},
		{"thesis-aot-jit", "language=go", 12},
		{"anatomy", "language=go", 7},
		{"crossover", "language=c", 48},
		{"interruptible", "language=rust", 12},
		{"order-effect", "order=shuffled", 20},
	} {
		var out, errs bytes.Buffer
		args := []string{"plan", "--json", "--var", c.set, abs("../../experiments/" + c.name + ".hcl")}
		if code := run(t.Context(), args, nil, &out, &errs); code != exitFine {
			t.Errorf("%q: exit code %d: %s", args, code, &errs)
			continue
		}
		var plan experiment.Plan
		if err := json.Unmarshal(out.Bytes(), &plan); err != nil || len(plan.Cells) != c.cells {
			t.Errorf("%q: %d cells, want %d (%v)", args, len(plan.Cells), c.cells, err)
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"plan", "--var", "inputs=al", abs("../../experiments/thesis-vm.hcl")}, nil, &out, &out); code != exitUsage {
		t.Errorf("inputs=al: exit code %d: %s", code, &out)
	}
}

func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		requests []string
		want     string
	}{
		{[]string{"30", " 4\n", "200"}, " 4\n"},
		{[]string{"30", "-4", "0"}, "-4"},
		{[]string{"30", "many", "4 "}, "30"},
		{[]string{"x"}, "x"},
		{[]string{"", "7"}, ""},
		{[]string{"1e3", "200"}, "200"},
	} {
		var inputs []experiment.Input
		for _, r := range c.requests {
			inputs = append(inputs, experiment.Input{Stdin: r})
		}
		if got := smallest(inputs).Stdin; got != c.want {
			t.Errorf("%q: %q, want %q", c.requests, got, c.want)
		}
	}
}
