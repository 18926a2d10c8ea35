package results

import (
	"iter"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// This file makes tables of records; each format has a file of its own.

// Table is the records of one kind, a row each.
type Table struct {
	name    string
	nebula  string // the version that measured
	columns []column
	each    func(row func([]any) error) error // row must not keep its values
}

// TrialTable is the table of all trials, warm-ups and lost attempts included.
func (f *Folder) TrialTable() Table {
	return tableOf(f, "trial", trialColumns(), f.Trials())
}

// EnergyTable is the table of all energy windows, invalid ones included.
// Joules are the total's, with what the machine takes anyway; CPU time is
// that of the work.
func (f *Folder) EnergyTable() Table {
	return tableOf(f, "window", energyColumns(), f.Energy())
}

func tableOf[R interface {
	row(row []any, run string) []any
}](f *Folder, name string, columns []column, records iter.Seq2[R, error]) Table {
	return Table{name, f.Run.Nebula, columns, func(write func([]any) error) error {
		var row []any
		for r, err := range records {
			if err != nil {
				return err
			}
			row = r.row(row[:0], f.Run.ID)
			if err := write(row); err != nil {
				return err
			}
		}
		return nil
	}}
}

// column is one value of a row.
type column struct {
	name     string
	kind     kind
	optional bool // nil where it was not reached or not measured
}

// kind is what a column holds.
type kind int

const (
	word   kind = iota // string, few different ones
	text               // string
	number             // int64
	real               // float64
	flag               // bool
	moment             // time.Time, in UTC
)

// trialColumns are the values that a trial's row gives, in order.
func trialColumns() []column {
	c := []column{
		{"run", word, false}, {"trial", number, false}, {"block", number, false}, {"attempt", number, false},
		{"warmup", flag, false}, {"function", word, false}, {"input", word, false}, {"backend", word, false},
		{"start", word, false}, {"outcome", word, false}, {"ready_source", word, true}, {"exit_code", number, true},
	}
	for _, m := range experiment.Metrics {
		c = append(c, column{m.Name + "_ns", number, true})
	}
	for _, p := range experiment.Phases {
		c = append(c, column{p.Name + "_ns", number, true})
	}
	return append(c, column{"cpu_ns", number, true}, column{"peak_memory_bytes", number, true},
		column{"requested", moment, false}, column{"answer", word, true}, column{"error", text, true})
}

// row appends a record's values.
func (t *Trial) row(row []any, run string) []any {
	row = append(row, run, int64(t.Trial), int64(t.Block), int64(t.Attempt), t.Warmup, t.Function, t.Input, t.Backend,
		string(t.Start), string(t.Outcome), orNil(t.ReadySource, t.ReadySource != ""))
	if t.ExitCode != nil {
		row = append(row, int64(*t.ExitCode))
	} else {
		row = append(row, nil)
	}
	for _, m := range experiment.Metrics {
		ns, ok := t.At.Metric(m)
		row = append(row, orNil(ns, ok))
	}
	for _, ns := range t.At.Phases() {
		row = append(row, orNil(ns, ns >= 0))
	}
	return append(row, orNil(t.CPU, t.CPU > 0), orNil(t.PeakMemory, t.PeakMemory > 0),
		t.Requested.UTC(), orNil(t.Answer, t.Answer != ""), orNil(t.Why(), t.Why() != ""))
}

// energyColumns are the values that an energy window's row gives, in order.
func energyColumns() []column {
	c := []column{
		{"run", word, false}, {"window", number, false}, {"block", number, false}, {"attempt", number, false}, {"again", flag, false},
		{"function", word, false}, {"input", word, false}, {"backend", word, false}, {"start", word, false},
		{"source", word, true}, {"simulated", flag, false}, {"invocations", number, true}, {"began", moment, true},
	}
	for _, span := range []string{"before", "work", "after"} {
		c = append(c, column{span + "_s", real, true}, column{span + "_j", real, true}, column{span + "_u_j", real, true})
	}
	for _, whose := range []string{"function", "harness", "others", "machine"} {
		c = append(c, column{whose + "_cpu_ns", number, true})
	}
	return append(c, column{"invalid", text, true})
}

// row appends a record's values.
func (w *EnergyWindow) row(row []any, run string) []any {
	row = append(row, run, int64(w.Window), int64(w.Block), int64(w.Attempt), w.Again, w.Function, w.Input, w.Backend, string(w.Start),
		orNil(w.Source, w.Source != ""), w.Simulated, orNil(int64(w.Invocations), w.Invocations > 0))
	var cpu EnergyCPU
	if w.Work != nil {
		row = append(row, w.Work.From.UTC())
		cpu = w.Work.CPU
	} else {
		row = append(row, nil)
	}
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
	for _, ns := range []*int64{cpu.Function, cpu.Harness, cpu.Others, cpu.Machine} {
		if ns == nil {
			row = append(row, nil)
		} else {
			row = append(row, *ns)
		}
	}
	return append(row, orNil(w.Invalid, w.Invalid != ""))
}

func orNil[T any](v T, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

func clock(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z") }
