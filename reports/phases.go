package reports

import (
	"fmt"
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"github.com/go-echarts/go-echarts/v2/types"

	"github.com/nebula-bench/nebula/experiment"
)

// bars are the medians of phases, by input, by phase, by mark. Null: the
// phase was not seen.
type bars struct {
	Marks []int        `json:"marks"`
	Data  [][][]*int64 `json:"data"`
}

// phaseBars stacks the medians of the phases: a bar for each backend and
// start, for one input at a time.
func phaseBars(cells []Cell, ms []mark) *chart {
	var names []string
	for _, p := range experiment.Phases {
		if slices.ContainsFunc(cells, func(c Cell) bool { return c.phase(p.Name) != nil }) {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	cells = slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return len(c.Phases) == 0 })
	used := marksIn(ms, cells)
	c := &chart{Fill: "phases", Inputs: inputsIn(cells), Bars: &bars{Marks: used}}
	for _, in := range c.Inputs {
		var byPhase [][]*int64
		for _, name := range names {
			data := make([]*int64, len(used))
			for _, cell := range cells {
				if ph := cell.phase(name); ph != nil && cell.Input == in {
					data[slices.Index(used, markOf(ms, cell.Backend, cell.Start))] = &ph.MedianNS
				}
			}
			byPhase = append(byPhase, data)
		}
		c.Bars.Data = append(c.Bars.Data, byPhase)
	}
	bar := charts.NewBar()
	bar.SetXAxis([]string{}).XYReversal()
	bar.SetGlobalOptions(options(
		charts.WithXAxisOpts(opts.XAxis{Type: "value", Min: 0, AxisLabel: durations()}),
		charts.WithYAxisOpts(opts.YAxis{
			Type:      "category",
			AxisLabel: &opts.AxisLabel{Formatter: types.FuncStr("nebula:total"), Interval: "0"},
		}),
		tooltip("phase"),
	)...)
	for _, name := range names {
		bar.AddSeries(name, nil, charts.WithSeriesOpts(func(s *charts.SingleSeries) {
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
