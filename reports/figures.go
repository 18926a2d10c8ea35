package reports

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
)

// measurements is the section of charts.
type measurements struct {
	Legend    []mark
	Functions []functionView
	Hosted    bool // the chart library comes from the network
	Version   string
}

// newMeasurements gives nil where no cell ran.
func newMeasurements(s *Summary, hosted bool) (*measurements, error) {
	m := &measurements{Legend: marks(s.ran()), Hosted: hosted, Version: echartsVersion}
	for i, f := range functions(s.ran()) {
		view, err := newFunctionView(fmt.Sprintf("f%d", i+1), f, byInput(s.ran(), f), m.Legend, s)
		if err != nil {
			return nil, err
		}
		m.Functions = append(m.Functions, view)
	}
	if len(m.Functions) == 0 {
		return nil, nil
	}
	return m, nil
}

type functionView struct {
	Name    string
	Figures []figure
}

type figure struct {
	ID, Title, Caption, Alt string
	Wide                    bool
	Data                    template.JS
	Panels                  []string
	Swatches                []swatch
	Absent                  []Sentence
	Table                   table
}

type swatch struct{ Label, Color string }

func newFunctionView(id, name string, cs []Cell, ms []mark, s *Summary) (functionView, error) {
	v := functionView{Name: name}
	add := func(f figure, c *chart) error {
		f.ID = fmt.Sprintf("%s-%d", id, len(v.Figures)+1)
		f.Alt = f.Title + " of " + name + ". " + f.Caption + " The table below holds the same numbers."
		if c != nil {
			var err error
			if f.Data, err = c.data(); err != nil {
				return err
			}
		}
		v.Figures = append(v.Figures, f)
		return nil
	}
	for _, m := range []string{"startup", "runtime", "total"} {
		c, absent := dots(m, cs, ms)
		f := figure{Title: title(m), Caption: captions[m], Absent: absent, Table: metricTable(m, cs)}
		if err := add(f, c); err != nil {
			return v, err
		}
	}
	if bars := phaseBars(cs, ms); bars != nil {
		f := figure{Title: "Phases", Caption: captions["phases"], Table: phaseTable(cs)}
		for _, ph := range experiment.Phases {
			if slices.ContainsFunc(cs, func(c Cell) bool { return c.phase(ph.Name) != nil }) {
				f.Swatches = append(f.Swatches, swatch{ph.Name, fmt.Sprintf("var(--phase%d)", phaseIndex(ph.Name))})
			}
		}
		if len(bars.Panels) > 1 {
			for _, p := range bars.Panels {
				f.Panels = append(f.Panels, p.Label)
			}
		}
		if err := add(f, bars); err != nil {
			return v, err
		}
	}
	if c := inOrder(cs, ms, s.Trials.Planned); c != nil {
		f := figure{Title: "Startup in the order of the run", Caption: captions["order"], Wide: true, Table: orderTable(cs)}
		if s.every > 1 {
			f.Caption += fmt.Sprintf(" Samples are thinned for drawing: the chart shows every %dth block. The table and every statistic count all.", s.every)
		}
		if err := add(f, c); err != nil {
			return v, err
		}
	}
	return v, nil
}

// byInput gives a function's cells with those of an input together, because
// they are what a reader compares.
func byInput(all []Cell, function string) (out []Cell) {
	var inputs []string
	for _, c := range all {
		if c.Function == function && !slices.Contains(inputs, c.Input) {
			inputs = append(inputs, c.Input)
		}
	}
	for _, in := range inputs {
		for _, c := range all {
			if c.Function == function && c.Input == in {
				out = append(out, c)
			}
		}
	}
	return out
}

func title(metric string) string { return strings.ToUpper(metric[:1]) + metric[1:] }

var captions = map[string]string{
	"startup": "From the request until the function's own first instruction. Logarithmic.",
	"runtime": "From the function's first instruction until it has its answer; receiving the request is part of it. Logarithmic.",
	"total":   "From the request until the last byte of the answer arrived. Logarithmic.",
	"phases":  "Where the time of a trial goes: the median of each phase. Medians do not quite add up to the median of the whole.",
	"order":   "Every trial that counts. A machine that changes during the run shows as a slope or a step. Logarithmic.",
}

func metricTable(name string, cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"), right("median", "95 % interval", "n")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		m, ok := c.Metrics[name]
		median, interval := "–", "–"
		if ok {
			median, interval = duration(m.MedianNS), bounds(m)
		}
		t.Rows = append(t.Rows, append(row, td{Text: median, Right: true}, td{Text: interval, Right: true}, td{Text: fmt.Sprint(m.N), Right: true}))
	}
	return t
}

func phaseTable(cs []Cell) table {
	t := table{Head: left("input", "backend", "start")}
	for _, p := range experiment.Phases {
		t.Head = append(t.Head, column{p.Name, true})
	}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		for _, p := range experiment.Phases {
			ph := c.phase(p.Name)
			x := td{Text: "–", Right: true}
			if ph != nil {
				x.Text = duration(ph.MedianNS)
				if ph.N != c.N {
					x.Below = fmt.Sprintf("in %d of %d", ph.N, c.N)
				}
			}
			row = append(row, x)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func orderTable(cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"),
		right("first half, median", "second half, median", "least", "quartiles", "most", "n")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		m, ok := c.Metrics["startup"]
		texts := []string{"–", "–", "–", "–", "–", "0"}
		if ok {
			texts = []string{
				"–", duration(round(c.drift[1])), duration(m.MinNS),
				duration(m.Q1NS) + " to " + duration(m.Q3NS), duration(m.MaxNS), fmt.Sprint(m.N),
			}
			if m.N > 1 {
				texts[0] = duration(round(c.drift[0]))
			}
		}
		for _, x := range texts {
			row = append(row, td{Text: x, Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
