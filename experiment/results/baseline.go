package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nebula-bench/nebula/internal/regular"
)

// BaselineFile names, beside the runs of an experiment, the run that later
// ones are held against. Pruning never removes that one.
const BaselineFile = "baseline"

// Baseline gives the id of an experiment's baseline; none is no error.
func Baseline(out, experiment string) (id string, err error) {
	name := Dir(out, experiment, BaselineFile)
	b, err := regular.Read(name, 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id, rest, _ := strings.Cut(string(b), "\n")
	if id == "" || rest != "" || strings.ContainsAny(id, "/\x00") {
		return "", fmt.Errorf("%s: it holds %q, and should hold the id of a run", name, b)
	}
	return id, nil
}

// SetBaseline makes a complete run below the output folder its experiment's
// baseline, instead of any other.
func SetBaseline(out string, f *Folder) error {
	if f.Run.State != Complete {
		return fmt.Errorf("run %s is %s: only a complete run can be a baseline", f.Run.ID, f.Run.State)
	}
	want := Dir(out, f.Run.Experiment, f.Run.ID)
	a, err := os.Stat(want)
	if err != nil {
		return fmt.Errorf("run %s is not among the runs of %s: %w", f.Run.ID, out, err)
	}
	if b, err := os.Stat(f.Dir); err != nil || !os.SameFile(a, b) {
		return fmt.Errorf("run %s lies in %s, not in %s", f.Run.ID, f.Dir, want)
	}
	return WriteInside(filepath.Join(filepath.Dir(want), BaselineFile), func(w io.Writer) error {
		_, err := fmt.Fprintln(w, f.Run.ID)
		return err
	})
}

// findBaseline opens the baseline of an experiment, or, without a name, the
// only one there is.
func findBaseline(out, experiment string) (*Folder, error) {
	files := []string{}
	experiments, _ := os.ReadDir(filepath.Join(out, "runs"))
	for _, e := range experiments {
		file := Dir(out, e.Name(), BaselineFile)
		if _, err := os.Stat(file); err == nil && (experiment == "" || experiment == e.Name()) {
			files = append(files, file)
		}
	}
	switch {
	case len(files) == 0:
		return nil, absent(fmt.Sprintf("no baseline in %s: nebula baseline RUN makes a run the one that others are held against; nebula list says which runs there are", out))
	case len(files) > 1:
		return nil, fmt.Errorf("%d experiments in %s have a baseline; say which: EXPERIMENT/baseline", len(files), out)
	}
	experiment = filepath.Base(filepath.Dir(files[0]))
	id, err := Baseline(out, experiment)
	if err != nil {
		return nil, err
	}
	f, err := Open(Dir(out, experiment, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent(fmt.Sprintf("the baseline of %s, run %s, is not there; nebula list says which runs are", experiment, id))
	}
	return f, err
}
