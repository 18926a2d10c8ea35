package results

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
)

func span(joules float64) *EnergySpan {
	machine, others := int64(1e8), int64(0)
	amount := EnergyAmount{Joules: joules, U: 1e-5, Seconds: 0.2, SecondsU: 1e-5}
	return &EnergySpan{
		From: time.Date(2026, 11, 25, 1, 2, 3, 0, time.UTC), NS: 200_000_000, Total: &amount,
		Domains: []EnergyDomain{
			{Name: "package-0", InTotal: true, First: 100, Last: 5, Wraps: 1, EnergyAmount: &amount},
			{Name: "psys", First: 7, Last: 3, Invalid: "its range can't be read"},
		},
		CPU: EnergyCPU{Machine: &machine, Others: &others},
	}
}

func window(n int) *EnergyWindow {
	return &EnergyWindow{
		Window: n, Block: 1, Attempt: 1, Cell: experiment.Cell{Function: "f, \"q\"", Input: "i\n", Backend: "wazero.w", Start: experiment.Warm},
		Invocations: 1000, Source: "powercap", Simulated: true, Before: span(1), Work: span(3), After: span(1.5),
	}
}

func readEnergy(f *Folder) (ws []*EnergyWindow, err error) {
	for w, err := range f.Energy() {
		if err != nil {
			return ws, err
		}
		ws = append(ws, w)
	}
	return ws, nil
}

// TestEnergyRecords writes windows, tears the last line in every place and
// goes on: what is read are the whole ones.
func TestEnergyRecords(t *testing.T) {
	dir := t.TempDir() + "/r"
	w := write(t, dir, 1)
	failed := &EnergyWindow{Window: 2, Block: 1, Attempt: 1, Again: true, Cell: window(2).Cell, Invalid: "wrong answer"}
	if err := errors.Join(w.Energy(window(1)), w.Energy(failed), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readEnergy(f)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]*EnergyWindow{window(1), failed}, got); d != "" {
		t.Errorf("-written +read:\n%s", d)
	}
	if got[0].Work.CPU.Function != nil || *got[0].Work.CPU.Others != 0 {
		t.Error("what was not measured and what was nothing are the same")
	}
	file := filepath.Join(dir, EnergyFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []int{0, 1, len(text) / 2, len(text) - 1, len(text)} {
		if err := os.WriteFile(file, text[:end], 0o644); err != nil {
			t.Fatal(err)
		}
		before := bytes.Count(text[:end], []byte("\n"))
		if ws, err := readEnergy(f); err != nil || len(ws) != before {
			t.Errorf("cut at %d: %d records, %v", end, len(ws), err)
		}
		w, err := Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Mend(), w.Energy(window(7)), w.Close()); err != nil {
			t.Fatal(err)
		}
		if ws, err := readEnergy(f); err != nil || len(ws) != before+1 || ws[before].Window != 7 {
			t.Errorf("cut at %d and resumed: %d records, %v", end, len(ws), err)
		}
	}
}

func TestBadEnergy(t *testing.T) {
	b, err := json.Marshal(window(3))
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	tests := []struct{ name, old, new, want string }{
		{"unknown field", `"window":3`, `"window":3,"watts":5`, "watts"},
		{"no window", `"window":3`, `"window":0`, "count from 1"},
		{"unknown start", `"start":"warm"`, `"start":"hot"`, `unknown start "hot"`},
		{"no invocations", `"invocations":1000`, `"invocations":0`, "no invocations"},
		{"zero joules", `"total":{"joules":3`, `"total":{"joules":0`, "not above zero"},
		{"negative joules", `"joules":1.5`, `"joules":-1.5`, "not above zero"},
		{"zero in a domain", `"wraps":1,"joules":3`, `"wraps":1,"joules":0`, "package-0 is not above zero"},
		{"no energy", `"total":{"joules":3,"u_j":0.00001,"seconds":0.2,"u_s":0.00001},`, ``, "no energy"},
		{"no length", `"ns":200000000`, `"ns":0`, "no length"},
		{"no span", `"after":`, `"before":`, "not a record"},
		{"again for no reason", `"attempt":1`, `"attempt":1,"again":true`, "nothing says why"},
		{"half of it", good[len(good)/2:], "", "not a record"},
	}
	for _, tt := range tests {
		bad := strings.Replace(good, tt.old, tt.new, 1)
		if bad == good {
			t.Fatalf("%s: no %s in %s", tt.name, tt.old, good)
		}
		var err error
		for _, e := range readLines(strings.NewReader(good+"\n"+bad+"\n"), "energy.jsonl", aWindow, newWindow) {
			err = e
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "energy.jsonl:2: ") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// exportedEnergy is a run with a window that counts and one without a number.
func exportedEnergy(t *testing.T) *Folder {
	t.Helper()
	dir := t.TempDir() + "/r"
	w := write(t, dir, 1)
	none := &EnergyWindow{Window: 2, Block: 1, Attempt: 3, Cell: window(2).Cell, Invalid: "the function failed"}
	if err := errors.Join(w.Energy(window(1)), w.Energy(none), w.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestExportEnergy(t *testing.T) {
	f := exportedEnergy(t)
	rows, err := csv.NewReader(bytes.NewReader(export(t, f.EnergyTable().WriteCSV))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	run := f.Run.ID
	names := []string{
		"run", "window", "block", "attempt", "again", "function", "input", "backend", "start", "source", "simulated", "invocations", "began",
		"before_s", "before_j", "before_u_j", "work_s", "work_j", "work_u_j", "after_s", "after_j", "after_u_j",
		"function_cpu_ns", "harness_cpu_ns", "others_cpu_ns", "machine_cpu_ns", "invalid",
	}
	want := [][]string{names,
		{run, "1", "1", "1", "false", "f, \"q\"", "i\n", "wazero.w", "warm", "powercap", "true", "1000", "2026-11-25T01:02:03.000000Z",
			"0.2", "1", "1e-05", "0.2", "3", "1e-05", "0.2", "1.5", "1e-05", "", "", "0", "100000000", ""},
		{run, "2", "1", "3", "false", "f, \"q\"", "i\n", "wazero.w", "warm", "", "false", "", "",
			"", "", "", "", "", "", "", "", "", "", "", "", "", "the function failed"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	b := export(t, f.EnergyTable().WriteJSON)
	var objects []map[string]any
	if err := json.Unmarshal(b, &objects); err != nil || len(objects) != 2 {
		t.Fatalf("%v, %s", err, b)
	}
	if o := objects[1]; o["work_j"] != nil || o["invalid"] != "the function failed" || fmt.Sprint(objects[0]["work_j"]) != "3" {
		t.Errorf("objects %v", objects)
	}
}

func FuzzReadEnergy(f *testing.F) {
	b, _ := json.Marshal(window(1))
	f.Add(append(b, '\n'))
	f.Fuzz(func(t *testing.T, b []byte) {
		for w, err := range readLines(bytes.NewReader(b), "f", aWindow, newWindow) {
			if err == nil && w.Invalid == "" && w.Source != "" && !(w.Work.Total.Joules > 0) {
				t.Errorf("%+v counts", w)
			}
		}
	})
}
