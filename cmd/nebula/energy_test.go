package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/meter/simulator"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/testenv"
	"github.com/nebula-bench/nebula/reports"
)

// simulateCPU runs counters that follow this machine's processors.
func simulateCPU(t *testing.T) (sysfs string) {
	t.Helper()
	dir := t.TempDir()
	s, err := simulator.New(simulator.Options{Dir: dir, Zones: []simulator.Zone{{Dir: "intel-rapl:0", Name: "package-0", Watts: 10, PerCPU: 20}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; s.Close() })
	return dir
}

func summary(t *testing.T, dir string) *reports.Summary {
	t.Helper()
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	s, err := reports.Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const twice = `
experiment "twice" {}
function "monte-carlo-pi" {
  source   = "%s"
  language = "go"
  inputs   = { for n in [6000000, 12000000] : "n=${n}" => n }
}
function "echo" {
  source   = "%s"
  language = "go"
}
backend %s { start = ["warm"] }
run {
  repetitions = 1
  warmup      = 0
}
energy {
  window  = "300ms"
  windows = 12
}
`

// TestTwiceTheWork runs with counters that follow the machine's processors:
// who does twice the work takes twice the net energy, and a function of a few
// microseconds is known from windows of thousands of invocations.
func TestTwiceTheWork(t *testing.T) {
	t.Run("wazero", func(t *testing.T) { testTwiceTheWork(t, `"wazero" "wasm"`) })
	t.Run("docker", func(t *testing.T) {
		testenv.Need(t, "docker")
		testTwiceTheWork(t, `"docker" "scratch"`)
	})
}

func testTwiceTheWork(t *testing.T, backend string) {
	dir, cache := t.TempDir(), testCache(t)
	if err := os.WriteFile(filepath.Join(dir, "twice.hcl"), fmt.Appendf(nil, twice, abs("../../functions/monte-carlo-pi"), abs("../../functions/echo"), backend), 0o644); err != nil {
		t.Fatal(err)
	}
	sysfs := simulateCPU(t)
	// On a machine that does much else the windows say little, and say so:
	// then another run is made.
	for try := 1; ; try++ {
		c, out := nebula(t, dir, cache, "run", "--path.sysfs", sysfs, "twice.hcl")
		if err := c.Wait(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if twiceTheWork(t, summary(t, dir)) {
			return
		}
		if try == 3 {
			testenv.Lacks(t, "quiet", errors.New("other programs leave the energies of three runs unknown"))
		}
	}
}

// twiceTheWork reports whether the energies are known well enough to compare.
func twiceTheWork(t *testing.T, s *reports.Summary) bool {
	type one struct{ small, large *reports.CellEnergy }
	by := map[string]*one{}
	for _, c := range s.Cells {
		e := c.Energy
		if e == nil {
			continue
		}
		if !e.Simulated {
			t.Errorf("%s is not marked as simulated", c.Cell)
		}
		if c.Function == "echo" {
			t.Logf("echo: %s, %d invocations in %d windows", e.Status, e.Invocations, e.Windows)
			if least := map[string]int{"wazero.wasm": 12 * 20_000, "docker.scratch": 12 * 400}[c.Backend]; e.Invocations < least {
				t.Errorf("echo is known from %d invocations in %d windows", e.Invocations, e.Windows)
			}
			continue
		}
		if by[c.Backend] == nil {
			by[c.Backend] = &one{}
		}
		if c.Input == "n=6000000" {
			by[c.Backend].small = e
		} else {
			by[c.Backend].large = e
		}
	}
	for backend, e := range by {
		a, b := e.small, e.large
		if a.NetJ == nil || b.NetJ == nil || *a.UJ > *a.NetJ/5 || *b.UJ > *b.NetJ/5 {
			t.Logf("%s: not known well enough: %s", backend, describe(a, b))
			return false
		}
		ratio := *b.NetJ / *a.NetJ
		u := ratio * math.Hypot(*a.UJ / *a.NetJ, *b.UJ / *b.NetJ)
		t.Logf("%s: %.3g and %.3g J, ratio %.2f ± %.2f, %s and %s", backend, *a.NetJ, *b.NetJ, ratio, 2*u, a.Status, b.Status)
		// 3u, because several are tested at once; and what a request costs
		// beside its work, some hundredths of it.
		if math.Abs(ratio-2) > 3*u+0.1 {
			t.Errorf("%s: twice the work takes %.2f ± %.2f times the energy", backend, ratio, 2*u)
		}
	}
	return true
}

func describe(es ...*reports.CellEnergy) string {
	b, _ := json.Marshal(es)
	return string(b)
}

const energetic = `
experiment "energetic" {}
function "echo" {
  source   = "%s"
  language = "go"
}
backend "wazero" "wasm" { start = ["cached", "prepared", "warm"] }
run {
  repetitions = 2
  warmup      = 0
}
energy {
  window  = "100ms"
  windows = 8
}
`

func windowRecords(dir string) int {
	files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/*/*", results.EnergyFile))
	if len(files) != 1 {
		return 0
	}
	b, _ := os.ReadFile(files[0])
	return bytes.Count(b, []byte("\n"))
}

// TestKillInWindow kills a run among its energy windows: the resumed run goes
// on with those that are missing.
func TestKillInWindow(t *testing.T) {
	dir, cache := t.TempDir(), testCache(t)
	if err := os.WriteFile(filepath.Join(dir, "e.hcl"), fmt.Appendf(nil, energetic, abs("../../functions/echo")), 0o644); err != nil {
		t.Fatal(err)
	}
	sysfs := simulateCPU(t)
	c, out := nebula(t, dir, cache, "run", "--path.sysfs", sysfs, "e.hcl")
	for _, n := range []int{2, 9, 17} {
		for deadline := time.Now().Add(2 * time.Minute); windowRecords(dir) < n; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d windows after two minutes: %s", windowRecords(dir), out)
			}
		}
		c.Process.Kill()
		c.Wait()
		c, out = nebula(t, dir, cache, "run", "--resume", "latest")
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	final := map[int]int{}
	for w, err := range f.Energy() {
		if err != nil {
			t.Fatal(err)
		}
		if w.Final() {
			final[w.Window]++
		}
	}
	for w := range f.Plan.EnergyWindows() {
		if final[w.Window] != 1 {
			t.Errorf("window %d has %d final records", w.Window, final[w.Window])
		}
	}
	if len(final) != 24 || f.Run.State != results.Complete || len(f.Run.Sessions) != 4 {
		t.Errorf("%d windows, %s, %d sessions", len(final), f.Run.State, len(f.Run.Sessions))
	}
}

// TestNoCounters: on a machine without counters all else runs, and the report
// says which doors were tried. Under --strict, who asks for energy gets none
// of it.
func TestNoCounters(t *testing.T) {
	dir, cache, sysfs := t.TempDir(), testCache(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "e.hcl"), fmt.Appendf(nil, energetic, abs("../../functions/echo")), 0o644); err != nil {
		t.Fatal(err)
	}
	c, out := nebula(t, dir, cache, "run", "--path.sysfs", sysfs, "e.hcl")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := summary(t, dir)
	for _, c := range s.Cells {
		if c.N != 2 || c.Energy == nil || c.Energy.Status != stats.Unavailable || !strings.Contains(c.Energy.Reason, "powercap") {
			t.Errorf("%s: n = %d, %+v", c.Cell, c.N, c.Energy)
		}
	}
	b, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(b), `"status":"unavailable"`) {
		t.Error(string(b), err)
	}
	for _, want := range []string{"Energy is unavailable", "What opens it: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	c, out = nebula(t, dir, cache, "run", "--strict", "--path.sysfs", sysfs, "e.hcl")
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitUnfit || !strings.Contains(out.String(), "nothing was written") {
		t.Errorf("--strict: %v: %s", err, out)
	}
}
