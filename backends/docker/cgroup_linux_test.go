package docker

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
)

// TestBusyCgroupGoes has one hierarchy of v1 say for a moment that its group is
// in use. Neither the hierarchies after it nor the lack of v2's beside them keep
// the group from being removed later.
func TestBusyCgroupGoes(t *testing.T) {
	root := t.TempDir()
	for _, h := range []string{"cpuacct", "pids"} {
		os.Mkdir(filepath.Join(root, h), 0o755)
	}
	c := newCgroup(root, backends.NewOwner("r"), "1", "cgroupfs")
	if c == nil {
		t.Fatal("no group")
	}
	busy := c.dirs()[0]
	if err := syscall.Mount("none", busy, "tmpfs", 0, ""); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer syscall.Unmount(busy, syscall.MNT_DETACH)
	time.AfterFunc(50*time.Millisecond, func() { syscall.Unmount(busy, syscall.MNT_DETACH) })
	c.end()
	for _, dir := range c.dirs() {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
}
