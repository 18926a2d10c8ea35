package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/nebula-bench/nebula/experiment"
)

// Columns are the names of the values that Row gives, in order.
func Columns() []string {
	c := []string{"run", "trial", "block", "attempt", "warmup", "function", "input", "backend", "start",
		"outcome", "ready_source", "exit_code"}
	for _, m := range experiment.Metrics {
		c = append(c, m.Name+"_ns")
	}
	for _, p := range experiment.Phases {
		c = append(c, p.Name+"_ns")
	}
	return append(c, "cpu_ns", "peak_memory_bytes", "requested", "answer", "error")
}

// Row gives a record's values: strings, booleans and integers; nil for what
// was not reached or not measured.
func (t *Trial) Row(run string) []any {
	row := []any{run, t.Trial, t.Block, t.Attempt, t.Warmup, t.Function, t.Input, t.Backend, string(t.Start),
		string(t.Outcome), text(t.ReadySource), nil}
	if t.ExitCode != nil {
		row[len(row)-1] = *t.ExitCode
	}
	for _, m := range experiment.Metrics {
		ns, ok := t.At.Metric(m)
		row = append(row, value(ns, ok))
	}
	for _, ns := range t.At.Phases() {
		row = append(row, value(ns, ns >= 0))
	}
	return append(row, value(t.CPU, t.CPU > 0), value(t.PeakMemory, t.PeakMemory > 0),
		t.Requested.UTC().Format("2006-01-02T15:04:05.000000Z"), text(t.Answer), text(t.Error))
}

func value(n int64, ok bool) any {
	if !ok {
		return nil
	}
	return n
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// ExportCSV writes one line per record, warm-ups included.
func (f *Folder) ExportCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(Columns()); err != nil {
		return err
	}
	var line []string
	for t, err := range f.Trials() {
		if err != nil {
			return err
		}
		line = line[:0]
		for _, v := range t.Row(f.Run.ID) {
			line = append(line, field(v))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func field(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprint(v)
}

// ExportJSON writes an array with one object per record, of the same columns
// as ExportCSV; what was not reached or not measured is null.
func (f *Folder) ExportJSON(w io.Writer) error {
	names := Columns()
	sep := "["
	for t, err := range f.Trials() {
		if err != nil {
			return err
		}
		b := append([]byte(sep), '\n', '{')
		for i, v := range t.Row(f.Run.ID) {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendQuote(b, names[i])
			b = append(b, ':')
			val, err := json.Marshal(v)
			if err != nil {
				return err
			}
			b = append(b, val...)
		}
		if _, err := w.Write(append(b, '}')); err != nil {
			return err
		}
		sep = ","
	}
	if sep == "[" {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
