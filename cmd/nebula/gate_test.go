package main

import (
	"errors"
	"testing"

	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/reports"
)

// TestVerdictOfRun has the exit code of a complete run for each mixture of
// what may be the matter with it.
func TestVerdictOfRun(t *testing.T) {
	threshold := func(h stats.Holding) *reports.Summary {
		return &reports.Summary{Thresholds: []reports.Checked{{Holding: stats.Holds}, {Holding: h}}}
	}
	changes := func(courses ...reports.Course) *reports.Changes {
		c := &reports.Changes{}
		for _, x := range courses {
			c.Cells = append(c.Cells, reports.Change{Course: x})
		}
		return c
	}
	strict := runFlags{strict: true}
	lost := &exitError{exitInterrupted, errors.New("interrupted")}
	tests := []struct {
		name        string
		e           ended
		s           *reports.Summary
		c           *reports.Changes
		unconfirmed error
		want        int
	}{
		{name: "fine", s: threshold(stats.Holds), c: changes(reports.Same, reports.Better)},
		{name: "unsure", s: threshold(stats.Undecided), c: changes(reports.Unsure)},
		{name: "unsure threshold, strictly", e: ended{flags: strict}, s: threshold(stats.Undecided), want: exitUnsure},
		{name: "unsure comparison, strictly", e: ended{flags: strict}, c: changes(reports.Same, reports.Unsure), want: exitUnsure},
		{name: "nothing to compare, strictly", e: ended{flags: strict}, c: changes(), want: exitUnsure},
		{name: "nothing to compare", c: changes()},
		{name: "breached", s: threshold(stats.Breached), c: changes(reports.Same), want: exitWorse},
		{name: "worse", c: changes(reports.Same, reports.Worse), want: exitWorse},
		{name: "worse, and trials failed", e: ended{bad: 1, done: 2}, c: changes(reports.Worse), want: exitWorse},
		{name: "trials failed, and unsure", e: ended{bad: 1, done: 2, flags: strict}, c: changes(reports.Unsure), want: exitFailed},
		{name: "disturbed, strictly, and worse", e: ended{unfit: true, flags: strict}, c: changes(reports.Worse), want: exitUnfit},
		{name: "disturbed, strictly, and nothing to compare with", e: ended{unfit: true, flags: strict}, want: exitUnfit},
		{name: "not confirmed, because interrupted", c: changes(reports.Worse), unconfirmed: lost, want: exitInterrupted},
	}
	for _, tt := range tests {
		s := tt.s
		if s == nil {
			s = &reports.Summary{}
		}
		if tt.c != nil {
			tt.c.Old.Run = "a"
		}
		got := exitFine
		if err := tt.e.verdict(s, tt.c, tt.unconfirmed); err != nil {
			var exit *exitError
			if !errors.As(err, &exit) {
				t.Fatalf("%s: %v has no exit code", tt.name, err)
			}
			got = exit.code
		}
		if got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestParseMargin(t *testing.T) {
	for text, want := range map[string]float64{"5%": 0.05, " 2.5 % ": 0.025, "0.05": 0.05, "0%": 0, "0": 0} {
		if got, err := parseMargin(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "100%", "5", "-1%", "NaN", "Inf%", "5 percent"} {
		if got, err := parseMargin(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
