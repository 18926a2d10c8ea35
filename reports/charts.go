package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment"
)

// This file makes chart options with the types of go-echarts. Its own
// rendering is not used: it runs what a name holds, and needs the network.
// The options go through encoding/json into the page, and a string that
// starts with "nebula:" in the place of a function or a colour names one in
// web/nebula.js.

// mark is how a backend and a start look. Shape and colour say the backend,
// the filling says how warm the start is.
type mark struct {
	Label   string  `json:"label"`
	Backend string  `json:"backend"`
	Start   string  `json:"start"`
	Color   int     `json:"color"` // index into the palette
	Path    string  `json:"path"`  // in a box of 10 × 10
	Fill    float64 `json:"fill"`  // 0 hollow … 1 full
}

// shapes differ even in grey, and at 10 pixels.
var shapes = []string{
	"M5 .4A4.6 4.6 0 1 1 5 9.6A4.6 4.6 0 1 1 5 .4Z",
	"M5 0L10 5L5 10L0 5Z",
	"M5 .6L9.8 9.2L.2 9.2Z",
	"M.9 .9H9.1V9.1H.9Z",
	"M.2 .8L9.8 .8L5 9.4Z",
	"M5 .2L9.8 3.8L8 9.6L2 9.6L.2 3.8Z",
	"M3.4 .4H6.6V3.4H9.6V6.6H6.6V9.6H3.4V6.6H.4V3.4H3.4Z",
}

// palette is how many colours nebula.css has for backends.
const palette = 8

var fills = map[experiment.Start]float64{experiment.Cold: 0, experiment.Cached: 0.35, experiment.Prepared: 0.7, experiment.Warm: 1}

// marks gives the look of each backend and start of a run, in their order.
func marks(cells []Cell) (out []mark) {
	var backends []string
	seen := map[contender]bool{}
	for _, c := range cells {
		i := slices.Index(backends, c.Backend)
		if i < 0 {
			i = len(backends)
			backends = append(backends, c.Backend)
		}
		k := contender{c.Backend, c.Start}
		if seen[k] {
			continue
		}
		seen[k] = true
		out = append(out, mark{
			Label: c.Backend + " " + string(c.Start), Backend: c.Backend, Start: string(c.Start),
			Color: i % palette, Path: shapes[i%len(shapes)], Fill: fills[c.Start],
		})
	}
	// A backend's starts stand together, from cold to warm.
	slices.SortStableFunc(out, func(a, b mark) int {
		if d := slices.Index(backends, a.Backend) - slices.Index(backends, b.Backend); d != 0 {
			return d
		}
		return slices.Index(experiment.Starts, experiment.Start(a.Start)) - slices.Index(experiment.Starts, experiment.Start(b.Start))
	})
	return out
}

// chart is one figure's data, as web/js reads it.
type chart struct {
	Option map[string]any `json:"option"`
	// Series names, for each series, the marks that it is about, by their
	// place in the legend: hiding one hides the series. The first gives the
	// series its look.
	Series [][]int `json:"series,omitempty"`
	// Axis says what the categories of an axis are: inputs or series.
	Axis string `json:"axis,omitempty"`
	// Fill names a function that makes the series from the samples or the
	// bars, for what the reader has chosen.
	Fill      string           `json:"fill,omitempty"`
	Samples   string           `json:"samples,omitempty"` // the element that holds them
	Bars      *bars            `json:"bars,omitempty"`
	Curves    *curves          `json:"curves,omitempty"`
	Published *publishedPoints `json:"published,omitempty"`
	// A history's chart is about one backend, and one subject at a time.
	Backend  string   `json:"backend,omitempty"`
	Color    int      `json:"color"`
	Subjects []string `json:"subjects,omitempty"`
	// Inputs are the names behind the choice of an input.
	Inputs []string `json:"inputs,omitempty"`
}

// data is the chart for the page's script element.
func (c *chart) data() (template.JS, error) { return inline(c) }

// inline makes JSON for a script element. encoding/json escapes what would
// end the element, and refuses NaN and infinities.
func inline(v any) (template.JS, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("a chart's data: %w", err)
	}
	return template.JS(b), nil
}

var off = opts.Bool(false)

func options(axes ...charts.GlobalOpts) []charts.GlobalOpts {
	return append(axes,
		charts.WithAnimation(false),
		charts.WithLegendOpts(opts.Legend{Show: off}),
		charts.WithToolboxOpts(opts.Toolbox{Show: off}),
	)
}

// reach is the range of the values that an axis must show.
type reach struct{ low, high float64 }

func (e *reach) add(ns ...int64) {
	for _, x := range ns {
		if x <= 0 {
			continue // has no place on a log axis
		}
		if e.high == 0 {
			e.low = float64(x)
		}
		e.low, e.high = min(e.low, float64(x)), max(e.high, float64(x))
	}
}

// decades gives whole powers of ten around the range, so that every log axis
// has at least two labels.
func (e reach) decades() (low, high float64) {
	return math.Pow(10, math.Floor(math.Log10(e.low))), math.Pow(10, math.Floor(math.Log10(e.high))+1)
}

func durations() *opts.AxisLabel {
	return &opts.AxisLabel{Formatter: types.FuncStr("nebula:duration"), HideOverlap: opts.Bool(true)}
}

// logX and logY are axes of durations.
func (e reach) logX() charts.GlobalOpts {
	low, high := e.decades()
	return charts.WithXAxisOpts(opts.XAxis{Type: "log", Min: low, Max: high, AxisLabel: durations()})
}

func (e reach) logY() charts.GlobalOpts {
	low, high := e.decades()
	return charts.WithYAxisOpts(opts.YAxis{Type: "log", Min: low, Max: high, AxisLabel: durations()})
}

// rowsY is an axis of names.
func rowsY(names []string) charts.GlobalOpts {
	return charts.WithYAxisOpts(opts.YAxis{
		Type: "category", Data: names,
		AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:row"), Interval: "0"},
	})
}

func tooltip(name string) charts.GlobalOpts {
	return charts.WithTooltipOpts(opts.Tooltip{Trigger: "item", Formatter: types.FuncStr("nebula:" + name)})
}

// dot is an item of the renderer of that name: its place on the axis of
// categories, its shift there (which web/js works out), a value with its
// interval, and n.
func dot(name string, category any, value float64, low, high any, n int) opts.CustomData {
	return opts.CustomData{Name: name, Value: []any{category, 0, value, low, high, n}}
}

// markOf finds a cell's mark in the legend; -1 where it has none.
func markOf(ms []mark, backend string, start experiment.Start) int {
	return slices.IndexFunc(ms, func(m mark) bool { return m.Backend == backend && m.Start == string(start) })
}

// marksIn gives the marks of some cells, in the legend's order.
func marksIn(ms []mark, cells []Cell) (is []int) {
	for i, m := range ms {
		if slices.ContainsFunc(cells, func(c Cell) bool { return c.Backend == m.Backend && string(c.Start) == m.Start }) {
			is = append(is, i)
		}
	}
	return is
}

func inputsIn(cells []Cell) (names []string) {
	for _, c := range cells {
		if !slices.Contains(names, c.Input) {
			names = append(names, c.Input)
		}
	}
	return names
}
