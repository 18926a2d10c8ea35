package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/regular"
)

// This file says what belongs to a run's folder, and opens it. Such a folder
// may come from anywhere, so its files are read by way of internal/regular, and
// nothing is written through a link or into a pipe.

const (
	// mostJSON is how long run.json, and the head of plan.json, may be.
	mostJSON = 64 << 20
	// mostLine is how long a record may be. A function's last words are cut
	// off far earlier.
	mostLine = 4 << 20
)

// isFolder reports whether a folder is a run's, sound or not: it holds an
// identity, or records that have lost theirs. A plan alone is a run that was
// killed before it began, or is about to begin.
func isFolder(dir string) bool {
	for _, name := range []string{RunFile, TrialsFile, StopsFile, EnergyFile, BlocksFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// WriteInside writes a file of a folder that may have come from anywhere. A
// link in the file's place is replaced, and not what it leads to; anything else
// that is no file is left alone.
func WriteInside(name string, write func(io.Writer) error) error {
	switch info, err := os.Lstat(name); {
	case err != nil:
	case info.Mode()&fs.ModeSymlink != 0:
		if err := os.Remove(name); err != nil {
			return err
		}
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: it is no file, and Nebula would write one there", name)
	}
	return atomicfile.Write(name, write)
}

var errLink = errors.New("it is a link, and records are kept in the run's own folder")

// openRecords opens a file of records for more than reading. It neither waits
// for the other end of a pipe nor follows a link.
func openRecords(name string, flags int) (*os.File, error) {
	switch info, err := os.Lstat(name); {
	case err != nil: // opening it says why, or makes it
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: errLink}
	case !info.Mode().IsRegular() && !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: regular.ErrSpecial}
	}
	return os.OpenFile(name, flags, 0o644)
}
