package reports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// busy gives a run's sessions, of which one found something.
func busy(check, found string, severity experiment.Severity) func(*results.Run) {
	return func(r *results.Run) {
		f := []experiment.Finding{{Check: check, Severity: severity, Found: found}}
		r.Sessions = []results.Session{{Started: began, Before: f}, {Started: began}}
		if check == experiment.StolenTime || check == experiment.Throttling || check == experiment.Swapping {
			r.Sessions = []results.Session{{Started: began}, {Started: began, During: f}}
		}
	}
}

// coldSlower makes the cold starts of the smallest input slower, and the
// cached ones quicker.
func coldSlower(r *results.Trial) {
	switch {
	case r.Input == "n=0" && r.Start == experiment.Cold:
		slower(r, 1.3)
	case r.Input == "n=0" && r.Start == experiment.Cached:
		slower(r, 0.7)
	}
}

// TestDisturbedRunsTellNothing: what of a machine comes and goes takes back
// better and worse, whichever run it was that found it and when.
func TestDisturbedRunsTellNothing(t *testing.T) {
	found := func(check string) func(*results.Run) { return busy(check, "it is "+check, experiment.Disturbing) }
	margin := 0.05
	for _, tt := range []struct {
		name     string
		old, new func(*results.Run)
		want     string // what is named; empty: nothing is taken back
	}{
		{"quiet", nil, nil, ""},
		{"load, new", nil, found(experiment.Load), "new run, load: it is load"},
		{"load, old", found(experiment.Load), nil, "old run, load: it is load"},
		{"stolen time", nil, found(experiment.StolenTime), "new run, stolen time: it is stolen time"},
		{"throttling", found(experiment.Throttling), nil, "old run, throttling: it is throttling"},
		{"both", found(experiment.Load), found(experiment.Temperature), "old run, load: it is load; new run, temperature: it is temperature"},
		{"swapping", nil, found(experiment.Swapping), "new run, swapping: it is swapping"},
		{"memory pressure", nil, found(experiment.MemoryPressure), "new run, memory pressure: it is memory pressure"},
		{"only noted", nil, busy(experiment.Load, "a little", experiment.Noted), ""},
		{"fine", nil, busy(experiment.Load, "2 %", experiment.Fine), ""},
		{"a setting", nil, found("governor"), ""},
		{"a clock", found("clock source"), nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, new := twoRuns(t, func(a, b *fixture) {
				id := b.run
				a.run = tt.old
				b.run = func(r *results.Run) {
					id(r)
					if tt.new != nil {
						tt.new(r)
					}
				}
				b.also(coldSlower)
			})
			c := mustCompare(t, old, new, CompareOptions{Metrics: []string{"startup"}, Margin: &margin})
			if tt.want == "" {
				if c.Count(Worse) != 2 || c.Count(Better) != 1 || c.Disturbed() || c.Cells[0].Disturbed != nil {
					t.Errorf("%s", text(t, c))
				}
				return
			}
			if c.Count(Worse)+c.Count(Better) != 0 || c.takenBack() != c.Count(Unsure) || c.takenBack() < 3 || c.Count(Same) == 0 || !c.Disturbed() || !c.Open() || len(c.Worse()) > 0 {
				t.Errorf("%s", text(t, c))
			}
			for _, x := range c.Cells {
				if x.Disturbed == nil || *x.Disturbed != tt.want {
					t.Errorf("%s: %v", x.Cell, x.Disturbed)
				}
			}
			if got := text(t, c); !strings.Contains(got, "because the machine was disturbed: "+tt.want+".") || strings.Count(got, "unsure: the machine was disturbed (") != c.takenBack() {
				t.Error(got)
			}
			for _, e := range c.Environment {
				if strings.HasPrefix(e.What, disturbedPrefix) && e.Invalid != "" {
					t.Errorf("%+v", e)
				}
			}
		})
	}
}

// TestConfirmedOnADisturbedMachine: what seemed worse on a quiet machine is
// not confirmed by one that was disturbed, and not denied either.
func TestConfirmedOnADisturbedMachine(t *testing.T) {
	old, new := twoRuns(t, func(_, b *fixture) { b.also(coldSlower) })
	_, second := twoRuns(t, func(_, b *fixture) {
		b.change = scatter(7)
		b.also(coldSlower)
		b.run = func(r *results.Run) {
			r.ID = "20261123T203000Z-5c1d"
			busy(experiment.Load, "others are there", experiment.Disturbing)(r)
		}
	})
	c := mustCompare(t, old, new, CompareOptions{Metrics: []string{"startup"}})
	if c.Count(Worse) != 2 {
		t.Fatal(text(t, c))
	}
	c.Confirm(mustCompare(t, old, second, CompareOptions{Metrics: []string{"startup"}}))
	got := text(t, c)
	if c.Count(Worse) != 0 || c.Count(Better) != 1 || strings.Contains(got, "not when it ran again") ||
		strings.Count(got, "unsure: the machine was disturbed (load)") != 2 || !strings.Contains(got, "confirming run, load: others are there") {
		t.Error(got)
	}
	for _, x := range c.Cells {
		if x.disturbed != nil && (x.Disturbed == nil || *x.Disturbed != "confirming run, load: others are there") {
			t.Errorf("%s: %v was disturbed", x.Cell, *x.Disturbed)
		}
	}
}

// TestStepsOfDisturbedNights: a step that only disturbed nights make is unsure,
// one that quiet nights make stands, and a disturbed night moves no level.
func TestStepsOfDisturbedNights(t *testing.T) {
	history := func(ms []int64, disturbed func(i int) bool) *history {
		var all []night
		for i, v := range ms {
			run := &results.Run{ID: fmt.Sprintf("run %d", i), Host: results.Host{Name: "bench"}}
			if disturbed(i) {
				busy(experiment.Load, fmt.Sprintf("others in night %d", i), experiment.Disturbing)(run)
			}
			all = append(all, night{
				digest: &digest{Run: run.ID, State: results.Complete, Started: began.AddDate(0, 0, i), Cells: []digestCell{{
					Cell:    experiment.Cell{Function: "f", Input: "i", Backend: "wazero.w", Start: experiment.Cold},
					Medians: map[string]int64{"startup": v * 1e5},
				}}},
				run: run,
			})
		}
		return histories("x", all)[0]
	}
	step := []int64{100, 101, 99, 100, 101, 99, 100, 101, 150, 151, 149, 150, 151, 149, 150, 151}
	for _, tt := range []struct {
		name      string
		disturbed func(int) bool
		want      []string
	}{
		{"quiet", func(int) bool { return false }, []string{"run 8: "}},
		{"every night since", func(i int) bool { return i >= 8 }, []string{"run 8: unsure: the machine was disturbed in 8 of 8 runs since then; load: others in night 8"}},
		{"every night before", func(i int) bool { return i < 8 }, []string{"run 8: unsure: the machine was disturbed in 8 of 8 runs before; load: others in night 0"}},
		{"some nights", func(i int) bool { return i == 3 || i == 9 }, []string{"run 8: "}},
	} {
		h := history(step, tt.disturbed)
		rs, err := h.regressions(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rs {
			got = append(got, r.Since+": "+r.Disturbed)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
		v := newRegressionView(h, rs)
		if unsure := strings.Contains(strings.Join(tt.want, ""), "unsure"); (v.Unsure != nil) != unsure || (v.Standing != nil) == unsure {
			t.Errorf("%s: standing %v, unsure %v", tt.name, v.Standing, v.Unsure)
		}
	}

	// A night of noise among quiet ones.
	flat := []int64{100, 101, 99, 100, 101, 99, 100, 400, 410, 405, 99, 100, 101, 99, 100, 101}
	h := history(flat, func(i int) bool { return i >= 7 && i <= 9 })
	if len(h.series[0].steps) > 0 || h.series[0].noise > 0.02 {
		t.Errorf("steps %v, noise %v", h.series[0].steps, h.series[0].noise)
	}
	if what, err := h.changed(7); err != nil || what != "the machine was disturbed, load: others in night 7" {
		t.Errorf("%q, %v", what, err)
	}
}

// TestBlockTable: what others did stands on the page, block by block, and what
// the machine did not show is no 0.
func TestBlockTable(t *testing.T) {
	others, stolen, n := 0.574, 0.012, int64(3)
	f := coldstart().write(t, t.TempDir())
	w, err := results.Resume(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []results.Block{
		{Block: 1, To: 4, Start: began, End: began.Add(1234 * time.Millisecond), Others: &others, Stolen: &stolen, Throttled: &n},
		{Block: 5, To: 5, Start: began, End: began.Add(90 * time.Second), Others: &others},
		{Start: began, End: began.Add(time.Second), Others: &others},
	} {
		if err := w.Block(&b); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range newEnvironment(s).Blocks.Rows {
		var texts []string
		for _, c := range row {
			texts = append(texts, c.Text)
		}
		got = append(got, strings.Join(texts, " | "))
	}
	want := []string{
		"1–4 | 20:15:00 | 1s | 57.4 % | 1.2 % | 3 | –",
		"5 | 20:15:00 | 1m30s | 57.4 % | – | – | –",
		"– | 20:15:00 | 1s | 57.4 % | – | – | –",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if html := runHTML(t, f, false); !strings.Contains(html, "What others did on it while the trials ran") {
		t.Error("the page does not show it")
	}
	if fs := recordsIn(f.Dir); fs[len(fs)-1].Key != results.BlocksFile {
		t.Errorf("the page does not name %s: %v", results.BlocksFile, fs)
	}
}
