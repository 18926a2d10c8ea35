package results

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/regular"
	"github.com/nebula-bench/nebula/internal/system"
)

// Dir is where a run's folder lies below the output folder.
func Dir(out, experiment, id string) string {
	return filepath.Join(out, "runs", experiment, id)
}

// Writer appends the records of one run to its folder.
type Writer struct {
	dir    string
	trials *os.File
	stops  *os.File
	energy *os.File // nil until there is a record
	blocks *os.File // likewise
	buf    []byte
}

// Create makes the run's folder with its plan and identity. Nothing is left
// behind where that fails.
func Create(dir string, plan *experiment.Plan, run *Run) (*Writer, error) {
	return CreateContext(context.Background(), dir, plan, run)
}

// CreateContext is Create that can be interrupted: a plan may have millions of
// trials. Its error is the context's then.
func CreateContext(ctx context.Context, dir string, plan *experiment.Plan, run *Run) (w *Writer, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
			os.Remove(filepath.Dir(dir)) // where it is the first run's, it is empty
		}
	}()
	write := func(w io.Writer) error { return plan.WriteJSON(interruptible{ctx, w}) }
	if err := atomicfile.Write(filepath.Join(dir, PlanFile), write); err != nil {
		return nil, err
	}
	w = &Writer{dir: dir}
	if err := w.Update(run); err != nil {
		return nil, err
	}
	// What nobody could read afterwards is not worth measuring.
	if _, err := Open(dir); err != nil {
		return nil, fmt.Errorf("the run could not be read again: %w", err)
	}
	return w, w.open(os.O_CREATE | os.O_EXCL)
}

// interruptible writes until its context ends.
type interruptible struct {
	ctx context.Context
	w   io.Writer
}

func (i interruptible) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.w.Write(p)
}

// ErrBusy means that another process is writing the run.
var ErrBusy = errors.New("another process is writing this run")

// Resume takes the folder of a run that did not end; from here on nobody else
// writes it. Its error is ErrBusy where the run goes on elsewhere. Call Mend
// before the first record.
func Resume(dir string) (*Writer, error) {
	w := &Writer{dir: dir}
	return w, w.open(os.O_CREATE)
}

// Mend cuts off a line that a kill or a full disk tore: its trial never ended.
func (w *Writer) Mend() error {
	var errs []error
	for _, file := range []string{TrialsFile, StopsFile, EnergyFile, BlocksFile} {
		errs = append(errs, cutTorn(filepath.Join(w.dir, file)))
	}
	return errors.Join(errs...)
}

func (w *Writer) open(flags int) (err error) {
	flags |= os.O_WRONLY | os.O_APPEND
	if w.trials, err = openRecords(filepath.Join(w.dir, TrialsFile), flags); err != nil {
		return err
	}
	// Two writers would record trials twice. The kernel gives the lock back
	// with the file, however its holder dies.
	if err := lockRecords(w.trials); errors.Is(err, system.ErrLocked) {
		w.trials.Close()
		return ErrBusy
	}
	if w.stops, err = openRecords(filepath.Join(w.dir, StopsFile), flags); err != nil {
		w.trials.Close()
	}
	return err
}

// cutTorn shortens a file to its last whole line. Lines are far shorter than
// the window, except where a function's error text is at its longest.
func cutTorn(name string) error {
	f, err := openRecords(name, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	window := make([]byte, 1<<16)
	for end > 0 {
		begin := max(0, end-int64(len(window)))
		b := window[:end-begin]
		if _, err := f.ReadAt(b, begin); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return f.Truncate(begin + int64(i) + 1)
		}
		end = begin
	}
	return f.Truncate(0)
}

// Dir is the run's folder.
func (w *Writer) Dir() string { return w.dir }

// Append writes one record with one call to the kernel, so that a killed
// process loses no finished trial.
func (w *Writer) Append(t *Trial) error { return w.line(w.trials, t) }

// Stop appends why a cell has no more trials.
func (w *Writer) Stop(s *Stop) error { return w.line(w.stops, s) }

func (w *Writer) line(to io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.buf = append(append(w.buf[:0], b...), '\n')
	_, err = to.Write(w.buf)
	return err
}

// later appends a record to a file that comes with its first.
func (w *Writer) later(to **os.File, file string, v any) error {
	if *to == nil {
		f, err := openRecords(filepath.Join(w.dir, file), os.O_CREATE|os.O_WRONLY|os.O_APPEND)
		if err != nil {
			return err
		}
		*to = f
	}
	return w.line(*to, v)
}

// Update replaces run.json; a reader sees the old one or the new one.
func (w *Writer) Update(run *Run) error {
	return WriteInside(filepath.Join(w.dir, RunFile), func(f io.Writer) error {
		e := json.NewEncoder(f)
		e.SetIndent("", "  ")
		return e.Encode(run)
	})
}

// Close makes the records durable.
func (w *Writer) Close() error {
	errs := []error{w.trials.Sync(), w.stops.Sync(), w.trials.Close(), w.stops.Close()}
	for _, f := range []*os.File{w.energy, w.blocks} {
		if f != nil {
			errs = append(errs, f.Sync(), f.Close())
		}
	}
	return errors.Join(errs...)
}

// Folder is a stored run, opened for reading.
type Folder struct {
	Dir  string
	Run  Run
	Plan experiment.Plan
}

// Open reads a run's identity and plan; the records are read by Trials.
func Open(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	if err := readJSON(filepath.Join(dir, RunFile), &f.Run); err != nil {
		return nil, err
	}
	if err := f.Run.check(); err != nil {
		return nil, fmt.Errorf("%s: not a run: %w", filepath.Join(dir, RunFile), err)
	}
	if err := readPlan(filepath.Join(dir, PlanFile), &f.Plan); err != nil {
		return nil, err
	}
	if f.Plan.Experiment != f.Run.Experiment {
		return nil, fmt.Errorf("%s: the plan is of experiment %q, and the run of %q: the folder's files do not belong together",
			filepath.Join(dir, PlanFile), f.Plan.Experiment, f.Run.Experiment)
	}
	return f, nil
}

// readPlan reads a plan up to its list of trials, which comes last, follows
// from the rest, and can be long.
func readPlan(name string, p *experiment.Plan) error {
	file, info, err := regular.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	head, err := readHead(jsontext.NewDecoder(io.LimitReader(file, mostJSON)), "trials")
	if err == nil {
		err = json.Unmarshal(head, p)
	}
	if err != nil {
		err = readJSON(name, p) // it knows the line
	}
	if err != nil {
		return err
	}
	if err := checkPlan(p, info.Size()); err != nil {
		return fmt.Errorf("%s: not a plan: %w", name, err)
	}
	return nil
}

// readHead gives an object without the member last and what follows it.
func readHead(d *jsontext.Decoder, last string) ([]byte, error) {
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		if name.String() == last {
			break
		}
		key := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		members[key] = json.RawMessage(v.Clone())
	}
	return json.Marshal(members)
}

func readJSON(name string, v any) error {
	b, err := regular.Read(name, mostJSON)
	if err != nil {
		return err
	}
	if err := checkForm(b); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		line := 1
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line += bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n"))
		}
		return fmt.Errorf("%s:%d: %w", name, line, err)
	}
	return nil
}

// Trials yields the records in the order in which they were written. It
// stops at the first that cannot be read, and at a second end of a trial.
func (f *Folder) Trials() iter.Seq2[*Trial, error] {
	name := filepath.Join(f.Dir, TrialsFile)
	return func(yield func(*Trial, error) bool) {
		ended := make([]bool, f.Plan.Len())
		n := 0
		for t, err := range readFile(name, aTrial, false, newTrial) {
			n++
			if err == nil && t.Final() && t.Trial <= len(ended) {
				if ended[t.Trial-1] {
					err = fmt.Errorf("%s:%d: a second record of the end of trial %d", name, n, t.Trial)
				}
				ended[t.Trial-1] = true
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

const aTrial = "a trial record"

func newTrial() *Trial { return &Trial{At: experiment.NewStamps()} }

// Stops reads why cells stopped before their last repetition; none where the
// run had no such rule.
func (f *Folder) Stops() (stops []Stop, err error) {
	for s, err := range readFile(filepath.Join(f.Dir, StopsFile), aStop, true, newStop) {
		if err != nil {
			return nil, err
		}
		stops = append(stops, *s)
	}
	if err := checkStops(&f.Plan, stops); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(f.Dir, StopsFile), err)
	}
	return stops, nil
}

const aStop = "a record of a stop"

func newStop() *Stop { return &Stop{} }

// dirs gives the folders of an output folder's runs, by experiment and id.
func dirs(out, experiment string) (dirs []string) {
	root := filepath.Join(out, "runs")
	experiments, _ := os.ReadDir(root) // none yet, or what is there is none
	for _, e := range experiments {
		if experiment != "" && e.Name() != experiment {
			continue
		}
		runs, _ := os.ReadDir(filepath.Join(root, e.Name()))
		for _, r := range runs {
			dir := filepath.Join(root, e.Name(), r.Name())
			if isFolder(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// List opens every run below the output folder, oldest first. A folder that
// cannot be read is reported beside the others.
func List(out string) (runs []*Folder, bad []error) { return list(dirs(out, "")) }

func list(dirs []string) (runs []*Folder, bad []error) {
	for _, d := range dirs {
		f, err := Open(d)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		runs = append(runs, f)
	}
	slices.SortStableFunc(runs, (*Folder).byStart)
	return runs, bad
}

// absent is an error about a run that is not there, in its own words alone.
type absent string

func (a absent) Error() string { return string(a) }

// Is makes it fs.ErrNotExist.
func (a absent) Is(target error) bool { return target == fs.ErrNotExist }

// Find opens the run that a user names: a folder, a run's id, latest or
// baseline, or one of the latter two of one experiment: coldstart/latest.
func Find(out, name string) (*Folder, error) {
	experiment, which := filepath.Split(name)
	experiment = strings.TrimSuffix(experiment, "/")
	if name != "latest" && name != "baseline" {
		if isFolder(name) {
			return Open(name)
		}
	}
	switch which {
	case "latest":
		return latest(out, experiment)
	case "baseline":
		return findBaseline(out, experiment)
	}
	var found []string
	for _, d := range dirs(out, "") {
		if filepath.Base(d) == name {
			found = append(found, d)
		}
	}
	if len(found) == 1 {
		return Open(found[0])
	}
	return nil, absent(fmt.Sprintf("no run %q: it is neither a run's folder nor the id of a run in %s; nebula list says which there are", name, out))
}

// latest opens the newest run of an experiment, or of all where it has no
// name. A run that only confirmed another does not count: it holds a few cells,
// which nobody asked for.
func latest(out, experiment string) (*Folder, error) {
	runs, bad := list(dirs(out, experiment))
	for _, f := range slices.Backward(runs) {
		if !f.Confirming() {
			return f, nil
		}
	}
	of, but := "", ""
	if experiment != "" {
		of = " of " + experiment
	}
	if len(runs) > 0 {
		but = ", but for those that only confirmed another"
	}
	return nil, errors.Join(append(bad, absent(fmt.Sprintf("no run%s in %s yet%s", of, out, but)))...)
}
