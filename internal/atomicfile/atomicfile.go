// Package atomicfile writes files whole or not at all, and what is not a
// regular file it writes through and never replaces: a device, a pipe, this
// process's own output.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Write writes a file under another name and renames it when it is whole and
// on disk, so that nobody ever sees half of it. A link stays one: what it leads
// to is written. A file that is replaced keeps its owner and mode; a new one
// gets the mode that the umask leaves.
func Write(name string, write func(io.Writer) error) error {
	target, through, err := resolve(name)
	switch {
	case err != nil:
		return err
	case through != nil:
		return errors.Join(buffered(through, write), through.Close())
	}
	return replace(target, write)
}

// Check says what can be known beforehand to keep Write from writing a file,
// and leaves nothing behind.
func Check(name string) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
	case err == nil:
		return nil // a device or a pipe tells when it is opened
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err // a circle of links, say
	}
	target, _, err := resolve(name) // of what is not there, nothing is opened
	if err != nil {
		return err
	}
	f, err := temporary(target, 0o600)
	if err != nil {
		return err
	}
	drop(f)
	return f.Close()
}

// Create is Write for a file that must not be there yet: its error is
// fs.ErrExist where it is, whoever was first.
func Create(name string, write func(io.Writer) error) error {
	f, err := temporary(name, 0o666)
	if err != nil {
		return err
	}
	defer drop(f)
	if err := errors.Join(buffered(f, write), f.Sync(), f.Close()); err != nil {
		return err
	}
	// A link fails where there is a file of this name; a rename would not.
	err = os.Link(f.Name(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = renameNew(f.Name(), name)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// renameNew renames a file to a name that must not be taken yet, where the file
// system has no hard links, as FAT. For a moment the name leads to an empty file.
func renameNew(from, name string) error {
	reserved, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(reserved.Close(), os.Rename(from, name))
	if err != nil {
		os.Remove(name)
	}
	return err
}

// resolve follows links, even to a file that does not exist yet. What is not a
// regular file, it opens.
func resolve(name string) (target string, through *os.File, err error) {
	target = name
	for range 40 { // as many as Linux follows
		// Not filepath.Dir, which would take a .. back over a link.
		dir, base := filepath.Split(target)
		if dir, err = filepath.EvalSymlinks(dir + "."); err != nil {
			return "", nil, err
		}
		target = filepath.Join(dir, base)
		if fd, ok := ownDescriptor(target); ok {
			through, err = openDescriptor(fd, name)
			return "", through, err
		}
		info, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if base == "" {
				return "", nil, &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
			}
			return target, nil, nil
		case err != nil:
			return "", nil, err
		case info.IsDir():
			return "", nil, &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
		case info.Mode().IsRegular():
			return target, nil, nil
		case info.Mode().Type() != fs.ModeSymlink:
			through, err = os.OpenFile(target, os.O_WRONLY, 0)
			return "", through, err
		}
		to, err := os.Readlink(target)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(to) {
			to = dir + string(filepath.Separator) + to
		}
		target = to
	}
	return "", nil, &fs.PathError{Op: "write", Path: name, Err: errors.New("too many links")}
}

// replace puts a new file in the place of target, or where there is none.
func replace(target string, write func(io.Writer) error) (err error) {
	mode := fs.FileMode(0o666)
	old, err := os.Stat(target)
	if err == nil {
		mode = 0o600 // until it has the old mode, nobody else may read it
	}
	f, err := temporary(target, mode)
	if err != nil {
		return fmt.Errorf("%s can't be written safely, because no new file can be made in its folder: %w", target, err)
	}
	keep := false
	defer func() {
		f.Close()
		if err != nil && !keep {
			drop(f)
		}
		underWay.forget(f)
	}()
	if err := buffered(f, write); err != nil {
		return err
	}
	if old != nil {
		owned := keepOwner(f, old)
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
		if owned != nil {
			keep, err = overwrite(target, f)
			return err
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

// overwrite copies into another user's file: a new file in its place would not
// keep its owner. The new content is on disk already, and stays there (kept) if
// this fails half-way.
func overwrite(target string, f *os.File) (kept bool, err error) {
	to, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return false, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err = errors.Join(err, f.Sync()); err != nil {
		to.Close()
		return false, err
	}
	_, err = io.Copy(to, io.NewSectionReader(f, 0, size))
	if err = errors.Join(err, to.Truncate(size), to.Sync(), to.Close()); err != nil {
		return true, fmt.Errorf("%s is another user's and could not be written to its end (what it should hold is in %s): %w", target, f.Name(), err)
	}
	drop(f)
	return false, nil
}

// temporary makes a file beside another one. Its name is short, however long the
// other's is, and hidden.
func temporary(beside string, mode fs.FileMode) (*os.File, error) {
	for {
		f, err := underWay.open(filepath.Join(filepath.Dir(beside), ".nebula-"+strconv.FormatUint(rand.Uint64(), 36)), mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// underWay are the temporary files that exist now.
var underWay = files{names: map[string]bool{}}

type files struct {
	mu    sync.Mutex
	names map[string]bool
}

func (t *files) open(name string, mode fs.FileMode) (*os.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		t.names[name] = true
	}
	return f, err
}

func (t *files) forget(f *os.File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, f.Name())
}

// drop removes a temporary file.
func drop(f *os.File) {
	os.Remove(f.Name())
	underWay.forget(f)
}

// Abandon removes what is being written, for a program that ends at once: no
// file can be begun after it.
func Abandon() {
	underWay.mu.Lock() // for ever
	for name := range underWay.names {
		os.Remove(name)
	}
}

func buffered(f *os.File, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}
