package reports

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment/results"
)

// leastNights is how many runs make a history worth drawing.
const leastNights = 3

// trendView is an experiment's history on the index page.
type trendView struct {
	Experiment string
	Of         string // the machine or variables, where the experiment has several
	ID         string
	Reference  string // the run against which everything is shown
	Nights     int
	Data       template.JS
	Figures    []figure // one for each backend
	Changes    *table   // of the environment, between runs
}

// trend is the data that the figures of a history share.
type trend struct {
	Digits string      `json:"digits"`
	Nights []string    `json:"nights"` // days
	Runs   []string    `json:"runs"`
	Lines  []trendLine `json:"lines"`
	// Changed are the nights whose environment differs from the night
	// before, and how.
	Changed []changed `json:"changed"`
}

type changed struct {
	At   int    `json:"at"`
	What string `json:"what"`
}

type trendLine struct {
	Function string  `json:"function"`
	Input    string  `json:"input"`
	Backend  string  `json:"backend"`
	Start    string  `json:"start"`
	Metric   string  `json:"metric"`
	Fill     float64 `json:"fill"`
	// Values are packed: see pack.
	Values string  `json:"values"`
	Noise  float64 `json:"noise"` // relative standard deviation
	// Levels are where each level begins, and what it is, as the logarithm
	// of its ratio to the reference.
	Levels [][2]float64 `json:"levels"`
}

// digits are 88 characters that mean nothing to JSON and HTML.
const digits = "!#$%()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// pack writes a ratio as two digits: its logarithm in thousandths, from 1/48
// to 48. A year of nights of many cells must fit a page. Two spaces stand for
// no value.
func pack(ratio float64) string {
	if math.IsNaN(ratio) {
		return "  "
	}
	const n = len(digits)
	v := min(max(int(math.Round(1000*math.Log(ratio)))+n*n/2, 0), n*n-1)
	return string([]byte{digits[v/n], digits[v%n]})
}

func newTrend(at int, h *history, rs []Regression) (*trendView, error) {
	if len(h.nights) < leastNights {
		return nil, nil
	}
	v := &trendView{Experiment: h.experiment, Of: h.of, ID: fmt.Sprintf("t%d", at+1), Nights: len(h.nights), Reference: when(h.nights[0].digest.Started) + ", run " + h.nights[0].digest.Run}
	data := trend{Digits: digits, Lines: []trendLine{}, Changed: []changed{}}
	v.Changes = &table{Head: left("run", "began", "what is not as in the run before")}
	for i, n := range h.nights {
		data.Nights = append(data.Nights, n.digest.Started.UTC().Format("2006-01-02"))
		data.Runs = append(data.Runs, n.digest.Run)
		what, err := h.changed(i)
		if err != nil {
			return nil, err
		}
		if what != "" {
			data.Changed = append(data.Changed, changed{i, what})
			v.Changes.Rows = append(v.Changes.Rows, cells(n.digest.Run, when(n.digest.Started), what))
		}
	}
	if len(v.Changes.Rows) == 0 {
		v.Changes = nil
	}
	// What became slower is what a chart shows first.
	var backends, subjects []string
	for _, r := range rs {
		if n := r.Cell.Function + " " + r.Cell.Input; r.Ignore == nil && !slices.Contains(subjects, n) {
			subjects = append(subjects, n)
		}
	}
	for _, s := range h.series {
		if !slices.Contains(backends, s.cell.Backend) {
			backends = append(backends, s.cell.Backend)
		}
		if n := s.cell.Function + " " + s.cell.Input; !slices.Contains(subjects, n) {
			subjects = append(subjects, n)
		}
		data.Lines = append(data.Lines, s.line())
	}
	var err error
	if v.Data, err = inline(data); err != nil {
		return nil, err
	}
	for i, b := range backends {
		f := figure{
			ID: fmt.Sprintf("%s-%d", v.ID, i+1), Title: b, Function: h.experiment, At: -1, Name: true, Wide: len(backends) == 1,
			Caption: "Change of the median of each run against the reference, in per cent. The band holds two standard deviations from night to night around a level; a triangle is a step, a dotted line a run whose environment is not as in the one before, or whose machine was disturbed; such a run decides about no step.",
			Table:   trendTable(h, b),
			Choices: []choice{{"Of", "subject", subjects}, {"Metric", "metric", followed}},
		}
		x := charts.NewLine()
		x.SetXAxis([]string{}).SetGlobalOptions(options(
			charts.WithXAxisOpts(opts.XAxis{Type: "category"}),
			charts.WithYAxisOpts(opts.YAxis{Type: "value", Scale: opts.Bool(true), AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:percent")}}),
			tooltip("night"),
		)...)
		x.Validate()
		c := &chart{Option: x.JSON(), Fill: "trend", Samples: v.ID + "-data", Backend: b, Color: i % palette, Subjects: subjects}
		if err := f.draw(c); err != nil {
			return nil, err
		}
		v.Figures = append(v.Figures, f)
	}
	return v, nil
}

// changed says what in a night's environment is not as in the night before,
// and what disturbed it; empty: nothing.
func (h *history) changed(i int) (string, error) {
	var parts []string
	for _, d := range h.nights[i].disturbed() {
		parts = append(parts, "the machine was disturbed, "+d.Check+": "+d.Found)
	}
	if i > 0 {
		ds, err := results.Differences(h.nights[i-1].run, h.nights[i].run)
		if err != nil {
			return "", err
		}
		if len(ds) > 0 {
			parts = append(parts, changes(ds))
		}
	}
	return strings.Join(parts, "; "), nil
}

// line is a series as the page holds it. Its reference is the first night
// that has a value.
func (s *series) line() trendLine {
	l := trendLine{
		Function: s.cell.Function, Input: s.cell.Input, Backend: s.cell.Backend, Start: string(s.cell.Start), Metric: s.metric,
		Fill: fills[s.cell.Start], Noise: math.Round(1e5*s.noise) / 1e5,
	}
	reference := known(s.values)[0]
	var packed strings.Builder
	for _, x := range s.values {
		packed.WriteString(pack(x / reference))
	}
	l.Values = packed.String()
	begin := 0
	for i := 0; i <= len(s.steps); i++ {
		end := len(s.values)
		if i < len(s.steps) {
			end = s.steps[i].At
		}
		level := known(s.quiet[begin:end])
		if len(level) == 0 {
			level = known(s.values[begin:end])
		}
		l.Levels = append(l.Levels, [2]float64{float64(begin), math.Round(1e4*math.Log(median(level)/reference)) / 1e4})
		begin = end
	}
	return l
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

func trendTable(h *history, backend string) table {
	t := table{Head: append(left("function", "input", "start", "metric"), right("reference", "last run", "change", "steps")...)}
	for _, s := range h.series {
		if s.cell.Backend != backend {
			continue
		}
		all := known(s.values)
		var steps []string
		for _, st := range s.steps {
			steps = append(steps, h.nights[st.At].digest.Started.UTC().Format("2006-01-02")+": "+signed(st.Change))
		}
		if steps == nil {
			steps = []string{"–"}
		}
		row := cells(s.cell.Function, s.cell.Input, string(s.cell.Start), s.metric)
		for _, x := range []string{duration(round(all[0])), duration(round(all[len(all)-1])), signed(all[len(all)-1]/all[0] - 1), strings.Join(steps, ", ")} {
			row = append(row, td{Text: x, Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
