package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/regular"
)

// history is the complete runs of an experiment on one machine and with the
// same variables, oldest first.
type history struct {
	experiment string
	of         string // what sets it apart from the experiment's others; empty: it is the only one
	nights     []night
	series     []series

	anyDisturbed bool // a night's machine was disturbed
}

// night is a run in a history.
type night struct {
	digest     *digest
	run        *results.Run
	link       string
	confirming bool // it ran a few cells of another again
}

// histories parts the runs of an experiment by machine and variables, that
// with the newest run first. Numbers of two machines, or of two settings, are
// never one line. The matrix does not part them: a line follows one cell,
// whatever else ran beside it.
func histories(name string, all []night) (hs []*history) {
	var ids []results.Identity
	nights := map[results.Identity][]night{}
	for _, n := range slices.Backward(all) {
		id := n.run.Identity()
		id.Matrix = ""
		if nights[id] == nil {
			ids = append(ids, id)
		}
		nights[id] = append(nights[id], n)
	}
	for _, id := range ids {
		slices.Reverse(nights[id])
		if h := newHistory(name, nights[id]); len(h.nights) > 0 {
			hs = append(hs, h)
		}
	}
	for _, h := range hs {
		h.of = h.among(hs)
	}
	return hs
}

// series is a cell's metric over the nights.
type series struct {
	cell   experiment.Cell
	metric string
	values []float64    // NaN where the night has none
	quiet  []float64    // of them, those of nights whose machine was not disturbed; NaN elsewhere
	steps  []stats.Step // among the quiet ones
	noise  float64      // relative standard deviation from night to night
}

// disturbed gives what disturbed the night's machine for a while.
func (n night) disturbed() []results.Disturbance { return n.run.Disturbances() }

// among says what sets a history apart from the experiment's others: the
// machine where there are several, and the variables that they do not share.
func (h *history) among(hs []*history) string {
	mine := h.nights[0].run
	var of []string
	if slices.ContainsFunc(hs, func(g *history) bool { return g.nights[0].run.Identity().Host != mine.Identity().Host }) {
		of = append(of, mine.Identity().Host)
	}
	names := map[string]bool{}
	for _, g := range hs {
		for name := range g.nights[0].run.Variables {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		own, has := mine.Variables[name]
		shared := func(g *history) bool {
			value, ok := g.nights[0].run.Variables[name]
			return ok == has && value == own
		}
		switch all := !slices.ContainsFunc(hs, func(g *history) bool { return !shared(g) }); {
		case all:
		case has:
			of = append(of, name+" = "+shorten(own, 40))
		default:
			of = append(of, "without "+name)
		}
	}
	return strings.Join(of, ", ")
}

// newHistory follows each cell over the nights. A run that was interrupted
// or broken is none: its cells have fewer trials, and other ones. Nor is one
// that confirmed another: it ran because that night was bad, which would count
// twice.
func newHistory(name string, all []night) *history {
	h := &history{experiment: name}
	for _, n := range all {
		if n.digest.State == results.Complete && n.digest.Trials.Missing == 0 && !n.confirming {
			h.nights = append(h.nights, n)
		}
	}
	type key struct {
		experiment.Cell
		metric string
	}
	index := map[key]int{}
	for i, n := range h.nights {
		for _, c := range n.digest.Cells {
			for _, m := range followed {
				v, ok := c.Medians[m]
				if !ok {
					continue
				}
				k := key{c.Cell, m}
				at, ok := index[k]
				if !ok {
					at = len(h.series)
					index[k] = at
					h.series = append(h.series, series{cell: c.Cell, metric: m, values: slices.Repeat([]float64{math.NaN()}, len(h.nights))})
				}
				h.series[at].values[i] = float64(v)
			}
		}
	}
	disturbed := make([]bool, len(h.nights))
	for i, n := range h.nights {
		disturbed[i] = len(n.disturbed()) > 0
		h.anyDisturbed = h.anyDisturbed || disturbed[i]
	}
	for i := range h.series {
		h.series[i].follow(disturbed)
	}
	return h
}

// follow looks for steps. Nights that were disturbed are drawn, and decide
// about none.
func (s *series) follow(disturbed []bool) {
	s.quiet = slices.Clone(s.values)
	for i, is := range disturbed {
		if is {
			s.quiet[i] = math.NaN()
		}
	}
	s.steps = steps(s.quiet)
	var logs []float64
	for _, v := range s.quiet {
		if !math.IsNaN(v) {
			logs = append(logs, math.Log(v))
		}
	}
	s.noise = stats.NoiseOf(logs)
}

// steps gives the steps of a series that are larger than the margin.
func steps(values []float64) []stats.Step {
	return slices.DeleteFunc(stats.Steps(values), func(st stats.Step) bool {
		return math.Abs(math.Log1p(st.Change)) <= math.Log1p(stats.DefaultMargin)
	})
}

// Regression is a step to the worse that still stands.
type Regression struct {
	Cell   experiment.Cell
	Metric string
	Since  string // the first bad run
	Change stats.Ratio
	Other  []results.Difference // what else changed within two runs of it
	Ignore *Ignore              // somebody looked at it
	// Disturbed is what disturbed the nights without which there is no such
	// step: nobody can tell whether it is one. Empty: it stands without them.
	Disturbed string
}

// regressions gives those of a history, the largest first, and then those that
// only disturbed nights tell of. The last step decides: what became better
// again stands no more.
func (h *history) regressions(ignored []Ignore) (out []Regression, err error) {
	var unsure []Regression
	for _, s := range h.series {
		r, err := h.regression(&s, s.quiet, s.steps, ignored)
		if err != nil {
			return nil, err
		}
		if r != nil {
			out = append(out, *r)
			continue
		}
		if !h.anyDisturbed {
			continue
		}
		all := steps(s.values)
		if r, err = h.regression(&s, s.values, all, ignored); err != nil {
			return nil, err
		}
		if r != nil {
			r.Disturbed = h.disturbances(all[len(all)-1].At)
			unsure = append(unsure, *r)
		}
	}
	largest := func(a, b Regression) int { return int(math.Copysign(1, b.Change.Value-a.Change.Value)) }
	slices.SortStableFunc(out, largest)
	slices.SortStableFunc(unsure, largest)
	return append(out, unsure...), nil
}

// regression gives the one that a series ends with; nil: it has none.
func (h *history) regression(s *series, values []float64, steps []stats.Step, ignored []Ignore) (*Regression, error) {
	if len(steps) == 0 {
		return nil, nil
	}
	st := steps[len(steps)-1]
	if st.Change <= stats.DefaultMargin {
		return nil, nil
	}
	from := 0
	if len(steps) > 1 {
		from = steps[len(steps)-2].At
	}
	r := &Regression{
		Cell: s.cell, Metric: s.metric, Since: h.nights[st.At].digest.Run,
		Change: stats.RatioOfMedians(known(values[st.At:]), known(values[from:st.At])),
	}
	// A step is dated to within two runs, so its cause may be as far away.
	before, after := h.nights[max(0, st.At-3)], h.nights[min(len(h.nights)-1, st.At+2)]
	var err error
	if r.Other, err = results.Differences(before.run, after.run); err != nil {
		return nil, err
	}
	for i := range ignored {
		if ignored[i].matches(h.experiment, r) {
			r.Ignore = &ignored[i]
		}
	}
	return r, nil
}

// disturbances names what was found, and in how many of the nights from one on
// or before it: whichever has more of them.
func (h *history) disturbances(at int) string {
	side := func(nights []night) (n int, found string) {
		for _, x := range nights {
			if ds := x.disturbed(); len(ds) > 0 {
				if n++; n == 1 {
					found = ds[0].Check + ": " + ds[0].Found
				}
			}
		}
		return n, found
	}
	when, nights := "since then", h.nights[at:]
	n, found := side(nights)
	if n == 0 {
		when, nights = "before", h.nights[:at]
		n, found = side(nights)
	}
	return fmt.Sprintf("unsure: the machine was disturbed in %d of %s %s; %s", n, plural(len(nights), "run"), when, found)
}

func known(xs []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(xs), math.IsNaN)
}

// IgnoreFile lists, in the output folder, the regressions that somebody has
// looked at and accepts.
const IgnoreFile = "ignore.json"

// Ignore is one entry of IgnoreFile.
type Ignore struct {
	Experiment string `json:"experiment"`
	Cell       string `json:"cell"` // a pattern, as for --only
	Metric     string `json:"metric"`
	Since      string `json:"since"` // the first bad run: another step is another regression
	Reason     string `json:"reason"`
}

func (i Ignore) matches(name string, r *Regression) bool {
	return i.Experiment == name && experiment.Match(i.Cell, r.Cell.String()) && i.Metric == r.Metric && i.Since == r.Since
}

func readIgnored(out string) (list []Ignore, err error) {
	name := filepath.Join(out, IgnoreFile)
	b, err := regular.Read(name, mostCache)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("%s: not a list of ignored regressions: %w", name, err)
	}
	return list, nil
}

// regressionTable shows regressions, newest words last: what else changed.
func regressionTable(rs []Regression) *table {
	if len(rs) == 0 {
		return nil
	}
	ignored := rs[0].Ignore != nil
	t := &table{Head: left("slower by", "function", "input", "backend", "start", "metric", "since", "what else changed within two runs")}
	unsure := rs[0].Disturbed != ""
	switch {
	case ignored:
		t.Head = append(t.Head, left("why it is ignored")...)
	case unsure:
		t.Head = append(t.Head, left("verdict")...)
	}
	for _, r := range rs {
		interval := "too few nights for an interval"
		if r.Change.Bounded {
			interval = "[" + signed(r.Change.Low-1) + ", " + signed(r.Change.High-1) + "]"
		}
		row := append([]td{{Text: signed(r.Change.Value - 1), Below: interval, Bad: !ignored && !unsure}},
			cells(r.Cell.Function, r.Cell.Input, r.Cell.Backend, string(r.Cell.Start), r.Metric, r.Since, changes(r.Other))...)
		switch {
		case ignored:
			row = append(row, td{Text: r.Ignore.Reason})
		case unsure:
			row = append(row, td{Text: r.Disturbed})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// signed shows a share as a change in per cent.
func signed(share float64) string {
	digits := 1
	if math.Abs(share) >= 0.995 {
		digits = 0
	}
	s := number(100*share, digits) + "\u00a0%"
	if share >= 0 {
		s = "+" + s
	}
	return s
}

// changes names the first few differences between two runs.
func changes(ds []results.Difference) string {
	const most = 4
	if len(ds) == 0 {
		return "nothing that is known"
	}
	var parts []string
	for _, d := range ds[:min(most, len(ds))] {
		parts = append(parts, d.What+": "+orNone(shorten(d.A, 40))+" → "+orNone(shorten(d.B, 40)))
	}
	text := strings.Join(parts, "; ")
	if n := len(ds) - most; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
