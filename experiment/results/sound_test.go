package results

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// soundRun is a folder in which everything that is checked is there.
func soundRun(t *testing.T) string {
	t.Helper()
	p := plan(t)
	p.Energy = &experiment.Energy{Window: time.Second, Windows: 3, Estimate: &experiment.Estimate{Model: experiment.CPUTime, WattsIdle: 5, WattsFull: 20}}
	p.LeftOut = []experiment.LeftOut{{Function: "f", Backend: "docker.d", Start: experiment.Warm, Cells: 1, Reason: "no engine"}}
	run := &Run{
		ID: "20261122T201500Z-0001", Experiment: "x", State: Complete, Started: time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC),
		Host:       Host{Cores: 2, Memory: 1 << 33},
		Backends:   map[string]BackendFacts{"wazero.w": {}},
		Artifacts:  map[string]map[string]experiment.Identity{"wazero.w": {"f": {Size: 4711}}},
		Energy:     &EnergyFacts{Processors: 2, Domains: []DomainFact{{Name: "dram-0", Quantum: 0.5}}},
		Thresholds: []experiment.Threshold{{Name: "soon", Metric: "startup", Quantile: "p90", Bound: time.Second}},
		Resolved:   json.RawMessage(`{"References": [{"Name": "thesis", "Figures": [{"Metric": "startup", "Values": {"docker": 324.5}, "Ratio": 365}]}]}`),
	}
	dir := Dir(t.TempDir(), run.Experiment, run.ID)
	w, err := Create(dir, p, run)
	if err != nil {
		t.Fatal(err)
	}
	relative := 0.01
	if err := errors.Join(w.Append(record(1)), w.Stop(&Stop{Cell: p.Cells[0], Block: 3, N: 9, Reason: Precise, Relative: &relative}),
		w.Block(&Block{Block: 1, To: 3, Start: run.Started, End: run.Started.Add(time.Second)}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// readAll reads a folder as everybody does.
func readAll(dir string) error {
	f, err := Open(dir)
	if err != nil {
		return err
	}
	_, err = read(f)
	_, serr := f.Stops()
	for _, eerr := range f.Energy() {
		err = errors.Join(err, eerr)
	}
	for _, berr := range f.Blocks() {
		err = errors.Join(err, berr)
	}
	return errors.Join(err, serr)
}

// TestUnsound puts one thing into a folder that can't be true: whoever reads
// it is told which file holds it, and what it is.
func TestUnsound(t *testing.T) {
	if err := readAll(soundRun(t)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, file, old, new, want string }{
		{"a run without a name", RunFile, `"id": "20261122T201500Z-0001"`, `"id": ""`, `"" cannot name a folder`},
		{"a run that is called by a path", RunFile, `"experiment": "x"`, `"experiment": "../x"`, `"../x" cannot name a folder`},
		{"a plan of something else", PlanFile, `"experiment": "x"`, `"experiment": "y"`, `do not belong together`},
		{"an unknown state", RunFile, `"complete"`, `"fine"`, `unknown state "fine"`},
		{"the year 0", RunFile, `"2026-11-22T20:15:00Z"`, `"0000-11-22T20:15:00Z"`, `a time in the year 0`},
		{"the year 9999", RunFile, `"2026-11-22T20:15:00Z"`, `"9999-12-31T23:59:59-23:00"`, `a time in the year 9999`},
		{"no number of cores", RunFile, `"cores": 2`, `"cores": -2`, "number of cores"},
		{"a size below nothing", RunFile, `"size_bytes": 4711`, `"size_bytes": -1`, "what f was built to has a size"},
		{"a copy of itself", RunFile, `"options": null`, `"options": null, "control_of": "wazero.w"`, "backend wazero.w is a copy of itself"},
		{"no processors", RunFile, `"processors": 2`, `"processors": -1`, "on -1 processors"},
		{"a counter that steps back", RunFile, `"quantum_j": 0.5`, `"quantum_j": -0.5`, "steps of the energy counter dram-0 are out of range"},
		{"a threshold of nothing", RunFile, `"metric": "startup"`, `"metric": "speed"`, `threshold "soon" has an unknown metric`},
		{"a threshold of an unknown quantile", RunFile, `"quantile": "p90"`, `"quantile": "p101"`, `threshold "soon" has an unknown`},
		{"a threshold below nothing", RunFile, `"bound_ns": 1000000000`, `"bound_ns": -1`, `threshold "soon"`},
		{"a reference without figures", RunFile, `"Figures": [`, `"Fig": [`, `reference "thesis" has no figures`},
		{"a reference with a figure of nothing", RunFile, `"docker": 324.5`, `"docker": 0`, `reference "thesis" has 0 in column "docker"`},
		{"a reference that is huge", RunFile, `"docker": 324.5`, `"docker": 1e300`, `reference "thesis" has 1e+300`},
		{"a nest", RunFile, `"options": null`, `"options": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nests more than 64 deep"},
		{"a million of values", RunFile, `"options": null`, `"options": [0` + strings.Repeat(",0", 1_000_000) + `]`, "more than 1000000 values"},
		{"a cell twice", PlanFile, `"cells": [`, `"cells": [{"function":"f","input":"i","backend":"wazero.w","start":"cold"},`, "has cell f/i/wazero.w/cold twice"},
		{"a timeout below nothing", PlanFile, `"timeout_ns": 30000000000`, `"timeout_ns": -1`, "its timeout"},
		{"cells left out that are none", PlanFile, `"cells": 1`, `"cells": -1`, "what it left out of f on docker.d"},
		{"a rule that never holds", PlanFile, `"relative_error": 0.02`, `"relative_error": -1`, "relative error of -1"},
		{"a rule without a metric", PlanFile, `"startup"`, ``, "has no metric"},
		{"a multitude of windows", PlanFile, `"windows": 3`, `"windows": 9223372036854775807`, "its energy windows"},
		{"a power below nothing", PlanFile, `"watts_idle": 5`, `"watts_idle": -5`, "its estimate of energy"},
		{"a power beyond all", PlanFile, `"watts_full": 20`, `"watts_full": 1e308`, "its estimate of energy"},
		{"an infinite power", PlanFile, `"watts_full": 20`, `"watts_full": 1e999`, "plan.json:"},
		{"a stop without a rule", PlanFile, `"until"`, `"unto"`, "stops.jsonl: cells stopped, and the plan has no rule"},
		{"a stop of another cell", StopsFile, `"wazero.w"`, `"wazero.v"`, "line 1: the plan has no cell f/i/wazero.v/cold"},
		{"a stop beyond the plan", StopsFile, `"block":3`, `"block":32`, "line 1: the plan has no block 32"},
		{"a relative error below nothing", StopsFile, `0.01`, `-0.01`, "stops.jsonl:1: not a record of a stop"},
		{"an event before time", TrialsFile, `"ready":100`, `"ready":-9223372036854775807`, "trials.jsonl:1: not a trial record: -9223372036854775807 ns to ready"},
		{"an event after all time", TrialsFile, `"ready":100`, `"ready":9223372036854775807`, "ns to ready is out of range"},
		{"CPU time below nothing", TrialsFile, `"at":`, `"cpu_ns":-1,"at":`, "its CPU time"},
		{"a request in the year 1", TrialsFile, `2026-11-22`, `0001-11-22`, "a time in the year 1"},
		{"a stretch in the year 9999", BlocksFile, `2026-11-22`, `9999-11-22`, "blocks.jsonl:1: not a record of blocks: it "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := soundRun(t)
			file := filepath.Join(dir, tt.file)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bad := strings.Replace(string(b), tt.old, tt.new, 1)
			if bad == string(b) {
				t.Fatalf("no %s in %s", tt.old, b)
			}
			if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := readAll(dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%.300v, want %q and the folder", err, tt.want)
			}
		})
	}
}

// A record of the end of a trial stands there once.
func TestTwoEnds(t *testing.T) {
	dir := soundRun(t)
	b, err := os.ReadFile(filepath.Join(dir, TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, TrialsFile), append(b, b...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readAll(dir); err == nil || !strings.Contains(err.Error(), "trials.jsonl:2: a second record of the end of trial 1") {
		t.Error(err)
	}
}

// TestNoFile puts what is no file into the place of each: it is named, at once
// and without being read.
func TestNoFile(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"it is a folder":             func(f string) error { return os.Mkdir(f, 0o755) },
		"pipe or a device":           func(f string) error { return os.Symlink("/dev/zero", f) },
		"it is a pipe or a device":   mkfifo,
		"too many levels":            func(f string) error { return os.Symlink(filepath.Base(f), f) },
		" MiB":                       sparse, // gigabytes, of which none is on the disk
		"no such file":               func(f string) error { return os.Symlink("nowhere", f) },
		"trials.jsonl: no such file": func(f string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			if make(filepath.Join(t.TempDir(), "f")) != nil {
				t.Skip("this system has no such thing")
			}
			for _, file := range []string{RunFile, PlanFile, TrialsFile, StopsFile, EnergyFile, BlocksFile} {
				if strings.HasSuffix(name, "no such file") && slices.Contains([]string{StopsFile, EnergyFile, BlocksFile}, file) {
					continue // come with their first record
				}
				dir := soundRun(t)
				os.Remove(filepath.Join(dir, file))
				if err := make(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				want := strings.TrimPrefix(name, "trials.jsonl: ")
				if err := readAll(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
					t.Errorf("%s: %v, want %q", file, err, want)
				}
				if _, bad := List(filepath.Dir(filepath.Dir(filepath.Dir(dir)))); (file == RunFile || file == PlanFile) && len(bad) != 1 {
					t.Errorf("%s: the list of runs does not name it: %v", file, bad)
				}
			}
		})
	}
}

func sparse(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(20<<30), f.Close())
}

// The id of the baseline is written through no link and into no pipe: the
// folder it lies in may have come from anywhere.
func TestBaselineInItsPlace(t *testing.T) {
	dir := soundRun(t)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Dir(filepath.Dir(filepath.Dir(dir)))
	file := filepath.Join(filepath.Dir(dir), BaselineFile)
	precious := filepath.Join(t.TempDir(), "precious")
	if err := errors.Join(os.WriteFile(precious, []byte("mine"), 0o644), os.Symlink(precious, file)); err != nil {
		t.Skip(err)
	}
	if err := SetBaseline(out, f); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(precious); string(b) != "mine" {
		t.Errorf("what the link led to holds %q", b)
	}
	if id, err := Baseline(out, "x"); id != f.Run.ID || err != nil {
		t.Errorf("the baseline is %q, %v", id, err)
	}
	os.Remove(file)
	if mkfifo(file) != nil {
		return
	}
	if err := SetBaseline(out, f); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Error(err)
	}
}

// What is written goes into the run's own folder: no record through a link that
// leads elsewhere, and none into a pipe, which would be waited for.
func TestRecordsInTheirPlace(t *testing.T) {
	write := func(dir string) error {
		w, err := Resume(dir)
		if err != nil {
			return err
		}
		defer w.Close()
		now := time.Now()
		return errors.Join(w.Mend(), w.Energy(&EnergyWindow{}), w.Block(&Block{Start: now, End: now}))
	}
	if err := write(soundRun(t)); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for want, make := range map[string]func(string) error{
		"it is a link":             func(f string) error { return os.Symlink(elsewhere, f) },
		"it is a pipe or a device": mkfifo,
	} {
		if make(filepath.Join(t.TempDir(), "f")) != nil {
			continue // this system has no such thing
		}
		for _, file := range []string{TrialsFile, StopsFile, EnergyFile, BlocksFile} {
			dir := soundRun(t)
			os.Remove(filepath.Join(dir, file))
			if err := make(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
			if err := write(dir); err == nil || !strings.Contains(err.Error(), file+": "+want) {
				t.Errorf("%s: %v, want %q", file, err, want)
			}
			if busy(dir) != (file == TrialsFile) {
				t.Errorf("%s: whether the run is being written is told all the same", file)
			}
			if _, err := os.Lstat(elsewhere); err == nil {
				t.Errorf("%s: a file was made where the link leads", file)
			}
		}
	}
}

// A machine whose clock was never set has runs all the same.
func TestClockThatWasNeverSet(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 1), time.Unix(5, 0).In(time.FixedZone("", -8*3600))} {
		if err := checkTime(&at); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// A run that nobody could read afterwards does not begin.
func TestUnreadableRunsDoNotBegin(t *testing.T) {
	for want, change := range map[string]func(*experiment.Plan, *Run){
		`threshold "some day"`: func(_ *experiment.Plan, r *Run) {
			r.Thresholds = []experiment.Threshold{{Name: "some day", Metric: "startup", Quantile: "p90", Bound: experiment.MaxTime + 1}}
		},
		"more than 1000000 values": func(_ *experiment.Plan, r *Run) {
			r.Resolved = json.RawMessage("[0" + strings.Repeat(",0", 1_000_000) + "]")
		},
		"its timeout": func(p *experiment.Plan, _ *Run) { p.TimeoutNS = int64(experiment.MaxTime) + 1 },
	} {
		p, run := plan(t), &Run{ID: "20261122T201500Z-0001", Experiment: "x", State: Running}
		change(p, run)
		out := t.TempDir()
		if _, err := Create(Dir(out, run.Experiment, run.ID), p, run); err == nil || !strings.Contains(err.Error(), "could not be read again") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if left, _ := filepath.Glob(filepath.Join(out, "runs", "*")); len(left) > 0 {
			t.Errorf("%s: left behind: %v", want, left)
		}
	}
}
