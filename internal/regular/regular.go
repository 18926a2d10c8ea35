// Package regular reads what a user has named: regular files, and folders of
// them. A path that somebody typed may lead to a pipe that nobody writes to, to
// an endless device, or to a file as large as a disk, so nothing here waits, and
// everything has a bound.
//
// It refuses what is no regular file rather than read a little of it.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Why a path is not read.
var (
	ErrFolder   = errors.New("it is a folder")
	ErrSpecial  = errors.New("it is a pipe or a device")
	ErrTooLarge = errors.New("it is too large")
)

// Open opens a regular file. It neither waits for the other end of a pipe nor
// wakes a device: what is no regular file is not opened at all.
func Open(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		return nil, nil, err
	}
	// It may have become something else since.
	f, err := os.OpenFile(path, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	// Some files of the kernel are regular and yet say nothing until something
	// happens (/proc/kmsg). These show a size of 0. A file with a size gets no
	// deadline: where a file can be polled, as in a file system of FUSE, that
	// would cut short the reading of a large one.
	if info.Size() == 0 {
		_ = f.SetReadDeadline(time.Now().Add(patience))
	}
	return f, info, nil
}

// patience is how long a file of the kernel may be silent.
const patience = time.Second

func check(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: ErrFolder}
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "open", Path: path, Err: ErrSpecial}
	}
	return nil
}

// Read gives the bytes of a regular file that has at most so many. Some files
// of the kernel are regular and say that they are empty, so what counts is
// what comes.
func Read(path string, most int64) ([]byte, error) {
	f, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tooLarge := &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %s", ErrTooLarge, bytes(most))}
	if info.Size() > most {
		return nil, tooLarge
	}
	b := make([]byte, 0, info.Size()+1)
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > most:
			return nil, tooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// bytes writes a bound for people.
func bytes(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if n < 1024 || n%1024 != 0 || unit == "GiB" {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1024
	}
	return ""
}
