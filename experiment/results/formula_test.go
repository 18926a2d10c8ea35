package results

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/nebula-bench/nebula/experiment"
)

// formulas are names and messages, and what a spreadsheet may get of them.
var formulas = map[string]string{
	"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1+cmd": "'+1+cmd", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)",
	"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "＝1": "'＝1", "=": "'=", "-": "'-", "+Inf": "'+Inf", "--5": "'--5", "-0x1p3": "'-0x1p3",
	"-5": "-5", "+5": "+5", "-1.5e-3": "-1.5e-3", "-.5": "-.5", "n=10": "n=10", "a-b": "a-b", "": "", "'": "'", " =1": " =1",
}

// TestFormulas writes each table with names and messages that are formulas.
func TestFormulas(t *testing.T) {
	for name, want := range formulas {
		if got := noFormula(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	const evil, harmless = "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"
	f := exported(t, 0)
	r := record(9)
	r.Function, r.Input, r.Error, r.ReadySource, r.Answer, r.Backend, r.Outcome = evil, evil, evil, evil, evil, evil, experiment.Failed
	window := &EnergyWindow{Window: 1, Block: 1, Attempt: 1, Cell: r.Cell(), Source: evil, Invalid: evil, Work: &EnergySpan{NS: 5}}
	w, err := Resume(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(r), w.Energy(window), w.Close()); err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]Table{"trials": f.TrialTable(), "energy": f.EnergyTable()} {
		rows, err := csv.NewReader(bytes.NewReader(export(t, table.WriteCSV))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, row := range rows {
			for i, field := range row {
				if field == harmless {
					found++
				} else if field != "" && strings.Contains("=+-@\t\r", field[:1]) && !aNumber.MatchString(field) {
					t.Errorf("%s: column %s holds the formula %q", name, rows[0][i], field)
				}
			}
		}
		if found < 5 {
			t.Errorf("%s: only %d texts were made harmless", name, found)
		}
		var objects []map[string]any
		if err := json.Unmarshal(export(t, table.WriteJSON), &objects); err != nil || objects[len(objects)-1]["function"] != evil {
			t.Errorf("%s as JSON: %v, %v", name, objects[len(objects)-1]["function"], err)
		}
		b := export(t, table.WriteParquet)
		file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		text := []string{}
		for _, group := range file.RowGroups() {
			read := group.Rows()
			all := make([]parquet.Row, group.NumRows())
			n, _ := read.ReadRows(all)
			for _, v := range all[n-1] {
				text = append(text, v.String())
			}
			read.Close()
		}
		if !slices.Contains(text, evil) || slices.Contains(text, harmless) {
			t.Errorf("%s as Parquet: %q", name, text)
		}
	}
}
