package results

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// This file opens what a run's folder holds. Such a folder may come from
// anywhere, so whatever lies in a file's place is looked at first.

const (
	// mostJSON is how long run.json, and the head of plan.json, may be.
	mostJSON = 64 << 20
	// mostLine is how long a record may be. Function's last words are cut off
	// far earlier.
	mostLine = 16 << 20
)

// open opens a file for reading, where it is one: a pipe or a device in its
// place would be waited for, and read, for ever. A link to a file is one.
func open(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: it is %s, and should be a file", name, kindOf(info.Mode()))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "no file"
}

// ReadFile reads a whole file that is not longer than most.
func ReadFile(name string, most int64) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, tooLong(name, info.Size(), most)
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1)) // it may grow meanwhile, and files of kernels have no length
	if err == nil && int64(len(b)) > most {
		err = tooLong(name, int64(len(b)), most)
	}
	return b, err
}

func tooLong(name string, is, most int64) error {
	return fmt.Errorf("%s: it has %d MiB, and none is longer than %d MiB", name, is>>20, most>>20)
}

// isFolder reports whether a folder is a run's, sound or not: it holds an
// identity, or records that have lost theirs. A plan alone is a run that was
// killed before it began, or is about to begin.
func isFolder(dir string) bool {
	for _, name := range []string{RunFile, TrialsFile, StopsFile, EnergyFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
