//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ownDescriptor reports which of this process's descriptors a name stands
// for, as /dev/stdout leads to /proc/<pid>/fd/1. It may be open on a regular file
// that others write to as well, so that file must not be replaced.
func ownDescriptor(name string) (fd int, ok bool) {
	pid := strconv.Itoa(os.Getpid())
	dir, base := filepath.Split(name)
	fd, err := strconv.Atoi(base)
	parts := strings.Split(strings.Trim(dir, "/"), "/")
	switch {
	case err != nil || fd < 0:
		return 0, false
	case slices.Equal(parts, []string{"dev", "fd"}), slices.Equal(parts, []string{"proc", pid, "fd"}):
		return fd, true
	}
	thread := len(parts) == 5 && parts[0] == "proc" && parts[1] == pid && parts[2] == "task" && parts[4] == "fd"
	return fd, thread
}

// openDescriptor duplicates one, so that it keeps its offset, and so that a
// socket works, which can't be opened by name.
func openDescriptor(fd int, name string) (*os.File, error) {
	copied, err := syscall.Dup(fd)
	if err != nil {
		return nil, &fs.PathError{Op: "write", Path: name, Err: err}
	}
	syscall.CloseOnExec(copied)
	return os.NewFile(uintptr(copied), name), nil
}

// keepOwner gives a file the owner and group of the one that it replaces.
func keepOwner(f *os.File, old fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	was, ok2 := old.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}

// syncDir makes a new name durable. Some file systems can't, and that is no
// failure to write.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // it may be written to, and not read
	}
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
