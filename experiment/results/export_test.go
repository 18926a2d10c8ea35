package results

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/perf/benchfmt"

	"github.com/nebula-bench/nebula/experiment"
)

// exported is a run with records of every kind.
func exported(t *testing.T, more int) *Folder {
	t.Helper()
	dir := Dir(t.TempDir(), "x", "20261122T201500Z-0001")
	w := write(t, dir, 2)
	lost := record(3)
	lost.Outcome, lost.ExitCode, lost.ReadySource, lost.At = experiment.BackendError, nil, "", experiment.NewStamps()
	lost.Error, lost.Again = "the engine went away,\n\"for ever\"", true
	warm := record(4)
	warm.Warmup, warm.CPU, warm.PeakMemory, warm.Answer = true, 1, 1<<40, "sha256:00"
	full := record(5)
	for e := range experiment.Removed + 1 {
		full.At.Set(e, int64(e)*1_000_000_007)
	}
	full.CPU, full.PeakMemory, full.Function = 5, 65536, "a b/c\nd%20é"
	full.Requested = full.Requested.Add(123456789 * time.Nanosecond)
	for _, r := range []*Trial{lost, warm, full} {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range more {
		if err := w.Append(record(6 + i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func export(t *testing.T, to func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := to(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestParquet reads Parquet files back and holds them against the CSV, cell
// by cell, over more than one row group.
func TestParquet(t *testing.T) {
	for _, tt := range []struct {
		name   string
		table  Table
		groups int
		types  []string
	}{
		{"trials", exported(t, rowGroup).TrialTable(), 2, []string{
			"run STRING optional=false", "trial INT(64,true) optional=false", "warmup BOOLEAN optional=false",
			"startup_ns INT(64,true) optional=true", "exit_code INT(64,true) optional=true", "error STRING optional=true",
			"requested TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=false",
		}},
		{"windows", exportedEnergy(t).EnergyTable(), 1, []string{
			"invocations INT(64,true) optional=true", "work_j DOUBLE optional=true",
			"began TIMESTAMP(isAdjustedToUTC=true,unit=MICROS) optional=true",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { testParquet(t, tt.table, tt.groups, tt.types) })
	}
}

func testParquet(t *testing.T, table Table, groups int, columns []string) {
	want, err := csv.NewReader(bytes.NewReader(export(t, table.WriteCSV))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	b := export(t, table.WriteParquet)
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(file.RowGroups()); n != groups {
		t.Errorf("%d row groups: the writer should keep at most %d rows in memory", n, rowGroup)
	}
	var names, types []string
	for _, field := range file.Root().Columns() {
		names = append(names, field.Name())
		types = append(types, fmt.Sprintf("%s %s optional=%t", field.Name(), field.Type(), field.Optional()))
	}
	if d := cmp.Diff(want[0], names); d != "" {
		t.Fatal(d)
	}
	for _, line := range columns {
		if !slices.Contains(types, line) {
			t.Errorf("no column is %s, of\n%s", line, strings.Join(types, "\n"))
		}
	}

	r := parquet.NewReader(file)
	defer r.Close()
	nulls := 0
	for i, line := range want[1:] {
		rows := make([]parquet.Row, 1)
		if n, err := r.ReadRows(rows); n != 1 {
			t.Fatalf("row %d: %v", i, err)
		}
		for c, v := range rows[0] {
			got := v.String()
			switch {
			case v.IsNull():
				got = ""
				nulls++
			case table.columns[c].kind == moment:
				got = clock(time.UnixMicro(v.Int64()).UTC())
			case table.columns[c].kind == real:
				got = field(v.Double())
			}
			if got != line[c] {
				t.Errorf("row %d, %s: %q, and %q in the CSV", i, names[c], got, line[c])
			}
		}
	}
	if n, err := r.ReadRows(make([]parquet.Row, 1)); n != 0 || err != io.EOF {
		t.Errorf("there are more rows than in the CSV: %d, %v", n, err)
	}
	if nulls == 0 {
		t.Error("no value was null")
	}
}

// TestRowKinds keeps columns and rows alike.
func TestRowKinds(t *testing.T) {
	kinds := map[kind]any{word: "", text: "", number: int64(0), real: 0.0, flag: false, moment: time.Time{}}
	for _, table := range []Table{exported(t, 0).TrialTable(), exportedEnergy(t).EnergyTable()} {
		n := 0
		err := table.each(func(row []any) error {
			n++
			if len(row) != len(table.columns) {
				t.Fatalf("%d values for %d columns", len(row), len(table.columns))
			}
			for i, c := range table.columns {
				if row[i] == nil && c.optional {
					continue
				}
				if got, want := reflect.TypeOf(row[i]), reflect.TypeOf(kinds[c.kind]); got != want {
					t.Errorf("%s in row %d is a %v, not a %v", c.name, n, got, want)
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			t.Errorf("%d rows of %s: %v", n, table.name, err)
		}
	}
}

// TestBenchfmt reads the benchmark format with the package that benchstat
// reads it with: a trial that counts is a result, and no name breaks a line.
func TestBenchfmt(t *testing.T) {
	f := exported(t, 0)
	f.Run.Host = Host{OS: "debian 13, linux/amd64", CPU: "a CPU\nBenchmarkFalse 1 1 ns/op", Cores: 2}
	b := export(t, f.ExportBenchfmt)
	r := benchfmt.NewReader(bytes.NewReader(b), "x")
	var got []string
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			got = append(got, string(rec.Name))
			if cpu := rec.GetConfig("cpu"); cpu != "a CPU BenchmarkFalse 1 1 ns/op" || rec.GetConfig("experiment") != "x" {
				t.Errorf("configuration %v", rec.Config)
			}
			if v, ok := rec.Value("startup-sec"); !ok || v < 99e-9 {
				t.Errorf("%s: startup %v s", rec.Name, v)
			}
			if _, ok := rec.Value("peak-memory-B"); ok != strings.Contains(string(rec.Name), "a%20b") {
				t.Errorf("%s: what was not measured has a value, or the reverse", rec.Name)
			}
		case *benchfmt.SyntaxError:
			t.Error(rec)
		}
	}
	plain := "Trial/function=f%2C%20%22quoted%22/input=i%0A/backend=wazero.w/start=cold"
	want := []string{plain, plain, "Trial/function=a%20b%2Fc%0Ad%2520%C3%A9/input=i%0A/backend=wazero.w/start=cold"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%s", d, b)
	}
	for _, u := range []string{"startup-sec", "cpu-sec", "peak-memory-B"} {
		if r.Units().GetBetter(u) != -1 {
			t.Errorf("that less %s is better is not said", u)
		}
	}
}
