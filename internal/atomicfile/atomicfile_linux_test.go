package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk fills a file system of its own: the old content stays.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	name := filepath.Join(dir, "f")
	put(t, name, "old", 0o644)
	if err := Write(name, text(strings.Repeat("x", 1<<18))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v", err)
	}
	holds(t, name, "old")
	nothingElse(t, dir)
	if err := Write("/dev/full", text("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("/dev/full: error %v", err)
	}
}

// TestOtherUserHelper is no test: TestAsAnotherUser runs it as nobody.
func TestOtherUserHelper(t *testing.T) {
	dir := os.Getenv("NEBULA_TEST_DIR")
	if dir == "" {
		t.Skip("another test runs it")
	}
	if err := Write(filepath.Join(dir, "locked", "f"), text("new")); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder that takes no new file: error %v", err)
	}
	holds(t, filepath.Join(dir, "locked", "f"), "old")
	if err := Write(filepath.Join(dir, "shared", "f"), text("new")); err != nil {
		t.Errorf("root's file that everybody may write: %v", err)
	}
	nothingElse(t, filepath.Join(dir, "shared"))
	if err := Write(filepath.Join(dir, "shared", "roots"), text("new")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("root's file that nobody else may write: %v", err)
	}
	nothingElse(t, filepath.Join(dir, "shared"))
}

// TestAsAnotherUser writes as a user who may do less: in a folder that takes
// no new file, and files whose owner can't be kept by replacing them.
func TestAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	dir, err := os.MkdirTemp("", "nebula-test-") // t.TempDir lies in a folder of root's alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	for sub, mode := range map[string]fs.FileMode{"locked": 0o755, "shared": 0o777} {
		os.Mkdir(filepath.Join(dir, sub), mode)
		os.Chmod(filepath.Join(dir, sub), mode)
	}
	put(t, filepath.Join(dir, "locked", "f"), "old", 0o666)
	put(t, filepath.Join(dir, "shared", "f"), "an old content that is longer", 0o666)
	put(t, filepath.Join(dir, "shared", "roots"), "old", 0o644)
	exe, _ := os.ReadFile("/proc/self/exe")
	program := filepath.Join(dir, "program")
	put(t, program, string(exe), 0o755)
	c := exec.Command(program, "-test.run=^TestOtherUserHelper$")
	c.Dir = dir
	c.Env = []string{"NEBULA_TEST_DIR=" + dir, "TMPDIR=" + filepath.Join(dir, "shared")}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	holds(t, filepath.Join(dir, "shared", "f"), "new")
	info, _ := os.Stat(filepath.Join(dir, "shared", "f"))
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 0 || info.Mode() != 0o666 {
		t.Errorf("it belongs to %d, mode %v", s.Uid, info.Mode())
	}
	holds(t, filepath.Join(dir, "shared", "roots"), "old")
}
