package results

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"
)

// energyNames are the columns of exported energy windows.
var energyNames = []string{
	"run", "window", "block", "attempt", "again", "function", "input", "backend", "start", "source", "simulated", "invocations", "began",
	"before_s", "before_j", "before_u_j", "work_s", "work_j", "work_u_j", "after_s", "after_j", "after_u_j",
	"function_cpu_ns", "harness_cpu_ns", "others_cpu_ns", "machine_cpu_ns", "invalid",
}

// row gives a record's values; nil for what was not measured. Joules are the
// total's, with what the machine takes anyway; CPU time is that of the work.
func (w *EnergyWindow) row(run string) []any {
	row := []any{
		run, int64(w.Window), int64(w.Block), int64(w.Attempt), w.Again, w.Function, w.Input, w.Backend, string(w.Start),
		orNil(w.Source, w.Source != ""), w.Simulated, orNil(int64(w.Invocations), w.Invocations > 0),
	}
	if w.Work != nil {
		row = append(row, w.Work.From.UTC())
	} else {
		row = append(row, nil)
	}
	var cpu EnergyCPU
	for _, s := range []*EnergySpan{w.Before, w.Work, w.After} {
		switch {
		case s == nil:
			row = append(row, nil, nil, nil)
		case s.Total == nil:
			row = append(row, float64(s.NS)/1e9, nil, nil)
		default:
			row = append(row, s.Total.Seconds, s.Total.Joules, s.Total.U)
		}
	}
	if w.Work != nil {
		cpu = w.Work.CPU
	}
	for _, ns := range []*int64{cpu.Function, cpu.Harness, cpu.Others, cpu.Machine} {
		if ns == nil {
			row = append(row, nil)
		} else {
			row = append(row, *ns)
		}
	}
	return append(row, orNil(w.Invalid, w.Invalid != ""))
}

// ExportEnergyCSV writes one line per energy window, invalid ones included.
func (f *Folder) ExportEnergyCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(energyNames); err != nil {
		return err
	}
	var line []string
	for e, err := range f.Energy() {
		if err != nil {
			return err
		}
		line = line[:0]
		for _, v := range e.row(f.Run.ID) {
			if x, ok := v.(float64); ok {
				line = append(line, strconv.FormatFloat(x, 'g', -1, 64))
				continue
			}
			line = append(line, field(v))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// ExportEnergyJSON writes an array with one object per energy window, of the
// same columns as ExportEnergyCSV; what was not measured is null.
func (f *Folder) ExportEnergyJSON(w io.Writer) error {
	rows := []map[string]any{}
	for e, err := range f.Energy() {
		if err != nil {
			return err
		}
		row := map[string]any{}
		for i, v := range e.row(f.Run.ID) {
			if t, ok := v.(time.Time); ok {
				v = clock(t)
			}
			row[energyNames[i]] = v
		}
		rows = append(rows, row)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(rows)
}
