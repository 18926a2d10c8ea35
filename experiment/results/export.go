package results

import (
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// This file makes rows of records; each format has a file of its own.

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
	flag               // bool
	moment             // time.Time, in UTC
)

// columns are the values that row gives, in order.
func columns() []column {
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
		t.Requested.UTC(), orNil(t.Answer, t.Answer != ""), orNil(t.Error, t.Error != ""))
}

func orNil[T any](v T, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

// rows gives the row of every record to write, which must not keep it.
func (f *Folder) rows(write func([]any) error) error {
	var row []any
	for t, err := range f.Trials() {
		if err != nil {
			return err
		}
		row = t.row(row[:0], f.Run.ID)
		if err := write(row); err != nil {
			return err
		}
	}
	return nil
}

func clock(t time.Time) string { return t.Format("2006-01-02T15:04:05.000000Z") }
