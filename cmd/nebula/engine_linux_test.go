package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// dockerEngine is a Docker engine of a test's own, which may be stopped.
type dockerEngine struct {
	t    *testing.T
	root string
	host string // for DOCKER_HOST
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// ownEngine starts an engine that ends with the test.
func ownEngine(t *testing.T) *dockerEngine {
	t.Helper()
	testenv.Need(t, "docker")
	root, err := os.MkdirTemp("", "nbl") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	e := &dockerEngine{t: t, root: root, host: "unix://" + filepath.Join(root, "s")}
	e.start()
	t.Cleanup(e.stop)
	return e
}

func (e *dockerEngine) start() {
	e.t.Helper()
	c := exec.Command("dockerd", "--data-root", filepath.Join(e.root, "data"), "--exec-root", filepath.Join(e.root, "exec"),
		"--pidfile", filepath.Join(e.root, "pid"), "--host", e.host, "--bridge=none", "--iptables=false", "--ip6tables=false")
	c.Stdout, c.Stderr = &e.log, &e.log
	// A network of its own: without a bridge, an engine removes that of
	// the engine beside it.
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := c.Start(); err != nil {
		testenv.Lacks(e.t, "docker", fmt.Errorf("a second engine can't be started: %w", err))
	}
	e.cmd = c
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if exec.Command("docker", "--host", e.host, "version").Run() == nil {
			return
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			c.Wait()
			testenv.Lacks(e.t, "docker", fmt.Errorf("a second engine does not come up: %.2000s", e.log.String()))
		}
	}
}

func (e *dockerEngine) stop() {
	for _, pid := range e.processes() {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	e.cmd.Process.Signal(syscall.SIGTERM)
	e.cmd.Wait()
}

// processes are those of the engine: dockerd's, and its containerd's.
func (e *dockerEngine) processes() (pids []int) {
	for _, file := range []string{"pid", "exec/containerd/containerd.pid"} {
		b, _ := os.ReadFile(filepath.Join(e.root, file))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hang stops a process of the engine for a while, and lets it go on.
func (e *dockerEngine) hang(process int, d time.Duration) {
	e.t.Helper()
	pids := e.processes()
	if len(pids) != 2 {
		e.t.Fatalf("the engine's processes: %v", pids)
	}
	if err := syscall.Kill(pids[process], syscall.SIGSTOP); err != nil {
		e.t.Fatal(err)
	}
	time.Sleep(d)
	if err := syscall.Kill(pids[process], syscall.SIGCONT); err != nil {
		e.t.Fatal(err)
	}
}

const (
	dockerd    = 0
	containerd = 1
)

// TestHang hangs an engine in the middle of a run. The trials are run again,
// because the function had no part in it, and nothing stays behind: neither what
// could not be removed meanwhile nor what was created after a trial had given up.
func TestHang(t *testing.T) {
	e := ownEngine(t)
	t.Setenv("DOCKER_HOST", e.host)
	for _, tt := range []struct {
		name    string
		process int
		starts  string
		trials  int
		long    time.Duration
	}{
		{"dockerd", dockerd, `"cold"`, 15, 12 * time.Second},
		{"dockerd, warm and prepared", dockerd, `"warm", "prepared"`, 14, 4 * time.Second},
		{"containerd", containerd, `"cold"`, 7, 4 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, cache := t.TempDir(), testCache(t)
			text := fmt.Sprintf(`
experiment "hang" {}
function "noop" { source = "%s" }
backend "docker" "scratch" { start = [%s] }
run {
  warmup      = 0
  repetitions = %d
  timeout     = "2s"
}
`, abs("../../functions/noop"), tt.starts, tt.trials/(1+strings.Count(tt.starts, ",")))
			if err := os.WriteFile(filepath.Join(dir, "hang.hcl"), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			c, out := nebula(t, dir, cache, "run", "hang.hcl")
			waitFor(t, c, out, dir, 3)
			e.hang(tt.process, tt.long)
			if err := c.Wait(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			f, err := results.Find(filepath.Join(dir, "reports"), "latest")
			if err != nil {
				t.Fatal(err)
			}
			whole(t, f)
			if f.Plan.Len() != tt.trials {
				t.Errorf("%d trials", f.Plan.Len())
			}
			hangs := 0
			for r, err := range f.Trials() {
				if err == nil && !r.Final() {
					hangs++
					if r.Outcome != "backend_error" || !strings.Contains(r.Error, "the engine hangs or is away: ") {
						t.Errorf("attempt %d of trial %d: %s %s", r.Attempt, r.Trial, r.Outcome, r.Error)
					}
				}
			}
			if hangs == 0 {
				t.Errorf("the hang is not on record: %s", out)
			}
			if left := labelled(t, f.Run.ID); len(left) > 0 {
				t.Errorf("containers left behind: %v", left)
			}
		})
	}
}

// TestInterruptsWhileTheEngineHangs: two interrupts end a run although its engine
// hangs, within the time that a removal may take, and say what stays behind.
func TestInterruptsWhileTheEngineHangs(t *testing.T) {
	e := ownEngine(t)
	t.Setenv("DOCKER_HOST", e.host)
	c, out, dir, cache := startLong(t, true)
	pid := e.processes()[dockerd]
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // a container's trial is in flight
	began := time.Now()
	for range 2 {
		c.Process.Signal(os.Interrupt)
		time.Sleep(100 * time.Millisecond)
	}
	c.Wait()
	took := time.Since(began)
	t.Logf("it took %v", took)
	if code := c.ProcessState.ExitCode(); code != exitInterrupted || took > 30*time.Second {
		t.Errorf("exit code %d after %v: %s", code, took, out)
	}
	if !strings.Contains(out.String(), "could not remove everything: nebula clean will") {
		t.Errorf("it does not say what stays: %s", out)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	if f.Run.State != results.Interrupted {
		t.Errorf("state %s", f.Run.State)
	}
	// The engine takes a moment to do what it was asked before.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		clean, said := nebula(t, dir, cache, "clean")
		if err := clean.Wait(); err != nil {
			t.Fatalf("clean: %v: %s", err, said)
		}
		time.Sleep(300 * time.Millisecond)
		left := labelled(t, f.Run.ID)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("clean left %v", left)
		}
	}
}

// TestOutage stops an engine in the middle of a run, and starts it again.
func TestOutage(t *testing.T) {
	engine := ownEngine(t)
	dir, cache := t.TempDir(), testCache(t)
	file := filepath.Join(dir, "chaos.hcl")
	if err := os.WriteFile(file, fmt.Appendf(nil, bothBackends, abs("../../functions/noop"), `"cold", "warm"`, 20), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", engine.host)
	c, out := nebula(t, dir, cache, "run", "chaos.hcl")
	waitFor(t, c, out, dir, 8)
	engine.stop()
	time.Sleep(2 * time.Second)
	engine.start()
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	if attempts := whole(t, f); attempts <= f.Plan.Len() {
		t.Errorf("%d attempts at %d trials: the outage is not on record: %s", attempts, f.Plan.Len(), out)
	}
	for _, want := range []string{"waiting for the engine to come back", "the engine is back"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in: %s", want, out)
		}
	}
	// A reader of the report hears of it too.
	page, err := os.ReadFile(filepath.Join(f.Dir, "index.html"))
	if err != nil || !bytes.Contains(page, []byte("failed in the backend and made again")) {
		t.Errorf("the outage is not in the report: %v", err)
	}
	if left := labelled(t, f.Run.ID); len(left) > 0 {
		t.Errorf("containers left behind: %v", left)
	}
}
