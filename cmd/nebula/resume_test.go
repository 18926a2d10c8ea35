package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

const bothBackends = `
experiment "chaos" {}
function "noop" { source = "%s" }
backend "wazero" "wasm" { start = ["prepared"] }
backend "docker" "scratch" { start = [%s] }
run {
  warmup      = 0
  repetitions = %d
}
`

// records counts the whole lines of the only run below a folder.
func records(dir string) int {
	files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/*/*/trials.jsonl"))
	if len(files) != 1 {
		return 0
	}
	b, _ := os.ReadFile(files[0])
	return bytes.Count(b, []byte("\n"))
}

// waitFor waits until there are so many records, or nebula has ended.
func waitFor(t *testing.T, c *exec.Cmd, out *bytes.Buffer, dir string, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); records(dir) < n; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d records after two minutes, want %d: %s", records(dir), n, out)
		}
	}
}

// whole checks that the folder's final records are the plan's: each once.
func whole(t *testing.T, f *results.Folder) (attempts int) {
	t.Helper()
	seen := map[int]int{}
	for r, err := range f.Trials() {
		if err != nil {
			t.Fatal(err)
		}
		if attempts++; r.Final() {
			seen[r.Trial]++
		}
		if r.Final() && r.Outcome != "ok" {
			t.Errorf("trial %d: %s %s", r.Trial, r.Outcome, r.Error)
		}
	}
	for trial := range f.Plan.Trials() {
		if seen[trial.Trial] != 1 {
			t.Errorf("trial %d has %d final records", trial.Trial, seen[trial.Trial])
		}
	}
	if len(seen) != f.Plan.Len() {
		t.Errorf("records of %d trials, and the plan has %d", len(seen), f.Plan.Len())
	}
	return attempts
}

// TestKillAndResume kills a run at random moments: while it begins, between
// trials and within them. NEBULA_TEST_KILLS says how often.
func TestKillAndResume(t *testing.T) {
	testenv.Need(t, "docker")
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("NEBULA_TEST_KILLS")); err == nil {
		kills = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	dir, cache := t.TempDir(), testCache(t)
	file := filepath.Join(dir, "chaos.hcl")
	if err := os.WriteFile(file, fmt.Appendf(nil, bothBackends, abs("../../functions/noop"), `"cold"`, 4*kills+4), 0o644); err != nil {
		t.Fatal(err)
	}
	c, out := nebula(t, dir, cache, "run", "--progress", "json", "chaos.hcl")
	waitFor(t, c, out, dir, 1)
	var before []byte
	early := 0
	for kill := range kills {
		if kill%3 == 2 { // whatever it is doing
			time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
		} else {
			waitFor(t, c, out, dir, records(dir)+1+random.IntN(5))
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		}
		c.Process.Kill()
		c.Wait()
		if c.ProcessState.Exited() {
			t.Fatalf("it ended before it was killed: %s", out)
		}
		now := wholeLines(t, dir)
		if !bytes.HasPrefix(now, before) {
			t.Fatalf("after kill %d, records from before are gone or have changed", kill+1)
		}
		if len(now) == len(before) {
			early++
		}
		announced(t, out, now)
		before = now
		c, out = nebula(t, dir, cache, "run", "--progress", "json", "--resume", "latest")
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("the last session: %v: %s", err, out)
	}
	if !bytes.HasPrefix(wholeLines(t, dir), before) {
		t.Error("records from before the last session are gone or have changed")
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, f)
	t.Logf("%d kills, %d of them before the session's first record; %d sessions, %d trials", kills, early, len(f.Run.Sessions), f.Plan.Len())
	if f.Run.State != results.Complete || len(f.Run.Sessions) > kills+1 || len(f.Run.Sessions) < kills+1-early {
		t.Errorf("state %s after %d sessions and %d kills", f.Run.State, len(f.Run.Sessions), kills)
	}
	if left := labelled(t, f.Run.ID); len(left) > 0 {
		t.Errorf("containers left behind: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "scratch", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if left := children(); left != "" {
		t.Errorf("children left behind: %s", left)
	}
}

// wholeLines gives the records of the only run below a folder, without a line
// that was torn.
func wholeLines(t *testing.T, dir string) []byte {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "reports/runs/*/*/trials.jsonl"))
	if len(files) != 1 {
		t.Fatalf("files of records: %v", files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return b[:bytes.LastIndexByte(b, '\n')+1]
}

// announced checks that each trial that a session said was done is on record:
// a kill loses the one in flight, and none that has ended.
func announced(t *testing.T, out *bytes.Buffer, recorded []byte) {
	t.Helper()
	for line := range bytes.Lines(out.Bytes()) {
		var said struct{ Trial int }
		if json.Unmarshal(line, &said) == nil && said.Trial > 0 &&
			!bytes.Contains(recorded, fmt.Appendf(nil, `{"trial":%d,`, said.Trial)) {
			t.Errorf("trial %d was done, and its record is lost", said.Trial)
		}
	}
}

// stopped gives a run that was interrupted in good order.
func stopped(t *testing.T) (dir, cache string, f *results.Folder) {
	t.Helper()
	c, out, dir, cache := startLong(t, false)
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if !strings.Contains(out.String(), "nebula run --resume ") {
		t.Errorf("it does not say how to go on: %s", out)
	}
	f, _ = stored(t, dir)
	return dir, cache, f
}

// A run does not go on where its numbers would be of something else.
func TestResumeRefused(t *testing.T) {
	t.Parallel() // it measures nothing
	dir, cache, f := stopped(t)
	before, err := os.ReadFile(filepath.Join(f.Dir, results.TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	refused := func(t *testing.T, want string, args ...string) {
		t.Helper()
		c, out := nebula(t, dir, cache, append([]string{"run", "--resume", "latest"}, args...)...)
		c.Wait()
		if code := c.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(out.String(), want) {
			t.Errorf("exit code %d, want %d and %q: %s", code, exitUsage, want, out)
		}
		if after, _ := os.ReadFile(filepath.Join(f.Dir, results.TrialsFile)); !bytes.Equal(before, after) {
			t.Error("the records have changed")
		}
	}
	edit := func(t *testing.T, name, old, new string) {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("no %q in %s", old, b)
		}
		if err := os.WriteFile(name, bytes.Replace(b, []byte(old), []byte(new), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.WriteFile(name, b, 0o644) })
	}
	quoted := func(s string) string {
		b, _ := json.Marshal(s)
		return string(b)
	}
	file, run := filepath.Join(dir, "long.hcl"), filepath.Join(f.Dir, results.RunFile)
	digest := f.Run.Artifacts["wazero.wasm"]["noop"].Digest

	t.Run("flags", func(t *testing.T) { refused(t, "--repetitions can't stand beside --resume", "--repetitions", "3") })
	t.Run("experiment", func(t *testing.T) {
		edit(t, file, "repetitions = 100000", "repetitions = 5")
		refused(t, "resolved.Run.Repetitions: 100000 → 5")
	})
	t.Run("moved", func(t *testing.T) {
		if err := os.Rename(file, file+".moved"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Rename(file+".moved", file) })
		refused(t, "say where it is: nebula run --resume latest FILE")
	})
	t.Run("binary", func(t *testing.T) {
		edit(t, run, f.Run.Binary, "sha256:other")
		refused(t, "binary: sha256:other → "+f.Run.Binary)
	})
	t.Run("machine", func(t *testing.T) {
		edit(t, run, `"kernel": `+quoted(f.Run.Host.Kernel), `"kernel": "2.4.37"`)
		refused(t, "host.kernel: 2.4.37 → "+f.Run.Host.Kernel)
	})
	t.Run("function", func(t *testing.T) {
		edit(t, run, digest, "sha256:other")
		refused(t, "artifacts.wazero.wasm.noop.digest: sha256:other → "+digest)
	})
	t.Run("mount", func(t *testing.T) {
		edit(t, filepath.Join(dir, "data", "inner", "file"), "a", "b")
		refused(t, "mounts.noop./data: "+f.Run.Mounts["noop"]["/data"]+" → sha256:")
	})
	t.Run("complete", func(t *testing.T) {
		edit(t, run, `"state": "interrupted"`, `"state": "complete"`)
		refused(t, "there is nothing to resume")
	})
	t.Run("nothing changed", func(t *testing.T) {
		c, out := nebula(t, dir, cache, "run", "--resume", "latest")
		waitFor(t, c, out, dir, bytes.Count(before, []byte("\n"))+5)
		c.Process.Signal(os.Interrupt)
		c.Wait()
		if f, _ := stored(t, dir); f.Run.State != results.Interrupted || len(f.Run.Sessions) != 2 {
			t.Errorf("state %s after %d sessions: %s", f.Run.State, len(f.Run.Sessions), out)
		}
	})
}

// Two runs side by side would measure each other.
func TestLock(t *testing.T) {
	first, _, dir, cache := startLong(t, false)
	f, _ := stored(t, dir)
	elsewhere := t.TempDir()
	second := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		return nebula(t, elsewhere, cache, append([]string{"run", filepath.Join(dir, "long.hcl"), "--quick"}, args...)...)
	}
	c, out := second()
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitUnfit || !strings.Contains(out.String(), "busy with run "+f.Run.ID) {
		t.Errorf("exit code %d, want %d and the other run's name: %s", code, exitUnfit, out)
	}
	c, out = second("--wait", "1m")
	time.Sleep(300 * time.Millisecond)
	first.Process.Kill()
	if err := c.Wait(); err != nil {
		t.Errorf("after the first was killed: %v: %s", err, out)
	}
	for _, want := range []string{"waiting for run " + f.Run.ID, "run " + f.Run.ID + " (process " + strconv.Itoa(first.Process.Pid)} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in: %s", want, out)
		}
	}
	if c, out = second(); c.Wait() != nil || strings.Contains(out.String(), "it was killed") {
		t.Errorf("after one that ended well: %s", out)
	}
}

// Two sessions of one run never overlap: the one that waits goes on where the
// other has come to meanwhile, and under another lock it is refused.
func TestResumeTwice(t *testing.T) {
	first, _, dir, cache := startLong(t, false)
	c, out := nebula(t, dir, cache, "run", "--resume", "latest", "--lock", filepath.Join(cache, "another"))
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitUnfit || !strings.Contains(out.String(), "another process is writing this run") {
		t.Errorf("exit code %d, want %d: %s", code, exitUnfit, out)
	}
	second, out := nebula(t, dir, cache, "run", "--resume", "latest", "--wait", "1m")
	n := records(dir)
	waitFor(t, second, out, dir, n+200) // it has read the records long before these
	first.Process.Signal(os.Interrupt)
	first.Wait()
	_, n = stored(t, dir)
	waitFor(t, second, out, dir, n+20)
	second.Process.Signal(os.Interrupt)
	second.Wait()
	f, _ := stored(t, dir) // each trial once, in order
	if len(f.Run.Sessions) != 2 || f.Run.State != results.Interrupted {
		t.Errorf("state %s after %d sessions: %s", f.Run.State, len(f.Run.Sessions), out)
	}
}
