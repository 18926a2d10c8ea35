package runner

import (
	"math"
	"slices"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// steady is at how many block ends in a row an interval must be narrow
// enough. An interval that is looked at again and again until it happens to
// be narrow misses the truth more often than its level says.
const steady = 5

// experiment/stats knows no experiment, so that what it needs at least is typed
// in both: the compiler keeps the two the same.
var (
	_ [stats.MinTrials]struct{}  = [experiment.MinTrials]struct{}{}
	_ [stats.MinWindows]struct{} = [experiment.MinWindows]struct{}{}
)

// stopping decides which cells have had enough trials. It looks at the end
// of a block only, so that the cells of a block are always run together, and
// only at how well a cell is known, never at how cells compare.
type stopping struct {
	until  *experiment.Until
	warmup int
	began  time.Time // of the run, without the time between its sessions
	now    func() time.Time
	cells  []progress
}

// progress is what is known of one cell.
type progress struct {
	cell    experiment.Cell
	samples [][]float64 // by metric of until, sorted
	n       int         // trials that count
	narrow  int         // block ends in a row
	stopped bool
}

// newStopping gives the rule of a plan; nil where it has none.
func newStopping(p *experiment.Plan, spent time.Duration, now func() time.Time) *stopping {
	if p.Until == nil {
		return nil
	}
	s := &stopping{until: p.Until, warmup: p.Warmup, now: now, began: now().Add(-spent)}
	for _, c := range p.Cells {
		s.cells = append(s.cells, progress{cell: c, samples: make([][]float64, len(p.Until.Metrics))})
	}
	return s
}

// stopped reports whether a cell has had enough.
func (s *stopping) stopped(cell int) bool { return s != nil && s.cells[cell].stopped }

// done reports whether every cell has had enough.
func (s *stopping) done() bool {
	return s != nil && !slices.ContainsFunc(s.cells, func(p progress) bool { return !p.stopped })
}

func (s *stopping) add(cell int, t *results.Trial) {
	if s == nil || !t.Counts() || !t.Final() {
		return
	}
	p := &s.cells[cell]
	p.n++
	for i, name := range s.until.Metrics {
		for _, m := range experiment.Metrics {
			if m.Name != name {
				continue
			}
			if ns, ok := t.At.Metric(m); ok {
				at, _ := slices.BinarySearch(p.samples[i], float64(ns))
				p.samples[i] = slices.Insert(p.samples[i], at, float64(ns))
			}
		}
	}
}

// blockEnds looks at every cell that goes on, and gives those that stop.
func (s *stopping) blockEnds(block int) (stops []results.Stop) {
	if s == nil || block <= s.warmup {
		return nil
	}
	late := s.until.MaxTime > 0 && s.now().Sub(s.began) >= s.until.MaxTime
	for i := range s.cells {
		p := &s.cells[i]
		if p.stopped {
			continue
		}
		reason, relative := s.look(p, block, late)
		if reason == "" {
			continue
		}
		p.stopped = true
		stop := results.Stop{Cell: p.cell, Block: block, N: p.n, Reason: reason}
		if !math.IsInf(relative, 0) {
			stop.Relative = &relative
		}
		stops = append(stops, stop)
	}
	return stops
}

func (s *stopping) look(p *progress, block int, late bool) (results.StopReason, float64) {
	relative := 0.0
	for _, xs := range p.samples {
		relative = max(relative, halfWidth(xs))
	}
	if relative <= s.until.RelativeError {
		p.narrow++
	} else {
		p.narrow = 0
	}
	switch {
	case p.n >= s.until.Min && p.narrow >= steady:
		return results.Precise, relative
	case block-s.warmup >= s.until.Max:
		return results.Repetitions, relative
	case late:
		return results.OutOfTime, relative
	}
	return "", relative
}

// halfWidth is half the width of the median's interval over the median;
// infinite where there is no interval.
func halfWidth(xs []float64) float64 {
	m := stats.Summarise(xs)
	if !m.Bounded || m.Value <= 0 {
		return math.Inf(1)
	}
	return (m.High - m.Low) / 2 / m.Value
}

// restore takes up the stops that were decided before.
func (s *stopping) restore(stops []results.Stop) {
	if s == nil {
		return
	}
	for _, stop := range stops {
		for i := range s.cells {
			if s.cells[i].cell == stop.Cell {
				s.cells[i].stopped = true
			}
		}
	}
}
