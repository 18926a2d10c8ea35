package reports

import (
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"
)

// dots shows a metric of a function's cells as medians with intervals on a
// log axis. With several inputs these are the columns; a single one leaves
// the rows to the backends. What a log axis cannot show is in absent.
func dots(metric string, cells []Cell, ms []mark) (c *chart, absent []Sentence) {
	e := rangeOfIntervals(cells, metric)
	for _, cell := range cells {
		m, ok := cell.Metrics[metric]
		if m.MedianNS > 0 {
			continue
		}
		var s Sentence
		s.name(cell.Input, cell.Backend).say(" %s: ", cell.Start)
		if ok {
			s.say("a median of %s has no place on this axis", duration(m.MedianNS))
		} else {
			s.say("no value")
		}
		absent = append(absent, s)
	}
	if e.high == 0 {
		return nil, absent
	}
	inputs, used := inputsIn(cells), marksIn(ms, cells)
	columns := len(inputs) > 1
	c = &chart{Axis: "series"}
	encode := &opts.Encode{X: 2, Y: 0}
	x := charts.NewCustom()
	if columns {
		c.Axis, encode = "inputs", &opts.Encode{X: 0, Y: 2}
		x.SetXAxis(inputs)
		x.SetGlobalOptions(options(charts.WithXAxisOpts(opts.XAxis{Type: "category"}), e.logY())...)
	} else {
		var labels []string
		for _, i := range used {
			labels = append(labels, ms[i].Label)
		}
		x.SetGlobalOptions(options(e.logX(), rowsY(labels))...)
	}
	x.SetGlobalOptions(tooltip("dot"))
	for _, i := range used {
		var data []opts.CustomData
		for _, cell := range cells {
			v := cell.Metrics[metric]
			if markOf(ms, cell.Backend, cell.Start) != i || v.MedianNS <= 0 {
				continue
			}
			var low, high any
			if v.LowNS != nil {
				low, high = *v.LowNS, *v.HighNS
			}
			data = append(data, dot(cell.Input, slices.Index(inputs, cell.Input), float64(v.MedianNS), low, high, v.N))
		}
		c.Series = append(c.Series, []int{i})
		x.AddSeries(ms[i].Label, data, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
			s.RenderItem, s.Encode = types.FuncStr("nebula:dot"), encode
		}))
	}
	x.Validate()
	c.Option = x.JSON()
	return c, absent
}
