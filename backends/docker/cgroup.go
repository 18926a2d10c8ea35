package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/backends"
)

// cgroup is a control group of ours above the containers' own, which are gone
// before anybody could read them: it keeps what they took. It is there only
// where the engine is local and manages cgroups by files (driver cgroupfs) and
// we may make one; elsewhere nothing is measured.
//
// What it counts is all that runs within a container: also runc's own first
// steps in it, and files that the kernel read for it.
type cgroup struct {
	root   string // of the mounts
	name   string
	v2     bool
	before int64 // CPU time, nanoseconds
	fresh  bool  // the peak of memory has been set back
}

const cgroupRoot = "/sys/fs/cgroup"

// cgroupPrefix marks the groups that are ours.
const cgroupPrefix = "nebula-run-"

// newCgroup makes the group, or gives nil.
func newCgroup(root string, owner backends.Owner, version, driver, host string) *cgroup {
	if driver != "cgroupfs" || !strings.HasPrefix(host, "unix://") {
		return nil
	}
	name := fmt.Sprintf("%s%d-%d-%s", cgroupPrefix, owner.PID, owner.Started, owner.Run)
	c := &cgroup{root: root, name: name, v2: version == "2"}
	for _, dir := range c.dirs() {
		// Another backend of the run may have made it.
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			c.remove()
			return nil
		}
	}
	if !c.v2 {
		// Without it, a parent counts nothing of its children's. It can't be
		// set where it is already, with children.
		os.WriteFile(c.file("memory", "memory.use_hierarchy"), []byte("1"), 0)
	}
	return c
}

// dirs are the group's folders: in every hierarchy of v1, so that runc, which
// would make the missing ones, does the same in each trial.
func (c *cgroup) dirs() (dirs []string) {
	if c.v2 {
		return []string{filepath.Join(c.root, c.name)}
	}
	hierarchies, _ := os.ReadDir(c.root)
	for _, h := range hierarchies {
		if h.IsDir() && h.Name() != "unified" {
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
	if c == nil {
		return ""
	}
	return "/" + c.name
}

// begin sets the counters to where a trial begins.
func (c *cgroup) begin() {
	if c == nil {
		return
	}
	if c.v2 {
		// Its peak can be set back only by being made anew. A group that still
		// holds a container keeps the peak of an earlier trial.
		dir := c.dirs()[0]
		err := os.Remove(dir)
		c.fresh = err == nil || errors.Is(err, os.ErrNotExist)
		os.Mkdir(dir, 0o755)
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

// remove removes the group. One that still holds a container stays.
func (c *cgroup) remove() {
	if c == nil {
		return
	}
	for _, dir := range c.dirs() {
		os.Remove(dir)
	}
}

// cleanCgroups removes the groups of dead runs, which hold nothing.
func cleanCgroups(root string) {
	for _, pattern := range []string{"*", "*/*"} {
		dirs, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, dir := range dirs {
			name, ours := strings.CutPrefix(filepath.Base(dir), cgroupPrefix)
			owner := backends.NewOwner("") // of this machine and boot
			if _, err := fmt.Sscanf(name, "%d-%d-", &owner.PID, &owner.Started); ours && err == nil && owner.Gone() {
				os.Remove(dir) // never what is not empty
			}
		}
	}
}
