package docker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// Both versions of cgroups, by fake trees.
func TestCgroupFiles(t *testing.T) {
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("v1", func(t *testing.T) {
		root := t.TempDir()
		for _, h := range []string{"memory", "cpuacct", "pids", "unified"} {
			os.Mkdir(filepath.Join(root, h), 0o755)
		}
		c := newCgroup(root, backends.NewOwner("r1"), "1", "cgroupfs")
		if c == nil {
			t.Fatal("no group")
		}
		if _, err := os.Stat(filepath.Join(root, "pids", c.name)); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(root, "unified", "nebula-run-r1")); err == nil {
			t.Error("a group in the hierarchy without controllers")
		}
		write(c.file("cpuacct", "cpuacct.usage"), "1000\n")
		c.begin(true)
		write(c.file("cpuacct", "cpuacct.usage"), "51000\n")
		write(c.file("memory", "memory.max_usage_in_bytes"), "4096\n")
		if u := c.usage(); u != (backends.Usage{CPU: 50_000, PeakMemory: 4096}) {
			t.Errorf("%+v", u)
		}
		// What can't be set back is another trial's.
		os.Remove(c.file("memory", "memory.max_usage_in_bytes"))
		os.Mkdir(c.file("memory", "memory.max_usage_in_bytes"), 0o755)
		if c.begin(true); c.fresh {
			t.Error("a peak that can't be set back counts")
		}
	})
	t.Run("v2", func(t *testing.T) {
		c := newCgroup(t.TempDir(), backends.NewOwner("r2"), "2", "cgroupfs")
		if c == nil {
			t.Fatal("no group")
		}
		c.begin(true)
		write(c.file("cpu", "cpu.stat"), "usage_usec 70\nuser_usec 60\nsystem_usec 10\n")
		write(c.file("memory", "memory.peak"), "8192\n")
		if u := c.usage(); u != (backends.Usage{CPU: 70_000, PeakMemory: 8192}) {
			t.Errorf("%+v", u)
		}
		// The next trial finds the group in use: its peak is not its own, and
		// is absent.
		c.begin(true)
		write(c.file("cpu", "cpu.stat"), "usage_usec 90\n")
		if u := c.usage(); u != (backends.Usage{CPU: 20_000}) {
			t.Errorf("in a group in use: %+v", u)
		}
		// Nor is it where none was asked for.
		os.RemoveAll(c.dirs()[0])
		os.Mkdir(c.dirs()[0], 0o755)
		c.begin(false)
		write(c.file("memory", "memory.peak"), "8192\n")
		write(c.file("cpu", "cpu.stat"), "usage_usec 5\n")
		if u := c.usage(); u != (backends.Usage{CPU: 5_000}) {
			t.Errorf("in a window: %+v", u)
		}
	})
	for name, c := range map[string]*cgroup{
		"systemd, v1": newCgroup(t.TempDir(), backends.NewOwner("r"), "1", "systemd"),
		"not allowed": newCgroup(filepath.Join(t.TempDir(), "none"), backends.NewOwner("r"), "2", "cgroupfs"),
	} {
		if c.begin(true); c.parent() != "" || c.usage() != (backends.Usage{}) {
			t.Errorf("%s: something was measured", name)
		}
		c.remove()
	}
}

// What a container takes, against a known truth.
func TestUsage(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	if a.backend.cgroup == nil {
		t.Skipf("this engine's containers can't be put below a cgroup of ours: version %s, driver %s",
			a.backend.info.CgroupVersion, a.backend.info.CgroupDriver)
	}
	take := func(s experiment.Start, args ...string) backends.Usage {
		t.Helper()
		r := backendtest.Trial(t, a, s, backends.Request{Args: args}, patience)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Usage
	}
	for _, s := range []experiment.Start{experiment.Cold, experiment.Prepared} {
		least, busy := take(s, "echo"), take(s, "busy", "200")
		// The function works until it has had 200 ms by its own account, in
		// which it has its begin, but not that of its container.
		if busy.CPU < 198e6 || busy.CPU > 220e6+least.CPU {
			t.Errorf("%s: 200 ms of work count as %.1f ms, and nothing as %.1f ms", s, float64(busy.CPU)/1e6, float64(least.CPU)/1e6)
		}
		hold := take(s, "hold", "64")
		if d := float64(hold.PeakMemory-least.PeakMemory) / (64 << 20); d < 0.9 || d > 1.6 {
			t.Errorf("%s: 64 MiB count as %.2f times that: %+v, %+v", s, d, least, hold)
		}
		// One trial's peak is not the next one's.
		if again := take(s, "echo"); again.PeakMemory > 2*least.PeakMemory {
			t.Errorf("%s: after 64 MiB, a small trial has %d bytes, before %d", s, again.PeakMemory, least.PeakMemory)
		}
	}
}

// No group outlives its backend, or the cleaning after a kill: neither one
// that we made, nor one that runc made of the same name.
func TestCgroupsGo(t *testing.T) {
	testenv.Need(t, "docker")
	there := func(c *cgroup) (dirs []string) {
		dirs, _ = filepath.Glob(filepath.Join(cgroupRoot, c.name))
		below, _ := filepath.Glob(filepath.Join(cgroupRoot, "*", c.name))
		return append(dirs, below...)
	}
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	b := a.backend
	if b.cgroup == nil {
		t.Skip("this engine's containers can't be put below a cgroup of ours")
	}
	answerOf(t, a, "echo")
	cleanCgroups(cgroupRoot)
	if len(there(b.cgroup)) == 0 {
		t.Error("cleaning removed the group of a run that goes on")
	}
	b.cgroup.end()
	if dirs := there(b.cgroup); len(dirs) > 0 {
		t.Errorf("left behind: %v", dirs)
	}
	kill := func(owner backends.Owner) *cgroup {
		t.Helper()
		c := newCgroup(cgroupRoot, owner, b.info.CgroupVersion, b.info.CgroupDriver)
		if len(there(c)) == 0 {
			t.Fatal("there is no group")
		}
		t.Cleanup(c.end)
		if _, err := os.Stat(filepath.Join(cgroupRoot, unified)); err == nil && !c.v2 {
			if err := os.Mkdir(filepath.Join(cgroupRoot, unified, c.name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	dead := backends.NewOwner("killed")
	dead.Started++ // another process had this number
	killed, living := kill(dead), kill(backends.NewOwner("another"))
	cleanCgroups(cgroupRoot)
	if dirs := there(killed); len(dirs) > 0 {
		t.Errorf("left behind after cleaning: %v", dirs)
	}
	if len(there(living)) == 0 {
		t.Error("cleaning removed the group of another run that goes on")
	}
}
