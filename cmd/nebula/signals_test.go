package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/wazero"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

const longRun = `
experiment "long" {}
function "noop" {
  source = "%s"
  mounts = { "/data" = "data" }
}
backend "wazero" "wasm" { start = ["prepared"] }
%s
run { repetitions = %d }
`

// writeLong writes the experiment, with what it mounts, and gives its file.
func writeLong(t *testing.T, dir, more string, repetitions int) string {
	t.Helper()
	write(t, filepath.Join(dir, "data", "inner", "file"), "a")
	file := filepath.Join(dir, "long.hcl")
	write(t, file, fmt.Sprintf(longRun, abs("../../functions/noop"), more, repetitions))
	return file
}

// nebula starts nebula in a folder of its own and gives its output.
func nebula(t *testing.T, dir, cache string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	return nebulaTo(t, out, dir, cache, args...), out
}

// nebulaTo is nebula with an output of the caller's own.
func nebulaTo(t *testing.T, out io.Writer, dir, cache string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Args = append([]string{"nebula"}, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "NEBULA_CACHE="+cache, "NEBULA_LOCK="+filepath.Join(cache, "lock"))
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// startLong starts a run that would take for ever and waits until it has
// some records.
func startLong(t *testing.T, docker bool) (c *exec.Cmd, out *bytes.Buffer, dir, cache string) {
	t.Helper()
	dir, cache = t.TempDir(), testCache(t)
	more := ""
	if docker {
		more = `backend "docker" "scratch" { start = ["cold"] }`
	}
	writeLong(t, dir, more, 100_000)
	c, out = nebula(t, dir, cache, "run", "long.hcl")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no records after two minutes: %s", out)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/long/*/trials.jsonl")); len(files) == 1 {
			if b, _ := os.ReadFile(files[0]); bytes.Count(b, []byte("\n")) > 4 {
				return c, out, dir, cache
			}
		}
	}
}

func stored(t *testing.T, dir string) (*results.Folder, int) {
	t.Helper()
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range f.Trials() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; r.Trial != n {
			t.Fatalf("record %d is of trial %d", n, r.Trial)
		}
	}
	return f, n
}

func TestInterrupt(t *testing.T) {
	for _, docker := range []bool{false, true} {
		t.Run(fmt.Sprintf("docker=%v", docker), func(t *testing.T) {
			if docker {
				testenv.Need(t, "docker")
			}
			c, out, dir, cache := startLong(t, docker)
			if err := c.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			c.Wait()
			if code := c.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, out)
			}
			f, n := stored(t, dir)
			if f.Run.State != results.Interrupted || f.Run.Ended == nil || n < 5 {
				t.Errorf("state %s with %d records", f.Run.State, n)
			}
			for r := range f.Trials() {
				if r.Outcome != "ok" {
					t.Errorf("trial %d, in flight at the time, was not finished: %s %s", r.Trial, r.Outcome, r.Error)
				}
			}
			if _, err := os.Stat(filepath.Join(f.Dir, "index.html")); err != nil {
				t.Errorf("no report of what was done: %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(cache, "scratch", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if docker {
				if left := labelled(t, f.Run.ID); len(left) > 0 {
					t.Errorf("containers left behind: %v", left)
				}
			}
		})
	}
}

func labelled(t *testing.T, run string) []container.Summary {
	t.Helper()
	list, err := dockerClient(t).ContainerList(t.Context(), container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", backends.LabelRun+"="+run)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// trialsOf counts the containers that are not there to keep an image.
func trialsOf(containers []container.Summary) (n int) {
	for _, c := range containers {
		if c.Labels["nebula.holds"] == "" {
			n++
		}
	}
	return n
}

func dockerClient(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestKill kills a run while a container is in flight. What it left behind
// goes with nebula clean, and nothing else does.
// TestCleanBesideARun cleans as another user while a run goes on: the
// images between two of its trials belong to it.
func TestCleanBesideARun(t *testing.T) {
	testenv.Need(t, "docker")
	c, out, dir, cache := startLong(t, true)
	_, before := stored(t, dir)
	clean, said := nebula(t, dir, t.TempDir(), "clean", "--lock", filepath.Join(cache, "lock"))
	if err := clean.Wait(); err != nil {
		t.Fatalf("clean: %v: %s", err, said)
	}
	waitFor(t, c, out, dir, before+6)
	c.Process.Signal(os.Interrupt)
	c.Wait()
	f, _ := stored(t, dir)
	for r := range f.Trials() {
		if r.Outcome != "ok" {
			t.Errorf("trial %d: %s %s; clean said: %s", r.Trial, r.Outcome, r.Error, said)
		}
	}
}

func TestKill(t *testing.T) {
	testenv.Need(t, "docker")
	c := dockerClient(t)
	theirs := bystander(t, c, "bystander:stranger", nil)
	living := bystander(t, c, "bystander:living", backends.NewOwner("20260101T000000Z-live").Labels())

	killed, out, dir, cache := startLong(t, true)
	f, _ := stored(t, dir)
	run := f.Run.ID
	for deadline := time.Now().Add(time.Minute); trialsOf(labelled(t, run)) == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("never saw a container: %s", out)
		}
	}
	killed.Process.Signal(syscall.SIGKILL)
	killed.Wait()
	if trialsOf(labelled(t, run)) == 0 {
		t.Fatal("the killed run left no container: there is nothing to clean")
	}
	if f, n := stored(t, dir); f.Run.State != results.Running || n < 5 {
		t.Errorf("after the kill: state %s, %d records", f.Run.State, n)
	}

	clean, out := nebula(t, dir, cache, "clean")
	if err := clean.Wait(); err != nil {
		t.Fatalf("clean: %v: %s", err, out)
	}
	if left := labelled(t, run); len(left) > 0 {
		t.Errorf("clean left %v: %s", left, out)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "scratch", "*")); len(left) > 0 {
		t.Errorf("clean left %v", left)
	}
	images, err := c.ImageList(t.Context(), image.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "nebula.image"))})
	if err != nil || len(images) > 0 {
		t.Errorf("clean left images %v, %v", images, err)
	}
	for name, id := range map[string]string{"a stranger's container": theirs, "a living run's container": living} {
		if _, err := c.ContainerInspect(t.Context(), id); err != nil {
			t.Errorf("clean removed %s: %v", name, err)
		}
	}
	// What was recorded can still be reported.
	report, out := nebula(t, dir, cache, "report")
	if err := report.Wait(); err != nil {
		t.Errorf("report: %v: %s", err, out)
	}
	if left := children(); left != "" {
		t.Errorf("the killed run's child lives on: %s", left)
	}
}

// bystander makes a container of an image that is not Nebula's.
func bystander(t *testing.T, c *client.Client, ref string, labels map[string]string) string {
	t.Helper()
	importImage(t, c, ref, "file", []byte("x"))
	made, err := c.ContainerCreate(t.Context(), &container.Config{Image: ref, Cmd: []string{"/file"}, Labels: labels}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true})
	})
	return made.ID
}

// importImage makes an image of one file, which goes with the test.
func importImage(t *testing.T, c *client.Client, ref, name string, body []byte, changes ...string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(body))})
	w.Write(body)
	w.Close()
	resp, err := c.ImageImport(t.Context(), image.ImportSource{Source: &b, SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp)
	resp.Close()
	t.Cleanup(func() { c.ImageRemove(context.Background(), ref, image.RemoveOptions{}) })
}

// children waits for every wazero child of this test's program to end, and
// names those that don't.
func children() (left string) {
	own, _ := os.Readlink("/proc/self/exe")
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		left = ""
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			exe, _ := os.Readlink(filepath.Join(filepath.Dir(f), "exe"))
			if b, _ := os.ReadFile(f); exe == own && bytes.Contains(b, []byte("\x00"+wazero.ChildCommand)) {
				left += f + " "
			}
		}
		if left == "" {
			break
		}
	}
	return left
}
