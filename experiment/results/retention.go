package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Retention says which stored runs stay. What either rule keeps stays; so do
// the baseline and the newest complete run of each experiment, always, and a
// run that goes on.
type Retention struct {
	Age time.Duration // runs that started less than this ago stay; 0: no such rule
	// Runs is how many complete runs of each experiment stay, the newest; 0:
	// no such rule. Runs of some of the cells are counted apart, so that one
	// that only confirmed another does not push that out.
	Runs int
	// Interrupted lets go runs too that did not end, and that could still be
	// resumed, by their age.
	Interrupted bool
}

// Old gives the runs below the output folder that need not stay, oldest
// first. What cannot be read, is reached by a link, or is not a run's folder
// as Nebula makes it, stays, whatever its age; what cannot be read is
// reported.
func (r Retention) Old(out string, now time.Time) (old []*Folder, bad []error) {
	if r.Age <= 0 && r.Runs <= 0 {
		return nil, nil
	}
	root := filepath.Join(out, "runs")
	experiments, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		bad = append(bad, err)
	}
	for _, e := range experiments {
		if !e.IsDir() {
			continue
		}
		more, errs := r.oldOf(out, e.Name(), now)
		old, bad = append(old, more...), append(bad, errs...)
	}
	slices.SortStableFunc(old, (*Folder).byStart)
	return old, bad
}

func (r Retention) oldOf(out, experiment string, now time.Time) (old []*Folder, bad []error) {
	baseline, err := Baseline(out, experiment)
	if err != nil {
		return nil, []error{err} // which one must stay is not known
	}
	var own []string
	for _, d := range dirs(out, experiment) {
		if ownFolder(d) {
			own = append(own, d)
		}
	}
	runs, bad := list(own)
	complete := map[bool]int{} // by whether it was asked for some of the cells
	for _, f := range slices.Backward(runs) {
		switch id := f.Run.ID; {
		case id != filepath.Base(f.Dir) || f.Run.Experiment != experiment:
			continue // put there by somebody
		case f.Run.State == Complete:
			some := f.Run.Asked.Quick || len(f.Run.Asked.Only) > 0
			complete[some]++
			if n := complete[some]; id == baseline || n == 1 || n <= r.Runs {
				continue
			}
		case id == baseline, !r.Interrupted, r.Age <= 0, busy(f.Dir):
			continue
		}
		if r.Age > 0 && now.Sub(f.Run.Started) < r.Age {
			continue
		}
		old = append(old, f)
	}
	return old, bad
}

// ownFolder reports whether a folder is one, and no link to one, and holds
// what makes it a run's.
func ownFolder(dir string) bool {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return false
	}
	for _, name := range []string{RunFile, PlanFile} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// Remove removes a run's folder. Where that is cut short, what is left is
// still a run's folder, and can be removed again.
func (f *Folder) Remove() error {
	if !ownFolder(f.Dir) {
		return fmt.Errorf("%s is not a run's folder", f.Dir)
	}
	if f.Run.State != Complete {
		w, err := Resume(f.Dir) // so that nobody takes it up meanwhile
		if err != nil {
			return fmt.Errorf("run %s: %w", f.Run.ID, err)
		}
		defer w.Close()
		now, err := Open(f.Dir)
		if err != nil {
			return err
		}
		if now.Run.State == Complete {
			return fmt.Errorf("run %s was completed meanwhile", f.Run.ID)
		}
	}
	files, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		if name := file.Name(); name != RunFile && name != PlanFile {
			if err := os.RemoveAll(filepath.Join(f.Dir, name)); err != nil {
				return err
			}
		}
	}
	return errors.Join(os.Remove(filepath.Join(f.Dir, RunFile)), os.RemoveAll(f.Dir))
}

// busy reports whether a process is writing the run, or that can't be told.
func busy(dir string) bool {
	f, err := openRecords(filepath.Join(dir, TrialsFile), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		return true
	}
	defer f.Close()
	return system.TryLock(f) != nil
}
