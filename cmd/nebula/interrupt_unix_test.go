//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stage is a moment of a command's life.
type stage struct {
	name     string
	command  []string
	backend  string
	prepare  func(t *testing.T, dir, cache string)
	reached  func(dir, said string) bool
	complete bool // the run is over: its folder stays, whole
}

// stages are those that can be held for as long as a test wants.
func stages(t *testing.T) []stage {
	run := []string{"run", "--progress", "none", "x.hcl"}
	fifo := func(name string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, _ string) {
			name := filepath.Join(dir, name)
			os.MkdirAll(filepath.Dir(name), 0o755)
			if err := syscall.Mkfifo(name, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	over := func(dir, said string) bool {
		files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/x/*/run.json"))
		b := []byte{}
		if len(files) == 1 {
			b, _ = os.ReadFile(files[0])
		}
		if !bytes.Contains(b, []byte(`"complete"`)) {
			return false
		}
		time.Sleep(500 * time.Millisecond) // it opens the pipe that nobody reads
		return true
	}
	accepted := make(chan struct{})
	return []stage{
		{name: "waiting for the lock", command: append(run, "--wait", "1h"), prepare: func(t *testing.T, _, cache string) {
			f, err := os.Create(filepath.Join(cache, "lock"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
		}, reached: func(_, said string) bool { return strings.Contains(said, "waiting for") }},
		{name: "opening an engine that does not answer", command: run, backend: `backend "docker" "d" {}`, prepare: func(t *testing.T, dir, _ string) {
			socket, err := net.Listen("unix", filepath.Join(dir, "s"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { socket.Close() })
			t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "s"))
			go func() {
				for first := true; ; first = false {
					if _, err := socket.Accept(); err != nil {
						return
					}
					if first {
						close(accepted)
					}
				}
			}()
		}, reached: func(string, string) bool {
			select {
			case <-accepted:
				return true
			default:
				return false
			}
		}},
		{name: "building", command: run, prepare: func(t *testing.T, dir, _ string) {
			compiler, err := exec.LookPath("go")
			if err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = build ]; then echo $$ > '%s/building'; exec sleep 600; fi\nexec '%s' \"$@\"\n", dir, compiler)
			os.Mkdir(filepath.Join(dir, "bin"), 0o755)
			if err := os.WriteFile(filepath.Join(dir, "bin", "go"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
		}, reached: func(dir, _ string) bool {
			b, _ := os.ReadFile(filepath.Join(dir, "building"))
			return len(b) > 0
		}},
		{name: "looking at the machine", command: run, prepare: warmed, reached: func(_, said string) bool { return strings.Contains(said, "ready") }},
		{name: "writing for a CI", command: append(run, "--junit", "pipe"), prepare: fifo("pipe"), reached: over, complete: true},
	}
}

// warmed builds the function, so that what comes after it is not waited for.
func warmed(t *testing.T, dir, cache string) {
	t.Helper()
	c, out := nebula(t, dir, cache, "run", "--progress", "none", "--out", t.TempDir(), "x.hcl")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestInterruptAtEachStage interrupts a run wherever it can be held up: it ends
// with 130, at once, and leaves nothing behind.
func TestInterruptAtEachStage(t *testing.T) {
	for _, s := range stages(t) {
		t.Run(s.name, func(t *testing.T) {
			dir, cache := t.TempDir(), t.TempDir()
			text := fmt.Sprintf("experiment \"x\" {}\nfunction \"noop\" { source = %q }\nbackend \"wazero\" \"w\" { start = [\"prepared\"] }\n%s\nrun { repetitions = 1 }\nthreshold \"t\" {\n  metric = \"startup\"\n  assert = median < \"1h\"\n}\n",
				abs("../../functions/noop"), s.backend)
			if err := os.WriteFile(filepath.Join(dir, "x.hcl"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			s.prepare(t, dir, cache)
			var said safeBuffer
			c := nebulaTo(t, &said, dir, cache, s.command...)
			for deadline := time.Now().Add(2 * time.Minute); !s.reached(dir, said.String()); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("it never came to that: %s", said.String())
				}
			}
			asked := time.Now()
			c.Process.Signal(os.Interrupt)
			c.Wait()
			if code := c.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, said.String())
			}
			if took := time.Since(asked); took > 20*time.Second {
				t.Errorf("it took %s to stop", took)
			}
			leavesNothing(t, dir, cache)
			runs, _ := filepath.Glob(filepath.Join(dir, "reports/runs/*/*"))
			if want := map[bool]int{false: 0, true: 1}[s.complete]; len(runs) != want {
				t.Errorf("runs left: %v", runs)
			}
		})
	}
}

// leavesNothing checks that nothing but what a command is there for remains.
func leavesNothing(t *testing.T, dir, cache string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(cache, "scratch", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "build", "tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	filepath.WalkDir(dir, func(name string, _ os.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(name), ".nebula-") {
			t.Errorf("half-written: %s", name)
		}
		return nil
	})
	if b, err := os.ReadFile(filepath.Join(dir, "building")); err == nil {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat("/proc/" + strings.TrimSpace(string(b))); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Error("the compiler lives on")
				break
			}
		}
	}
}

// TestIgnoredSignals sends a run what it was started to ignore, as by nohup or
// in a script's background. It goes on, and ends by a signal that was not.
func TestIgnoredSignals(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	text := fmt.Sprintf("experiment \"long\" {}\nfunction \"noop\" { source = %q }\nbackend \"wazero\" \"wasm\" { start = [\"prepared\"] }\nrun { repetitions = 100000 }\n", abs("../../functions/noop"))
	if err := os.WriteFile(filepath.Join(dir, "long.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(dir, "nebula")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", `trap '' HUP INT; exec ./nebula run --progress none long.hcl`)
	c.Dir, c.Env = dir, append(os.Environ(), "NEBULA_CACHE="+cache, "NEBULA_LOCK="+filepath.Join(cache, "lock"))
	var said safeBuffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	records := func() (n int) {
		files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/long/*/trials.jsonl"))
		for _, f := range files {
			b, _ := os.ReadFile(f)
			n += bytes.Count(b, []byte("\n"))
		}
		return n
	}
	atLeast := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); records() < n; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) || syscall.Kill(c.Process.Pid, 0) != nil {
				t.Fatalf("%d records: %s", records(), said.String())
			}
		}
	}
	atLeast(5)
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGHUP, syscall.SIGINT} {
		c.Process.Signal(s)
		time.Sleep(20 * time.Millisecond)
	}
	atLeast(records() + 50)
	if strings.Contains(said.String(), "stopping") {
		t.Errorf("it heeded what it was to ignore: %s", said.String())
	}
	c.Process.Signal(syscall.SIGTERM)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, said.String())
	}
	leavesNothing(t, dir, cache)
}
