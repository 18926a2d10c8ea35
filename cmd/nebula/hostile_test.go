package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestHostile runs guests that mean harm before one that does not, on both
// backends: each has its own outcome, on record within its timeout and two
// seconds, and the run goes on.
func TestHostile(t *testing.T) {
	testenv.Need(t, "docker")
	const timeout = 5 * time.Second
	want := map[string]experiment.Outcome{
		"echo":     experiment.OK,
		"loop":     experiment.Timeout,
		"grow":     experiment.OutOfMemory,
		"flood":    experiment.Failed, // it would write for ever
		"fork":     experiment.Timeout,
		"stubborn": experiment.Timeout, // it ignores SIGTERM
		"panic":    experiment.Failed,
	}
	text := fmt.Sprintf(`
experiment "hostile" {}
function "probe" {
  source = %q
  dynamic "input" {
    for_each = ["loop", "grow", "flood", "fork", "stubborn", "panic", "echo"]
    labels   = [input.value]
    content {
      stdin = "x"
      args  = [input.value]
    }
  }
}
backend "wazero" "wasm" {
  start  = ["prepared"]
  memory = "64MiB"
}
backend "docker" "scratch" {
  start  = ["cold"]
  memory = "256MiB"
  pids   = 16
}
run {
  repetitions = 1
  warmup      = 0
  order       = "interleaved" # the one that is harmless comes last
  timeout     = "%s"
}
`, abs("../../backends/backendtest/testdata/probe"), timeout)
	dir, cache := t.TempDir(), testCache(t)
	if err := os.WriteFile(filepath.Join(dir, "hostile.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, out := nebula(t, dir, cache, "run", "hostile.hcl")
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var recorded []time.Time // when each record was there
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
		for n := records(dir); len(recorded) < n; {
			recorded = append(recorded, time.Now())
		}
	}
	if code := c.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit code %d, want %d: %s", code, exitFailed, out)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range f.Trials() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != want[r.Input] {
			t.Errorf("%s on %s: %s %s, want %s", r.Input, r.Backend, r.Outcome, r.Error, want[r.Input])
		}
		if took := recorded[n].Sub(r.Requested); took > timeout+2*time.Second {
			t.Errorf("%s on %s was over after %s", r.Input, r.Backend, took)
		}
		n++
	}
	if n != f.Plan.Len() || n != 2*len(want) || f.Run.State != results.Complete {
		t.Errorf("state %s with %d records of %d", f.Run.State, n, f.Plan.Len())
	}
	if names := missing(f.Run.Sessions[0].Before, f.Run.Sessions[0].During); len(names) > 0 {
		t.Errorf("the run did not look at %v", names)
	}
	if left := labelled(t, f.Run.ID); len(left) > 0 {
		t.Errorf("containers left behind: %v", left)
	}
	if left := children(); left != "" {
		t.Errorf("children left behind: %s", left)
	}
}
