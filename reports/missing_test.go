package reports

import (
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

// TestMissingCellsAreNamed: a caveat on cells that did not run names their
// function, and their start where others of the function ran. What nothing
// that one installs could run is no box above the verdicts.
func TestMissingCellsAreNamed(t *testing.T) {
	cell := experiment.Cell{Function: "f", Input: "i", Backend: "docker.d", Start: experiment.Warm}
	tests := []struct {
		name  string
		ran   []experiment.Cell
		left  []experiment.LeftOut
		level Level
		want  string
	}{
		{"a module on docker", nil, []experiment.LeftOut{{Function: "f", Backend: "docker.d", Start: experiment.Cold, Cells: 1, Reason: "no binary", Nature: true}},
			Note, "1 cell can't run, whatever is installed here: f on docker.d."},
		{"no engine", nil, []experiment.LeftOut{
			{Function: "f", Backend: "docker.d", Start: experiment.Cold, Cells: 2, Reason: "no engine"},
			{Function: "f", Backend: "docker.d", Start: experiment.Warm, Cells: 2, Reason: "no engine"},
		}, Missing, "4 cells could not run here: f on docker.d."},
		{"one start", []experiment.Cell{cell}, []experiment.LeftOut{{Function: "f", Backend: "docker.d", Start: experiment.Cached, Cells: 1, Reason: "no cache", Nature: true}},
			Note, "1 cell can't run, whatever is installed here: f on docker.d cached."},
		{"two functions", []experiment.Cell{cell}, []experiment.LeftOut{
			{Function: "f", Backend: "docker.d", Start: experiment.Cold, Cells: 1, Reason: "no tool"},
			{Function: "g", Backend: "docker.d", Start: experiment.Cold, Cells: 1, Reason: "no tool"},
		}, Missing, "2 cells could not run here: f on docker.d cold and g on docker.d."},
	}
	for _, tt := range tests {
		s := &Summary{LeftOut: tt.left, plan: experiment.Plan{Cells: tt.ran}}
		var got []Caveat
		missing(s, func(l Level, detail string, say func(*Sentence)) *Caveat {
			c := Caveat{Level: l, Detail: detail}
			say(&c.Text)
			got = append(got, c)
			return &c
		})
		if len(got) != 1 || got[0].Level != tt.level || got[0].Text.String() != tt.want || got[0].above() != (tt.level == Missing) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
