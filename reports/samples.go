package reports

import (
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// A page holds the samples of a function once, and several charts draw them.
// Of many they are thinned: of the strip and the order of the run, every
// k-th block is kept; of the shape of a distribution, evenly spaced
// quantiles. Statistics never see a thinned sample.

// shownInOrder is about how many samples of a run its page holds; more would
// make the page heavy and the chart black.
const shownInOrder = 3000

// shownQuantiles is how many quantiles of a cell's metric a page holds at
// most, and shownInAll about how many in all.
const (
	shownQuantiles = 65
	shownInAll     = 6_000
)

// stored are the samples of one cell, as web/js reads them.
type stored struct {
	Mark  int    `json:"mark"`
	Input string `json:"input"`
	N     int    `json:"n"`
	// Box is startup's least, first quartile, median, third quartile, most.
	Box [5]int64 `json:"box"`
	// Trials are the numbers of trials, each less the one before it, and NS
	// their startup.
	Trials []int  `json:"trials"`
	NS     scaled `json:"ns"`
	// Shape are the quantiles of each metric: all samples in order where
	// there are few.
	Shape map[string]scaled `json:"shape"`
}

// scaled are nanoseconds over a unit, a power of ten that leaves each at least
// five digits: a drawing shows no more.
type scaled struct {
	Unit   int64   `json:"u"`
	Values []int64 `json:"v"`
}

func scale(ns []int64) scaled {
	s := scaled{Unit: 1, Values: make([]int64, len(ns))}
	if len(ns) > 0 {
		for least := slices.Min(ns); least/s.Unit >= 100_000; {
			s.Unit *= 10
		}
	}
	for i, x := range ns {
		s.Values[i] = (x + s.Unit/2) / s.Unit
	}
	return s
}

func store(cells []Cell, ms []mark, all int) (out []stored) {
	quantiles := min(shownQuantiles, max(9, shownInAll/max(1, all*len(distributed))))
	for _, c := range cells {
		m, ok := c.Metrics["startup"]
		if !ok {
			continue
		}
		s := stored{
			Mark: markOf(ms, c.Backend, c.Start), Input: c.Input, N: c.N, Shape: map[string]scaled{},
			Box: [5]int64{m.MinNS, m.Q1NS, m.MedianNS, m.Q3NS, m.MaxNS},
		}
		last := 0
		var ns []int64
		for _, x := range c.inOrder {
			s.Trials, ns, last = append(s.Trials, x.trial-last), append(ns, x.ns), x.trial
		}
		s.NS = scale(ns)
		for _, name := range distributed {
			s.Shape[name] = scale(shape(c.samples[name], quantiles))
		}
		out = append(out, s)
	}
	return out
}

// distributed are the metrics whose distributions are shown.
var distributed = []string{"startup", "runtime", "total"}

// shape gives at most n evenly spaced values of a sorted sample, the least
// and the most among them.
func shape(xs []float64, n int) []int64 {
	if len(xs) < n {
		n = len(xs)
	}
	out := make([]int64, n)
	for i := range out {
		at := 0
		if n > 1 {
			at = i * (len(xs) - 1) / (n - 1)
		}
		out[i] = round(xs[at])
	}
	return out
}

func rangeOf(cells []Cell, metrics ...string) (e reach) {
	for _, c := range cells {
		for _, name := range metrics {
			if m, ok := c.Metrics[name]; ok {
				e.add(m.MinNS, m.MaxNS)
			}
		}
	}
	return e
}

// strip shows every sample of a metric, with a box over each row.
func strip(cells []Cell) *chart {
	e := rangeOf(cells, "startup")
	if e.high == 0 {
		return nil
	}
	x := charts.NewCustom()
	low, high := e.decades()
	x.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{
			Type: "value", Min: low, Max: high,
			AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:logged"), HideOverlap: opts.Bool(true)},
		}),
		rowsY([]string{}), tooltip("strip"),
	)...)
	x.Validate()
	return &chart{Option: x.JSON(), Fill: "strip", Inputs: inputsIn(cells)}
}

// ecdf shows which share of the trials had ended by when.
func ecdf(cells []Cell) *chart {
	e := rangeOf(cells, distributed...)
	if e.high == 0 {
		return nil
	}
	x := charts.NewLine()
	x.SetGlobalOptions(options(
		e.logX(),
		charts.WithYAxisOpts(opts.YAxis{Type: "value", Min: 0, Max: 1, AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:share")}}),
		tooltip("ecdf"),
	)...)
	x.Validate()
	return &chart{Option: x.JSON(), Fill: "ecdf", Inputs: inputsIn(cells)}
}

// inOrder shows startup over the course of the run.
func inOrder(cells []Cell, trials int) *chart {
	e := rangeOf(cells, "startup")
	if e.high == 0 || !slices.ContainsFunc(cells, func(c Cell) bool { return len(c.inOrder) > 0 }) {
		return nil
	}
	s := charts.NewScatter()
	s.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Min: 0, Max: trials, Name: "trial", NameLocation: "middle", NameGap: 24}),
		e.logY(), tooltip("sample"),
	)...)
	s.Validate()
	return &chart{Option: s.JSON(), Fill: "order"}
}

// rangeOfIntervals is the range of medians and their intervals.
func rangeOfIntervals(cells []Cell, metric string) (e reach) {
	for _, c := range cells {
		m := c.Metrics[metric]
		e.add(m.MedianNS)
		if m.LowNS != nil {
			e.add(*m.LowNS, *m.HighNS)
		}
	}
	return e
}
