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
	Backend string  `json:"-"`
	Start   string  `json:"-"`
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

// chart is one figure's data, as nebula.js reads it.
type chart struct {
	Option map[string]any `json:"option"`
	Marks  []mark         `json:"marks,omitempty"`
	Panels []panel        `json:"panels,omitempty"`
	Rows   int            `json:"rows"` // decides the height; 0: the usual one
}

// panel is one of several data sets of which a chart shows one at a time.
type panel struct {
	Label string  `json:"label"`
	Data  [][]any `json:"data"` // by series
}

// data is the chart for the page's script element. encoding/json escapes
// what would end the element, and refuses NaN and infinities.
func (c *chart) data() (template.JS, error) {
	b, err := json.Marshal(c)
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

func valueAxis(kind string, low, high float64) (typ string, min, max any, label *opts.AxisLabel) {
	label = &opts.AxisLabel{Formatter: types.FuncStr("nebula:duration"), HideOverlap: opts.Bool(true)}
	if kind != "log" {
		return kind, 0, nil, label
	}
	// Whole powers of ten, so that every chart has at least two labels.
	return kind, math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Floor(math.Log10(high))+1), label
}

// dots shows a metric of a function's cells as medians with intervals on a
// log axis. With several inputs these are the columns; a single one leaves
// the rows to the backends. What a log axis cannot show is in absent.
func dots(metric string, cells []Cell, ms []mark) (c *chart, absent []Sentence) {
	var inputs []string
	var used []mark
	low, high := math.Inf(1), 0.0
	shown := func(c Cell) bool { return c.Metrics[metric].MedianNS > 0 }
	for _, cell := range cells {
		if !slices.Contains(inputs, cell.Input) {
			inputs = append(inputs, cell.Input)
		}
		m, ok := cell.Metrics[metric]
		if !shown(cell) {
			var s Sentence
			s.name(cell.Input, cell.Backend).say(" %s: ", cell.Start)
			if ok {
				s.say("a median of %s has no place on this axis", duration(m.MedianNS))
			} else {
				s.say("no value")
			}
			absent = append(absent, s)
			continue
		}
		low, high = min(low, float64(m.MedianNS)), max(high, float64(m.MedianNS))
		if m.LowNS != nil {
			if *m.LowNS > 0 {
				low = min(low, float64(*m.LowNS))
			}
			high = max(high, float64(*m.HighNS))
		}
	}
	if high == 0 {
		return nil, absent
	}
	for _, m := range ms {
		if slices.ContainsFunc(cells, func(c Cell) bool { return c.Backend == m.Backend && string(c.Start) == m.Start }) {
			used = append(used, m)
		}
	}
	columns := len(inputs) > 1
	categories := inputs
	x := charts.NewCustom()
	if !columns {
		categories = nil
		for _, m := range used {
			categories = append(categories, m.Label)
		}
		slices.Reverse(categories) // the first stands on top
	}
	typ, lowest, highest, label := valueAxis("log", low, high)
	if columns {
		x.SetXAxis(categories)
		x.SetGlobalOptions(options(
			charts.WithXAxisOpts(opts.XAxis{Type: "category"}),
			charts.WithYAxisOpts(opts.YAxis{Type: typ, Min: lowest, Max: highest, AxisLabel: label}),
		)...)
	} else {
		x.SetGlobalOptions(options(
			charts.WithXAxisOpts(opts.XAxis{Type: typ, Min: lowest, Max: highest, AxisLabel: label}),
			charts.WithYAxisOpts(opts.YAxis{
				Type: "category", Data: categories,
				AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:row"), Interval: "0"},
			}),
		)...)
	}
	x.SetGlobalOptions(charts.WithTooltipOpts(opts.Tooltip{Trigger: "item", Formatter: types.FuncStr("nebula:dot")}))
	for i, m := range used {
		var data []opts.CustomData
		for _, cell := range cells {
			if cell.Backend != m.Backend || string(cell.Start) != m.Start || !shown(cell) {
				continue
			}
			category, shift := len(used)-1-i, 0.0
			if columns {
				category = slices.Index(inputs, cell.Input)
				shift = (float64(i) - float64(len(used)-1)/2) / float64(len(used)) * 0.8
			}
			v := cell.Metrics[metric]
			point := []any{category, shift, v.MedianNS, nil, nil, v.N}
			if v.LowNS != nil {
				point[3], point[4] = *v.LowNS, *v.HighNS
			}
			data = append(data, opts.CustomData{Name: cell.Input, Value: point})
		}
		encode := &opts.Encode{X: 2, Y: 0}
		if columns {
			encode = &opts.Encode{X: 0, Y: 2}
		}
		x.AddSeries(m.Label, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.RenderItem, s.Encode = types.FuncStr("nebula:dot"), encode
		}))
	}
	x.Validate()
	c = &chart{Option: x.JSON(), Marks: used}
	if !columns {
		c.Rows = len(used)
	}
	return c, absent
}

// phaseBars stacks the medians of the phases, a bar for each backend and
// start and a panel for each input.
func phaseBars(cells []Cell, ms []mark) *chart {
	var rows []mark
	var inputs []string
	var names []string
	for _, p := range experiment.Phases {
		if slices.ContainsFunc(cells, func(c Cell) bool { return c.phase(p.Name) != nil }) {
			names = append(names, p.Name)
		}
	}
	for _, c := range cells {
		if len(c.Phases) > 0 && !slices.Contains(inputs, c.Input) {
			inputs = append(inputs, c.Input)
		}
	}
	for _, m := range ms {
		if slices.ContainsFunc(cells, func(c Cell) bool {
			return c.Backend == m.Backend && string(c.Start) == m.Start && len(c.Phases) > 0
		}) {
			rows = append(rows, m)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.Reverse(rows) // the first stands on top
	labels := make([]string, len(rows))
	for i, m := range rows {
		labels[i] = m.Label
	}
	c := &chart{Rows: len(rows)}
	for _, in := range inputs {
		p := panel{Label: in}
		for _, name := range names {
			data := make([]any, len(rows))
			for i, m := range rows {
				for _, cell := range cells {
					if cell.Input == in && cell.Backend == m.Backend && string(cell.Start) == m.Start {
						if ph := cell.phase(name); ph != nil {
							data[i] = ph.MedianNS
						}
					}
				}
			}
			p.Data = append(p.Data, data)
		}
		c.Panels = append(c.Panels, p)
	}
	bar := charts.NewBar()
	bar.SetXAxis(labels).XYReversal()
	_, _, _, label := valueAxis("value", 0, 0)
	bar.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{Type: "value", AxisLabel: label}),
		charts.WithYAxisOpts(opts.YAxis{
			Type:      "category",
			AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:total"), Interval: "0"},
		}),
		charts.WithTooltipOpts(opts.Tooltip{Trigger: "item", Formatter: types.FuncStr("nebula:phase")}),
	)...)
	for i, name := range names {
		var data []opts.BarData
		for _, v := range c.Panels[0].Data[i] {
			data = append(data, opts.BarData{Value: v})
		}
		bar.AddSeries(name, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.Stack, s.BarMaxWidth = "phases", "18"
			s.ItemStyle = &opts.ItemStyle{Color: fmt.Sprintf("nebula:phase%d", phaseIndex(name))}
		}))
	}
	bar.Validate()
	c.Option = bar.JSON()
	return c
}

func phaseIndex(name string) int {
	return slices.IndexFunc(experiment.Phases, func(p experiment.Span) bool { return p.Name == name })
}

func (c Cell) phase(name string) *Phase {
	for i := range c.Phases {
		if c.Phases[i].Name == name {
			return &c.Phases[i]
		}
	}
	return nil
}

// inOrder shows startup over the course of the run.
func inOrder(cells []Cell, ms []mark, trials int) *chart {
	low, high := math.Inf(1), 0.0
	for _, c := range cells {
		for _, x := range c.inOrder {
			if x.ns > 0 {
				low, high = min(low, float64(x.ns)), max(high, float64(x.ns))
			}
		}
	}
	if high == 0 {
		return nil
	}
	s := charts.NewScatter()
	typ, lowest, highest, label := valueAxis("log", low, high)
	s.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Min: 0, Max: trials, Name: "trial", NameLocation: "middle", NameGap: 24}),
		charts.WithYAxisOpts(opts.YAxis{Type: typ, Min: lowest, Max: highest, AxisLabel: label}),
		charts.WithTooltipOpts(opts.Tooltip{Trigger: "item", Formatter: types.FuncStr("nebula:sample")}),
	)...)
	out := &chart{}
	for _, m := range ms {
		var data []opts.ScatterData
		for _, c := range cells {
			if c.Backend != m.Backend || string(c.Start) != m.Start {
				continue
			}
			for _, x := range c.inOrder {
				if x.ns > 0 {
					data = append(data, opts.ScatterData{Value: []int64{int64(x.trial), x.ns}})
				}
			}
		}
		if len(data) == 0 {
			continue
		}
		out.Marks = append(out.Marks, m)
		s.AddSeries(m.Label, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.Symbol, s.SymbolSize = "path://"+m.Path, 7
		}))
	}
	s.Validate()
	out.Option = s.JSON()
	return out
}
