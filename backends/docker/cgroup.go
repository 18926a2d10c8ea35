package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nebula-bench/nebula/backends"
)

// cgroup is a control group of ours above the containers' own, which are gone
// before anybody could read them: it keeps what they took. It is there only
// where the engine is local and we may make one, which takes root; elsewhere
// nothing is measured. An engine that manages cgroups by files (driver
// cgroupfs) takes a folder; one that leaves them to systemd a slice, with
// cgroups v2 only.
//
// What it counts is all that runs within a container: also runc's own first
// steps in it, and files that the kernel read for it.
type cgroup struct {
	root   string // of the mounts
	name   string
	v2     bool
	slice  bool  // systemd's
	before int64 // CPU time, nanoseconds
	fresh  bool  // the peak of memory has been set back
}

const cgroupRoot = "/sys/fs/cgroup"

// unified is where v2's hierarchy is mounted beside v1's. It has none of the
// controllers that count.
const unified = "unified"

// cgroupPrefix marks the groups that are ours. A slice's name has _ for each -,
// which would make it a part of another one.
const cgroupPrefix = "nebula-run-"

// newCgroup makes the group, or gives nil.
func newCgroup(root string, owner backends.Owner, version, driver string) *cgroup {
	c := &cgroup{root: root, v2: version == "2", slice: driver == "systemd"}
	if driver != "cgroupfs" && !(c.slice && c.v2) {
		return nil
	}
	c.name = fmt.Sprintf("%s%d-%d-%s-%s", cgroupPrefix, owner.PID, owner.Started, namespace(owner), owner.Run)
	if c.slice {
		c.name = strings.ReplaceAll(c.name, "-", "_") + ".slice"
	}
	if err := c.make(); err != nil {
		c.remove()
		return nil
	}
	if !c.v2 {
		// Without it, a parent counts nothing of its children's. It can't be
		// set where it is already, with children.
		os.WriteFile(c.file("memory", "memory.use_hierarchy"), []byte("1"), 0)
	}
	return c
}

// namespace is the number of the PID namespace of an owner's process; 0 where it
// is not known.
func namespace(o backends.Owner) string {
	_, n, _ := strings.Cut(o.Namespace, "[") // pid:[4026531836]
	if n = strings.TrimSuffix(n, "]"); n == "" {
		n = "0"
	}
	return n
}

func (c *cgroup) make() error {
	if c.slice {
		if err := systemctl("start", c.name); err != nil {
			return err
		}
		_, err := os.Stat(c.dirs()[0])
		if err != nil { // systemd's tree is not the one that we see
			systemctl("stop", c.name)
		}
		return err
	}
	for _, dir := range c.dirs() {
		// Another backend of the run may have made it.
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// systemctl asks systemd for something of a unit, and waits for it.
func systemctl(verb, unit string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "systemctl", "--system", "--no-ask-password", "--quiet", verb, unit).Run()
}

// dirs are the group's folders: in every hierarchy of v1, so that runc, which
// would make the missing ones, does the same in each trial.
func (c *cgroup) dirs() (dirs []string) {
	if c.v2 {
		return []string{filepath.Join(c.root, c.name)}
	}
	hierarchies, _ := os.ReadDir(c.root)
	for _, h := range hierarchies {
		if h.IsDir() && h.Name() != unified {
			dirs = append(dirs, filepath.Join(c.root, h.Name(), c.name))
		}
	}
	return dirs
}

// file is a file of the group's, in the hierarchy of a controller.
func (c *cgroup) file(controller, name string) string {
	if c.v2 {
		controller = ""
	}
	return filepath.Join(c.root, controller, c.name, name)
}

// parent is what a container's settings call the group.
func (c *cgroup) parent() string {
	switch {
	case c == nil:
		return ""
	case c.slice:
		return c.name
	}
	return "/" + c.name
}

// begin sets the counters to where a trial begins; that of CPU time alone
// where nobody asks for the peak of memory.
func (c *cgroup) begin(peak bool) {
	if c == nil {
		return
	}
	if !peak {
		c.fresh = false
	} else if c.v2 {
		// Its peak can be set back only by being made anew. A group that still
		// holds a container keeps the peak of an earlier trial.
		err := c.remove()
		c.fresh = err == nil || errors.Is(err, os.ErrNotExist)
		c.make()
	} else {
		c.fresh = os.WriteFile(c.file("memory", "memory.max_usage_in_bytes"), []byte("0"), 0) == nil
	}
	c.before = c.cpu()
}

// usage is what was taken since begin.
func (c *cgroup) usage() (u backends.Usage) {
	if c == nil {
		return u
	}
	if now := c.cpu(); now > c.before {
		u.CPU = now - c.before
	}
	name := "memory.max_usage_in_bytes"
	if c.v2 {
		name = "memory.peak"
	}
	if c.fresh {
		u.PeakMemory = readNumber(c.file("memory", name))
	}
	return u
}

// cpu is the CPU time so far, in nanoseconds.
func (c *cgroup) cpu() int64 {
	if !c.v2 {
		return readNumber(c.file("cpuacct", "cpuacct.usage"))
	}
	b, _ := os.ReadFile(c.file("", "cpu.stat"))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "usage_usec" {
			us, _ := strconv.ParseInt(f[1], 10, 64)
			return us * 1000
		}
	}
	return 0
}

func readNumber(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// remove removes the group. One that still holds a container stays; the error
// is of its last folder.
func (c *cgroup) remove() (err error) {
	if c == nil {
		return nil
	}
	for _, dir := range c.dirs() {
		err = errors.Join(err, removeCgroup(dir))
	}
	return err
}

// end removes the group for good, and the group of the same name that runc makes
// where v2's hierarchy is mounted beside v1's. The kernel may take a moment to
// see that the last process has gone.
func (c *cgroup) end() {
	if c == nil {
		return
	}
	for range 10 {
		err := c.remove()
		if !c.v2 {
			err = errors.Join(err, os.Remove(filepath.Join(c.root, unified, c.name)))
		}
		if !errors.Is(err, syscall.EBUSY) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// removeCgroup removes what is a folder, or a slice, and holds nothing.
func removeCgroup(dir string) error {
	if unit := filepath.Base(dir); strings.HasSuffix(unit, ".slice") {
		// Stopping a slice would end what runs in it.
		events, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
		if err != nil {
			return err
		}
		if !strings.Contains(string(events), "populated 0\n") {
			return syscall.EBUSY
		}
		return systemctl("stop", unit)
	}
	return os.Remove(dir)
}

// cleanCgroups removes the groups of dead runs, which hold nothing.
func cleanCgroups(root string) {
	for _, pattern := range []string{"*", "*/*"} {
		dirs, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, dir := range dirs {
			name, ours := strings.CutPrefix(strings.ReplaceAll(filepath.Base(dir), "_", "-"), cgroupPrefix)
			owner := backends.NewOwner("") // of this machine and boot
			var ns uint64
			if _, err := fmt.Sscanf(name, "%d-%d-%d-", &owner.PID, &owner.Started, &ns); !ours || err != nil {
				continue
			}
			if owner.Namespace = fmt.Sprintf("pid:[%d]", ns); owner.Gone() {
				removeCgroup(dir) // never what is not empty
			}
		}
	}
}
