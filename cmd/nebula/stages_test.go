package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestInterruptBeforeTrials stops a run at each stage before its first trial
// that can take long. Nothing of it stays.
func TestInterruptBeforeTrials(t *testing.T) {
	const source = `experiment "early" {}
function "noop" {
  source = "%s"
  %s
}
backend "wazero" "wasm" { start = ["prepared"] }
run {
  repetitions = %d
  warmup      = 0
}
`
	for _, stage := range []struct {
		name, attributes string
		repetitions      int
		reached          func(dir, said string) bool
	}{
		{"writing plan.json", "inputs = { for i in range(1000) : i => i }", 10_000, func(dir, _ string) bool {
			files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/early/*"))
			return len(files) > 0
		}},
		{"reading mounts", `mounts = { "/data" = "data" }`, 1, func(_, said string) bool {
			if !strings.Contains(said, "ready") {
				return false
			}
			time.Sleep(time.Second) // the machine is looked at in between
			return true
		}},
	} {
		t.Run(stage.name, func(t *testing.T) {
			dir, cache := t.TempDir(), testCache(t)
			large := filepath.Join(dir, "data", "large")
			if err := os.Mkdir(filepath.Dir(large), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(large, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(large, 15<<30); err != nil {
				t.Skip("no sparse files here")
			}
			text := fmt.Sprintf(source, abs("../../functions/noop"), stage.attributes, stage.repetitions)
			if err := os.WriteFile(filepath.Join(dir, "early.hcl"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			var said safeBuffer
			c := nebulaTo(t, &said, dir, cache, "run", "--progress", "none", "early.hcl")
			for deadline := time.Now().Add(2 * time.Minute); !stage.reached(dir, said.String()); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("it never came to that: %s", said.String())
				}
			}
			asked := time.Now()
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			c.Wait()
			if code := c.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(said.String(), "interrupted before the first trial; nothing was written") {
				t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, said.String())
			}
			if took := time.Since(asked); took > 20*time.Second {
				t.Errorf("it took %s to stop", took)
			}
			if files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/*")); len(files) > 0 {
				t.Errorf("left behind: %v", files)
			}
		})
	}
}

// safeBuffer is read while a process writes to it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
