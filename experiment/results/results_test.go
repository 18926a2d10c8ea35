package results

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
)

func plan(t testing.TB) *experiment.Plan {
	t.Helper()
	x := &experiment.Experiment{
		Name:      "x",
		Functions: []experiment.Function{{Name: "f", Inputs: []experiment.Input{{Name: "i"}}}},
		Backends:  []experiment.Backend{{Type: "wazero", Label: "w", Starts: []experiment.Start{experiment.Cold}}},
		Run:       experiment.DefaultRun(),
	}
	x.Run.Until = &experiment.Until{RelativeError: 0.02, Metrics: []string{"startup"}, Min: 10, Max: 30}
	p, err := experiment.NewPlan(x, nil, func(experiment.Function, experiment.Backend, experiment.Start) experiment.Lack {
		return experiment.Lack{}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func record(n int) *Trial {
	at := experiment.NewStamps()
	at.Set(experiment.Requested, 0)
	at.Set(experiment.Ready, 100)
	at.Set(experiment.Responded, 250)
	zero := 0
	return &Trial{
		Trial: n, Block: 1, Attempt: 1, Function: "f, \"quoted\"", Input: "i\n", Backend: "wazero.w", Start: experiment.Cold,
		Outcome: experiment.OK, ExitCode: &zero, ReadySource: "marker",
		Requested: time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC), At: at,
	}
}

func write(t testing.TB, dir string, n int) *Writer {
	t.Helper()
	w, err := Create(dir, plan(t), &Run{ID: filepath.Base(dir), Experiment: "x", State: Running})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.Append(record(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func read(f *Folder) (ts []*Trial, err error) {
	for t, err := range f.Trials() {
		if err != nil {
			return ts, err
		}
		ts = append(ts, t)
	}
	return ts, nil
}

func TestRoundTrip(t *testing.T) {
	out := t.TempDir()
	dir := Dir(out, "x", "20261122T201500Z-0001")
	w := write(t, dir, 3)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if f.Run.Experiment != "x" || f.Plan.Len() != plan(t).Len() || f.Plan.Hash != plan(t).Hash {
		t.Errorf("read back %+v", f.Plan)
	}
	ts, err := read(f)
	if d := cmp.Diff([]*Trial{record(1), record(2), record(3)}, ts); d != "" || err != nil {
		t.Error(d, err)
	}
	if leftover, _ := filepath.Glob(filepath.Join(dir, ".*")); len(leftover) > 0 {
		t.Errorf("temporary files are left: %v", leftover)
	}
	if _, err := Create(dir, plan(t), &Run{}); err == nil {
		t.Error("a run was written over another")
	}
	if _, err := os.Stat(filepath.Join(dir, TrialsFile)); err != nil {
		t.Error("and the other was lost:", err)
	}
}

func TestBadRecords(t *testing.T) {
	good, err := json.Marshal(record(1))
	if err != nil {
		t.Fatal(err)
	}
	line := string(good) + "\n"
	tests := map[string]struct {
		text  string
		n     int
		error string // "" for none
	}{
		"empty":                  {"", 0, ""},
		"a torn last line":       {line + line[:len(line)/2], 1, ""},
		"only its newline torn":  {line + string(good), 1, ""},
		"a torn line in between": {line + line[:50] + "\n" + line, 1, "trials.jsonl:2: not a trial record"},
		"an empty line":          {line + "\n" + line, 1, "trials.jsonl:2: "},
		"zeroes":                 {line + strings.Repeat("\x00", 40) + "\n", 1, "trials.jsonl:2: "},
		"an unknown field":       {strings.Replace(line, `"block"`, `"blok"`, 1), 0, `unknown object member name "blok"`},
		"an unknown outcome":     {strings.Replace(line, `"ok"`, `"fine"`, 1), 0, `unknown outcome "fine"`},
		"an unknown start":       {strings.Replace(line, `"cold"`, `"frozen"`, 1), 0, `unknown start "frozen"`},
		"an unknown event":       {strings.Replace(line, `"ready"`, `"raedy"`, 1), 0, `unknown event`},
		"a number from 0":        {strings.Replace(line, `"trial":1`, `"trial":0`, 1), 0, "count from 1"},
		"two on a line":          {string(good) + line, 0, "after top-level value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			var got error
			for _, err := range readLines(strings.NewReader(tt.text), "trials.jsonl", aTrial, newTrial) {
				if err != nil {
					got = err
					break
				}
				n++
			}
			if n != tt.n {
				t.Errorf("%d records, want %d", n, tt.n)
			}
			if (got == nil) != (tt.error == "") || got != nil && !strings.Contains(got.Error(), tt.error) {
				t.Errorf("error %v, want %q", got, tt.error)
			}
		})
	}
}

func FuzzReadTrials(f *testing.F) {
	good, _ := json.Marshal(record(1))
	f.Add(append(good, '\n'))
	f.Add([]byte("{}\n"))
	f.Add([]byte("{\"trial\":1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for tr, err := range readLines(bytes.NewReader(b), "f", aTrial, newTrial) {
			if err != nil {
				if !strings.HasPrefix(err.Error(), "f:") {
					t.Errorf("an error without its line: %v", err)
				}
				return
			}
			again, err := json.Marshal(tr)
			if err != nil {
				t.Fatal(err)
			}
			for back, err := range readLines(bytes.NewReader(append(again, '\n')), "again", aTrial, newTrial) {
				if err != nil {
					t.Fatalf("%s was read once, but not twice: %v", again, err)
				}
				if d := cmp.Diff(tr, back); d != "" {
					t.Fatal(d)
				}
			}
		}
	})
}

func TestFind(t *testing.T) {
	out := t.TempDir()
	var dirs []string
	for _, id := range []string{"20261122T201500Z-0002", "20261122T201400Z-0001"} {
		dirs = append(dirs, Dir(out, "x", id))
		write(t, dirs[len(dirs)-1], 1).Close()
	}
	for name, want := range map[string]string{
		"latest": "20261122T201500Z-0002", "20261122T201400Z-0001": "20261122T201400Z-0001", dirs[1]: "20261122T201400Z-0001",
	} {
		f, err := Find(out, name)
		if err != nil || f.Run.ID != want {
			t.Errorf("Find(%q): %v, %v", name, f, err)
		}
	}
	for _, name := range []string{"", "*", "20261122*", "../x", "nothing", "["} {
		if f, err := Find(out, name); err == nil {
			t.Errorf("Find(%q) gave run %s", name, f.Run.ID)
		}
	}
	if err := os.WriteFile(filepath.Join(dirs[0], RunFile), []byte("{\n\"id\": }"), 0o644); err != nil {
		t.Fatal(err)
	}
	runs, bad := List(out)
	if len(runs) != 1 || len(bad) != 1 || !strings.Contains(bad[0].Error(), RunFile+":2:") {
		t.Errorf("beside a broken run: %d runs, %v", len(runs), bad)
	}
}

func TestExport(t *testing.T) {
	dir := Dir(t.TempDir(), "x", "20261122T201500Z-0001")
	write(t, dir, 2).Close()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.TrialTable().WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	first := "run,trial,block,attempt,warmup,function,input,backend,start,outcome,ready_source,exit_code," +
		"startup_ns,runtime_ns,total_ns,teardown_ns,thesis_runtime_ns," +
		"create_ns,launch_ns,init_ns,execute_ns,respond_ns,exit_ns,remove_ns,cpu_ns,peak_memory_bytes"
	if got := strings.Join(rows[0], ","); !strings.HasPrefix(got, first) {
		t.Errorf("columns %s", got)
	}
	want := []string{"20261122T201500Z-0001", "2", "1", "1", "false", "f, \"quoted\"", "i\n", "wazero.w", "cold", "ok", "marker", "0",
		"100", "150", "250", "", "", "100", "", "", "150", "", "", "", "", ""}
	if d := cmp.Diff(want, rows[2][:len(want)]); d != "" {
		t.Error(d)
	}

	b.Reset()
	if err := f.TrialTable().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	if err := json.Unmarshal(b.Bytes(), &objects); err != nil || len(objects) != 2 {
		t.Fatal(err, b.String())
	}
	if o := objects[1]; o["startup_ns"] != 100.0 || o["teardown_ns"] != nil || o["function"] != "f, \"quoted\"" {
		t.Errorf("object %v", o)
	}
}

func BenchmarkAppend(b *testing.B) {
	w := write(b, Dir(b.TempDir(), "x", "r"), 0)
	defer w.Close()
	t := record(1)
	for b.Loop() {
		if err := w.Append(t); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dir := Dir(b.TempDir(), "x", "r")
	const n = 10_000
	write(b, dir, n).Close()
	f, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ts, err := read(f); err != nil || len(ts) != n {
			b.Fatal(len(ts), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
}

// TestResume tears the last line in every place where a kill can: what is
// read after that, and after another record, are the whole ones.
func TestResume(t *testing.T) {
	whole := t.TempDir() + "/r"
	if err := write(t, whole, 2).Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(whole, TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []int{0, 1, len(text) / 2, len(text)/2 + 1, len(text) - 1, len(text)} {
		dir := t.TempDir() + "/r"
		if err := write(t, dir, 0).Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, TrialsFile)
		if err := os.WriteFile(file, text[:end], 0o644); err != nil {
			t.Fatal(err)
		}
		before := bytes.Count(text[:end], []byte("\n"))
		w, err := Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Mend(), w.Append(record(7)), w.Stop(&Stop{Cell: plan(t).Cells[0], Block: 3, N: 9, Reason: Precise}), w.Close()); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(f)
		if err != nil || len(got) != before+1 || got[before].Trial != 7 {
			t.Errorf("cut at %d: %d records, %v; want %d and the new one", end, len(got), err, before)
		}
		if stops, err := f.Stops(); err != nil || len(stops) != 1 || stops[0].Block != 3 || stops[0].Cell != plan(t).Cells[0] {
			t.Errorf("stops %+v, %v", stops, err)
		}
	}
}

// Two processes never write one run.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir() + "/r"
	first := write(t, dir, 2)
	before, err := os.ReadFile(filepath.Join(dir, TrialsFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(dir); !errors.Is(err, ErrBusy) {
		t.Errorf("a second writer: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, TrialsFile)); !bytes.Equal(before, after) {
		t.Error("and it has changed the records")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

// A plan that can't be true is refused where it is read, not where it is used.
func TestBadPlans(t *testing.T) {
	dir := t.TempDir() + "/r"
	if err := write(t, dir, 1).Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, PlanFile)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ old, new, want string }{
		"negative repetitions": {`"repetitions": 30`, `"repetitions": -30`, "it has -30 repetitions"},
		"no repetitions":       {`"repetitions": 30`, `"repetitions": 0`, "it has 0 repetitions"},
		"negative warm-ups":    {`"warmup": 1`, `"warmup": -1`, "and -1 warm-ups"},
		"far too many":         {`"repetitions": 30`, `"repetitions": 4611686018427387904`, "does not list as many trials"},
		"an unknown start":     {`"start": "cold"`, `"start": "frozen"`, "unknown start"},
		"half of it":           {string(good[len(good)/2:]), "", "plan.json:"},
		"nothing":              {string(good), "", "plan.json:1: unexpected end of JSON input"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), tt.old, tt.new, 1)
			if bad == string(good) {
				t.Fatalf("no %s in %s", tt.old, good)
			}
			if err := os.WriteFile(file, []byte(bad), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), PlanFile) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestCutTornLongLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, append([]byte("one\n"), bytes.Repeat([]byte("x"), 200_000)...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := cutTorn(file); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(file); string(b) != "one\n" {
		t.Errorf("%d bytes are left", len(b))
	}
}

func TestBadStops(t *testing.T) {
	for text, want := range map[string]string{
		"x\n":                            "f:1: not a record of a stop",
		"{\"block\":1}\n{\"block\":0}\n": "f:2: not a record of a stop: blocks count from 1",
		"{\"block\":1,\"who\":2}\n":      `unknown object member name "who"`,
	} {
		var last error
		for _, err := range readLines(strings.NewReader(text), "f", aStop, newStop) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), want) {
			t.Errorf("%q: %v, want %q", text, last, want)
		}
	}
}

func FuzzReadStops(f *testing.F) {
	f.Add([]byte("{\"function\":\"f\",\"block\":3,\"n\":9,\"reason\":\"precise\",\"relative\":0.01}\n{\"blo"))
	f.Add([]byte("null\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for s, err := range readLines(bytes.NewReader(b), "f", aStop, newStop) {
			if err != nil && !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("an error without its line: %v", err)
			}
			if err == nil && s.Block < 1 {
				t.Errorf("a stop in block %d", s.Block)
			}
		}
	})
}
