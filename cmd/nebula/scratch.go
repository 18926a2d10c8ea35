package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/regular"
)

// scratch is the folder of what a run needs only while it goes on. A file
// beside it says to whom it belongs; it is there before the folder is.
type scratch struct{ dir string }

func (s scratch) owner() string { return s.dir + ".json" }

func scratchRoot() string { return filepath.Join(build.CacheRoot(), "scratch") }

func newScratch(o backends.Owner) (s scratch, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return s, err
	}
	if err := os.MkdirAll(scratchRoot(), 0o700); err != nil {
		return s, err
	}
	// That of an earlier session may still be there, if nobody can tell whether
	// the session is dead.
	for n := 1; ; n++ {
		s.dir = filepath.Join(scratchRoot(), o.Run)
		if n > 1 {
			s.dir += fmt.Sprintf("%s%d", sessionMark, n)
		}
		// Whole or not there: another run may be looking for dead owners.
		err := atomicfile.Create(s.owner(), func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		})
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return s, err
		}
		return s, os.Mkdir(s.dir, 0o700)
	}
}

const sessionMark = "~"

func (s scratch) remove() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	return os.Remove(s.owner())
}

// scratches finds the folders of runs, with their owners. What newScratch did
// not make is not among them, whatever it is called.
func scratches() (map[scratch]backends.Owner, error) {
	root := scratchRoot()
	all, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[scratch]backends.Owner{}
	for _, e := range all {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !e.Type().IsRegular() {
			continue
		}
		s := scratch{filepath.Join(root, name)}
		if info, err := os.Lstat(s.dir); err == nil && !info.IsDir() {
			continue
		}
		run, _, _ := strings.Cut(name, sessionMark)
		if o, ok := readOwner(s.owner()); ok && o.Run == run {
			found[s] = o
		}
	}
	return found, nil
}

// readOwner reads what newScratch wrote, of this version or an older one.
func readOwner(file string) (o backends.Owner, ok bool) {
	b, err := regular.Read(file, 1<<16)
	if err != nil {
		return o, false
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return o, d.Decode(&o) == nil && o.Run != "" && o.PID > 0
}

// cleanScratch removes the folders whose owners have died, and says why the
// others stay.
func cleanScratch(declared []string) (removed, left []string, err error) {
	all, err := scratches()
	errs := []error{err}
	for s, o := range all {
		dead, why := o.Abandoned(declared)
		if !dead {
			left = append(left, why)
			continue
		}
		if err := s.remove(); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "scratch folder "+s.dir)
	}
	return removed, left, errors.Join(errs...)
}
