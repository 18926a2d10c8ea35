package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// everything is what doctor and each run look at.
var everything = []string{
	"governor", "turbo", "smt", "load", "stolen time", "throttling", "temperature", "swap", "swapping", "memory",
	"memory pressure", "other containers", "clock source", "hypervisor", "address randomisation",
	"Docker's storage driver", "Docker's cgroups", "disk", "energy", // of which RAPL is a source
}

func missing(found ...[]experiment.Finding) (names []string) {
	for _, name := range everything {
		if !slices.ContainsFunc(slices.Concat(found...), func(f experiment.Finding) bool { return f.Check == name }) {
			names = append(names, name)
		}
	}
	return names
}

func TestDoctorLooksAtEverything(t *testing.T) {
	testenv.Need(t, "docker")
	c, out := nebula(t, t.TempDir(), t.TempDir(), "doctor", "--json")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var found []experiment.Finding
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	if names := missing(found); len(names) > 0 {
		t.Errorf("nothing was said of %v", names)
	}
}

// On a machine that others keep busy, --strict refuses a run before it
// begins; without it, the run has that on record and in its report.
func TestStrictOnABusyMachine(t *testing.T) {
	var quiet atomic.Bool
	defer quiet.Store(true)
	for range runtime.NumCPU() {
		go func() {
			for !quiet.Load() {
			}
		}()
	}
	dir, cache := t.TempDir(), testCache(t)
	file := writeLong(t, dir, "", 1)
	for _, args := range [][]string{{"doctor", "--strict"}, {"run", "--strict", file}} {
		c, out := nebula(t, dir, cache, args...)
		c.Wait()
		if code := c.ProcessState.ExitCode(); code != exitUnfit || !strings.Contains(out.String(), "load") {
			t.Errorf("%v: exit code %d, want %d, and the reason: %s", args, code, exitUnfit, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "reports")); err == nil {
		t.Error("something was written")
	}
	c, out := nebula(t, dir, cache, "run", file)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(f.Run.Sessions[0].Before, func(f experiment.Finding) bool {
		return f.Check == "load" && f.Severity == experiment.Disturbing
	}) {
		t.Errorf("found before the run: %+v", f.Run.Sessions[0].Before)
	}
	page, err := os.ReadFile(filepath.Join(f.Dir, "index.html"))
	if err != nil || !strings.Contains(string(page), "others kept the processors") {
		t.Errorf("the report does not say so: %v", err)
	}
}
