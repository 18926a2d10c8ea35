package reports

import (
	"fmt"
	"math"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment/stats"
)

// ratios is the section that shows how far apart things are.
type ratios struct{ Figures []figure }

func newRatios(s *Summary, ms []mark) (*ratios, error) {
	r := &ratios{}
	for i, f := range functions(s.ran()) {
		for _, metric := range followed {
			var vs []Verdict
			for _, v := range s.Verdicts {
				if v.Function == f && v.Metric == metric {
					vs = append(vs, v)
				}
			}
			c := ratioChart(vs, ms)
			if c == nil {
				continue
			}
			fig := figure{
				ID: fmt.Sprintf("r%d-%s", i+1, metric), Function: f, At: i, Title: title(metric), Subject: f,
				Caption: map[string]string{
					"startup": "How many times sooner the first of the two starts, with " + intervalHead + "s. Left of 1, it is the later one. Logarithmic.",
					"runtime": "How many times faster the first of the two runs, with " + intervalHead + "s. Left of 1, it is the slower one. Logarithmic.",
				}[metric],
				Table: ratioTable(vs),
			}
			if err := fig.draw(c); err != nil {
				return nil, err
			}
			r.Figures = append(r.Figures, fig)
		}
	}
	if len(r.Figures) == 0 {
		return nil, nil
	}
	return r, nil
}

// ratioChart has a row for each pair and a dot for each input, on an axis
// of logarithms: a ratio and its inverse are equally far from 1.
func ratioChart(vs []Verdict, ms []mark) *chart {
	c := &chart{Axis: "series"}
	x := charts.NewCustom()
	low, high := 0.0, 0.0
	var labels []string
	for _, v := range vs {
		a, b := v.Comparisons[0].First, v.Comparisons[0].Other
		var data []opts.CustomData
		for _, k := range v.Comparisons {
			if k.Ratio == nil || *k.Ratio <= 0 {
				continue
			}
			at := math.Log(*k.Ratio)
			low, high = min(low, at), max(high, at)
			var from, to any
			if k.Low != nil && *k.Low > 0 {
				from, to = math.Log(*k.Low), math.Log(*k.High)
				low, high = min(low, math.Log(*k.Low)), max(high, math.Log(*k.High))
			}
			d := dot(k.Input, len(labels), at, from, to, min(k.First.N, k.Other.N))
			d.Value = append(d.Value.([]any), ratioSide(k))
			data = append(data, d)
		}
		if len(data) == 0 {
			continue
		}
		label := a.Backend + " " + string(a.Start) + "\n" + b.Backend + " " + string(b.Start)
		labels = append(labels, label)
		c.Series = append(c.Series, []int{markOf(ms, a.Backend, a.Start), markOf(ms, b.Backend, b.Start)})
		x.AddSeries(label, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.RenderItem, s.Encode = types.FuncStr("nebula:dot"), &opts.Encode{X: 2, Y: 0}
		}))
	}
	if len(labels) == 0 {
		return nil
	}
	room := max(0.05, 0.06*(high-low))
	x.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{
			Type: "value", Min: low - room, Max: high + room,
			AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:times"), HideOverlap: opts.Bool(true)},
		}),
		rowsY(labels), tooltip("ratio"),
	)...)
	x.Validate()
	c.Option = x.JSON()
	return c
}

// ratioSide says who is ahead: 0 the first, 1 the other, -1 nobody surely.
func ratioSide(c Comparison) int {
	switch {
	case c.State != stats.Differs:
		return -1
	case *c.Ratio > 1:
		return 0
	}
	return 1
}

func ratioTable(vs []Verdict) table {
	t := table{Head: append(left("input", "first", "other"), right("ratio", intervalHead, "verdict")...)}
	for _, v := range vs {
		for _, c := range v.Comparisons {
			ratio, interval := "–", "none"
			if c.Ratio != nil {
				ratio = number(*c.Ratio, ratioDecimals(*c.Ratio))
			}
			if c.Low != nil {
				interval = bracket(*c.Low, *c.High)
			}
			row := cells(c.Input, c.First.Backend+" "+string(c.First.Start), c.Other.Backend+" "+string(c.Other.Start))
			for _, x := range []string{ratio, interval} {
				row = append(row, td{Text: x, Right: true})
			}
			verdict := td{Text: string(c.State), Right: true}
			if c.State == Failed {
				verdict.Below = c.Why
			}
			row = append(row, verdict)
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}
