package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// sizes are the sizes of a function's inputs: the number on standard input
// where every input has one, otherwise how many bytes there are.
type sizes struct {
	of    map[string]float64
	name  string // n, where the inputs are called n=1, n=2 …
	bytes bool
}

// leastSizes is how many sizes make a curve.
const leastSizes = 3

// sizesOf gives nil where the inputs have fewer sizes than make a curve, or
// the run is of a time when inputs were not stored.
func sizesOf(run *results.Run, function string) *sizes {
	var x struct {
		Functions []struct {
			Name   string
			Inputs []struct{ Name, Stdin string }
		}
	}
	if json.Unmarshal(run.Resolved, &x) != nil {
		return nil
	}
	for _, f := range x.Functions {
		if f.Name != function {
			continue
		}
		numbers := &sizes{of: map[string]float64{}}
		lengths := &sizes{of: map[string]float64{}, bytes: true}
		for i, in := range f.Inputs {
			lengths.of[in.Name] = length(in.Stdin)
			v, err := strconv.ParseFloat(strings.TrimSpace(in.Stdin), 64)
			if err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
				numbers.of[in.Name] = v
			}
			name, value, _ := strings.Cut(in.Name, "=")
			if i == 0 {
				numbers.name = name
			}
			if name != numbers.name || value != strings.TrimSpace(in.Stdin) {
				numbers.name = ""
			}
		}
		s := numbers
		if len(numbers.of) < len(f.Inputs) {
			s = lengths
		}
		distinct := map[float64]bool{}
		for _, v := range s.of {
			distinct[v] = true
		}
		if len(distinct) >= leastSizes {
			return s
		}
	}
	return nil
}

// length is that of a text as a run stores it: long ones by their digest and
// length.
func length(stdin string) float64 {
	if rest, ok := strings.CutPrefix(stdin, "sha256:"); ok {
		var n int
		if _, err := fmt.Sscanf(rest[strings.IndexByte(rest, ',')+1:], " %d bytes", &n); err == nil {
			return float64(n)
		}
	}
	return float64(len(stdin))
}

func (s *sizes) label() string {
	switch {
	case s.bytes:
		return "input, bytes"
	case s.name != "":
		return s.name
	}
	return "input"
}

// at words a size: "n = 31", "an input of 31", "31 bytes".
func (s *sizes) at(x float64) string {
	v := number(x, 0)
	if !s.whole() {
		v = strconv.FormatFloat(x, 'g', 3, 64)
	}
	switch {
	case s.bytes:
		return v + " bytes"
	case s.name != "":
		return s.name + " = " + v
	}
	return "an input of " + v
}

func (s *sizes) whole() bool {
	for _, v := range s.of {
		if v != math.Trunc(v) {
			return false
		}
	}
	return true
}

// wide reports whether the sizes want a logarithmic axis.
func (s *sizes) wide() bool {
	low, high := math.Inf(1), 0.0
	for _, v := range s.of {
		low, high = min(low, v), max(high, v)
	}
	return low > 0 && high/low >= 50
}

// point is a cell's median of a metric at a size.
type point struct {
	size float64
	cell *Cell
}

func (s *sizes) curve(cells []Cell, metric string, k contender) (ps []point) {
	for i, c := range cells {
		if x, ok := s.of[c.Input]; ok && c.Backend == k.backend && c.Start == k.start && c.Metrics[metric].MedianNS > 0 {
			ps = append(ps, point{x, &cells[i]})
		}
	}
	slices.SortFunc(ps, func(a, b point) int { return int(math.Copysign(1, a.size-b.size)) })
	return ps
}

// Crossover is the size from which on one way to run a function is ahead of
// another, on a metric of which the other is ahead below.
type Crossover struct {
	Function string    `json:"function"`
	Metric   string    `json:"metric"`
	Above    contender `json:"above"` // is ahead from At on
	Below    contender `json:"below"`
	At       float64   `json:"at"`
	// Low and High enclose the sizes at which neither is surely ahead: the
	// interval of the ratio holds 1 between them.
	Low      float64  `json:"low"`
	High     float64  `json:"high"`
	Sentence Sentence `json:"sentence"`
	// Failed are the sizes on which one of the two has no number.
	Failed []Comparison `json:"failed,omitempty"`
}

// sizeMetrics are those that are drawn against the size of the input.
var sizeMetrics = []string{"total", "runtime"}

// crossoverBasis says what a crossover rests on.
const crossoverBasis = "where medians cross, straight between sizes; within the interval neither is surely ahead"

// crossovers looks for those of all functions of a run.
func crossovers(s *Summary) (out []Crossover) {
	for _, f := range functions(s.ran()) {
		z := sizesOf(&s.run, f)
		if z == nil {
			continue
		}
		cs := byInput(s.ran(), f)
		for _, m := range sizeMetrics {
			for _, c := range z.crossovers(cs, m) {
				c.Function, c.Sentence = f, z.sentence(c)
				out = append(out, *c)
			}
		}
	}
	return out
}

// crossover looks for the one size at which two curves change places. The
// logarithm of the ratio of medians, and the two ends of its interval, are
// taken to be straight between measured sizes. There is none where one of
// the two is not surely ahead at either end, or where they change places
// more than once.
func (s *sizes) crossover(cells []Cell, metric string, a, b contender) *Crossover {
	as, bs := s.curve(cells, metric, a), s.curve(cells, metric, b)
	var xs, mid, low, high []float64
	signs := map[bool]bool{}
	for _, p := range as {
		i := slices.IndexFunc(bs, func(q point) bool { return q.size == p.size })
		if i < 0 || len(xs) > 0 && xs[len(xs)-1] == p.size {
			continue
		}
		xs = append(xs, p.size)
		// Above 0: b is ahead.
		r := math.Log(float64(p.cell.Metrics[metric].MedianNS) / float64(bs[i].cell.Metrics[metric].MedianNS))
		mid = append(mid, r)
		signs[r > 0] = true
	}
	if len(xs) < leastSizes || len(signs) < 2 {
		return nil
	}
	for i, x := range xs {
		pa, pb := at(as, x), at(bs, x)
		r := stats.RatioOfMedians(pa.cell.samples[metric], pb.cell.samples[metric])
		if !r.Bounded {
			return nil
		}
		low, high = append(low, math.Log(r.Low)), append(high, math.Log(r.High))
		mid[i] = math.Log(r.Value)
	}
	c := &Crossover{Metric: metric, Above: b, Below: a}
	if mid[len(mid)-1] < 0 { // a is ahead at the far end
		c.Above, c.Below = a, b
		for i := range mid {
			mid[i], low[i], high[i] = -mid[i], -high[i], -low[i]
		}
	}
	// Surely below 0 up to p, surely above from q on, and nothing else.
	p, q := -1, len(xs)
	for i := range xs {
		if high[i] < 0 {
			p = i
		}
	}
	for i := len(xs) - 1; i >= 0; i-- {
		if low[i] > 0 {
			q = i
		}
	}
	if p < 0 || q == len(xs) || q < p {
		return nil
	}
	cross := func(ys []float64, from, to int) float64 {
		for i := from; i < to; i++ {
			if ys[i] <= 0 && ys[i+1] > 0 {
				share := -ys[i] / (ys[i+1] - ys[i])
				if s.wide() {
					return xs[i] * math.Pow(xs[i+1]/xs[i], share)
				}
				return xs[i] + share*(xs[i+1]-xs[i])
			}
		}
		return math.NaN()
	}
	c.Low, c.At, c.High = cross(high, p, q), cross(mid, p, q), cross(low, p, q)
	if math.IsNaN(c.Low + c.At + c.High) {
		return nil
	}
	return c
}

func at(ps []point, size float64) point {
	return ps[slices.IndexFunc(ps, func(p point) bool { return p.size == size })]
}

// crossovers looks at every two backends, from every start. Those of like
// starts come first.
func (s *sizes) crossovers(cells []Cell, metric string) (out []*Crossover) {
	var ks []contender
	for _, c := range cells {
		if k := (contender{c.Backend, c.Start}); !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	for i, a := range ks {
		for _, b := range ks[i+1:] {
			if a.backend == b.backend {
				continue
			}
			if c := s.crossover(cells, metric, a, b); c != nil {
				c.Failed = s.lost(cells, metric, c.Above, c.Below)
				out = append(out, c)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y *Crossover) int {
		like := func(c *Crossover) int {
			if c.Above.start == c.Below.start {
				return 0
			}
			return 1
		}
		return like(x) - like(y)
	})
	return out
}

// lost gives the sizes on which one of two contenders has no number.
func (s *sizes) lost(cells []Cell, metric string, a, b contender) (out []Comparison) {
	has := func(k contender, input string) *Cell {
		i := slices.IndexFunc(cells, func(c Cell) bool { return c.Backend == k.backend && c.Start == k.start && c.Input == input })
		if i < 0 {
			return nil
		}
		return &cells[i]
	}
	for _, in := range inputsIn(cells) {
		x, y := has(a, in), has(b, in)
		if _, sized := s.of[in]; sized && (lacks(x, metric) != "") != (lacks(y, metric) != "") {
			out = append(out, apart(metric, in, a, b, x, y))
		}
	}
	return out
}

// sentence words a crossover.
func (s *sizes) sentence(c *Crossover) Sentence {
	what := map[string]string{"total": "answers sooner", "runtime": "runs faster"}[c.Metric]
	from, low, high := c.At, c.Low, c.High
	digits := 0
	if s.whole() {
		from, low, high = math.Ceil(from), math.Floor(low), math.Ceil(high)
	} else {
		digits = 2
	}
	var t Sentence
	t.say("From about ").number(s.at(from)).say(" on, ").name(c.Above.backend)
	t.say(" %s %s than ", c.Above.start, what).name(c.Below.backend).say(" %s ", c.Below.start)
	t.interval("[" + number(low, digits) + ", " + number(high, digits) + "]")
	(&Verdict{Comparisons: c.Failed}).failed(&t)
	t.say(".")
	return t
}

// curves are what web/js draws of sizes.
type curves struct {
	Name    string      `json:"name"`
	Lines   []curve     `json:"lines"`
	Crosses []crossMark `json:"crosses"`
}

type curve struct {
	Mark   int     `json:"mark"`
	Points [][]any `json:"points"` // size, median, low, high, n, input
}

type crossMark struct {
	Marks [2]int  `json:"marks"`
	At    float64 `json:"at"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func (s *sizes) chart(cells []Cell, metric string, ms []mark, crossed []Crossover) *chart {
	e := rangeOfIntervals(cells, metric)
	if e.high == 0 {
		return nil
	}
	c := &chart{Fill: "sizes", Curves: &curves{Name: s.label()}}
	low, high := math.Inf(1), math.Inf(-1)
	for _, i := range marksIn(ms, cells) {
		k := curve{Mark: i}
		for _, p := range s.curve(cells, metric, contender{ms[i].Backend, experiment.Start(ms[i].Start)}) {
			m := p.cell.Metrics[metric]
			var from, to any
			if m.LowNS != nil {
				from, to = *m.LowNS, *m.HighNS
			}
			k.Points = append(k.Points, []any{p.size, m.MedianNS, from, to, m.N, p.cell.Input})
			low, high = min(low, p.size), max(high, p.size)
		}
		if len(k.Points) > 0 {
			c.Curves.Lines = append(c.Curves.Lines, k)
		}
	}
	for _, x := range crossed {
		c.Curves.Crosses = append(c.Curves.Crosses, crossMark{
			[2]int{markOf(ms, x.Above.backend, x.Above.start), markOf(ms, x.Below.backend, x.Below.start)}, x.At, x.Low, x.High,
		})
	}
	x := charts.NewLine()
	axis := opts.XAxis{Type: "value", Min: low, Max: high, Name: s.label(), NameLocation: "middle", NameGap: 24}
	axis.AxisLabel = &opts.AxisLabel{Formatter: types.FuncStr("nebula:plain"), HideOverlap: opts.Bool(true)}
	if s.wide() {
		axis.Type = "log"
	}
	x.SetGlobalOptions(options(charts.WithXAxisOpts(axis), e.logY(), tooltip("size"))...)
	x.Validate()
	c.Option = x.JSON()
	return c
}
