package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// Checked is a threshold of the experiment and whether it holds.
type Checked struct {
	Name   string `json:"name"`
	Metric string `json:"metric"`
	Assert string `json:"assert"` // "median < 10ms"
	// Holding is that of the cell where it is worst: one breach breaches the
	// whole.
	Holding stats.Holding `json:"state"`
	Cells   []CheckedCell `json:"cells"`
}

// CheckedCell is a threshold in one of the cells that it speaks of.
type CheckedCell struct {
	experiment.Cell
	Holding stats.Holding `json:"state"`
	N       int           `json:"n"`
	// ValueNS is the quantile; null where no trial has the metric. LowNS and
	// HighNS are each null where the trials are too few to bound that side.
	ValueNS *int64 `json:"value_ns"`
	LowNS   *int64 `json:"low_ns"`
	HighNS  *int64 `json:"high_ns"`
	Why     string `json:"why,omitempty"` // it holds or not for another reason than its interval
}

// checked holds each threshold of the run against its cells. A cell that was
// to run and of which no trial counts breaches it: what does not work keeps
// no promise. A cell that could not run, or did not come to run, is unsure;
// one that nobody asked for is not looked at.
func checked(s *Summary) (out []Checked) {
	for _, t := range s.run.Thresholds {
		c := Checked{Name: t.Name, Metric: t.Metric, Assert: t.Assert(), Holding: stats.Holds, Cells: []CheckedCell{}}
		for i := range s.Cells {
			x := &s.Cells[i]
			if !t.Where.Matches(x.Cell) || s.leftOutByChoice(x) {
				continue
			}
			cell := check(t, x)
			c.Cells = append(c.Cells, cell)
			if holdingRank(cell.Holding) > holdingRank(c.Holding) {
				c.Holding = cell.Holding
			}
		}
		if len(c.Cells) > 0 {
			out = append(out, c)
		}
	}
	return out
}

func holdingRank(h stats.Holding) int {
	return slices.Index([]stats.Holding{stats.Holds, stats.Undecided, stats.Breached}, h)
}

// leftOutByChoice reports whether the experiment or --only left the cell out, or
// nobody asked for its start.
func (s *Summary) leftOutByChoice(x *Cell) bool {
	return x.LeftOut != "" && slices.ContainsFunc(s.LeftOut, func(l experiment.LeftOut) bool {
		return (l.Chosen || l.Unasked) && l.Function == x.Function && l.Backend == x.Backend && l.Start == x.Start && l.Reason == x.LeftOut
	})
}

func check(t experiment.Threshold, x *Cell) CheckedCell {
	c := CheckedCell{Cell: x.Cell, Holding: stats.Undecided}
	xs := x.samples[t.Metric]
	c.N = len(xs)
	switch {
	case x.LeftOut != "":
		c.Why = "it could not run: " + firstLine(x.LeftOut)
	case x.N == 0 && total(x.Outcomes)-x.Outcomes[experiment.Interrupted] > 0:
		c.Holding, c.Why = stats.Breached, "no trial counts: "+bad(*x)
	case x.N == 0:
		c.Why = "no trial counts: " + untried(x)
	case len(xs) == 0:
		c.Why = fmt.Sprintf("no trial has its %s", t.Metric)
	default:
		q := stats.QuantileOf(xs, t.Q())
		value := round(q.Value)
		c.ValueNS = &value
		for _, end := range []struct {
			ns float64
			to **int64
		}{{q.Low, &c.LowNS}, {q.High, &c.HighNS}} {
			if !math.IsInf(end.ns, 0) {
				ns := round(end.ns)
				*end.to = &ns
			}
		}
		c.Holding = q.Against(stats.Bound{Value: float64(t.Bound), Above: t.Above})
	}
	return c
}

// text says what was measured.
func (c CheckedCell) text() string {
	if c.ValueNS == nil {
		return c.Why
	}
	end := func(ns *int64) string {
		if ns == nil {
			return "?"
		}
		return duration(*ns)
	}
	return fmt.Sprintf("%s [%s, %s], n = %d", duration(*c.ValueNS), end(c.LowNS), end(c.HighNS), c.N)
}

// Breached and Undecided report whether any threshold is.
func (s *Summary) Breached() bool  { return s.anyThreshold(stats.Breached) }
func (s *Summary) Undecided() bool { return s.anyThreshold(stats.Undecided) }

func (s *Summary) anyThreshold(h stats.Holding) bool {
	return slices.ContainsFunc(s.Thresholds, func(c Checked) bool { return c.Holding == h })
}

// line says in words how a threshold came out.
func (c Checked) line() Sentence {
	var s Sentence
	word := map[stats.Holding]string{stats.Holds: "holds", stats.Breached: "is breached", stats.Undecided: "is unsure"}[c.Holding]
	s.say("Threshold ").name(c.Name).say(" %s: %s of %s, ", word, c.Assert, c.Metric)
	worst := slices.MaxFunc(c.Cells, func(a, b CheckedCell) int { return holdingRank(a.Holding) - holdingRank(b.Holding) })
	n := 0
	for _, x := range c.Cells {
		if x.Holding == c.Holding {
			n++
		}
	}
	if len(c.Cells) > 1 {
		s.say("in %d of %s, such as ", n, plural(len(c.Cells), "cell"))
	}
	s.name(worst.Cell.String()).say(": %s.", worst.text())
	return s
}

// thresholdViews words each threshold for a page, in the caveats' layout.
func thresholdViews(cs []Checked) (out []caveatView) {
	for _, c := range cs {
		v := caveatView{Caveat{Level: Note, Text: c.line()}, "Holds."}
		switch c.Holding {
		case stats.Breached:
			v.Level, v.Title = Wrong, "Breached."
		case stats.Undecided:
			v.Level, v.Title = Warning, "Unsure."
		}
		out = append(out, v)
	}
	return out
}
