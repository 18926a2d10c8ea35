package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// A full disk loses the trial in flight, and the run goes on elsewhere.
func TestFullDisk(t *testing.T) {
	testenv.Need(t, "root")
	dir, cache := t.TempDir(), testCache(t)
	reports := filepath.Join(dir, "reports")
	if err := os.Mkdir(reports, 0o755); err != nil {
		t.Fatal(err)
	}
	testenv.Lacks(t, "root", syscall.Mount("tmpfs", reports, "tmpfs", 0, "size=64k"))
	mounted := true
	unmount := func() {
		if mounted {
			syscall.Unmount(reports, syscall.MNT_DETACH)
			mounted = false
		}
	}
	t.Cleanup(unmount)
	writeLong(t, dir, "", 300)
	c, out := nebula(t, dir, cache, "run", "long.hcl")
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(out.String(), "no space left on device") || !strings.Contains(out.String(), "--resume") {
		t.Errorf("exit code %d, want %d, the reason and how to go on: %s", code, exitFailed, out)
	}
	f, n := stored(t, dir)
	if n < 5 || n >= f.Plan.Len() {
		t.Fatalf("%d records of %d before the disk was full: %s", n, f.Plan.Len(), out)
	}
	elsewhere := t.TempDir()
	if out, err := exec.Command("cp", "-r", reports, elsewhere).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	unmount()
	c, out = nebula(t, elsewhere, cache, "run", "--resume", filepath.Join("reports/runs/long", f.Run.ID))
	if err := c.Wait(); err != nil {
		t.Fatalf("resumed elsewhere: %v: %s", err, out)
	}
	f, err := results.Find(filepath.Join(elsewhere, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	whole(t, f)
}
