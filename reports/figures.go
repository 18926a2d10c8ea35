package reports

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
)

// measurements is the section of charts, by function.
type measurements struct {
	Functions []functionView
}

// newMeasurements gives nil where no cell ran.
func newMeasurements(s *Summary, ms []mark) (*measurements, error) {
	m := &measurements{}
	for i, f := range functions(s.ran()) {
		view, err := newFunctionView(i, f, byInput(s.ran(), f), ms, s)
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
	ID, Name string
	Samples  template.JS
	Figures  []figure
}

// figure is a chart and the table of the same numbers.
type figure struct {
	ID, Title, Caption, Alt string
	Subject                 string // a function's name, where the figure does not stand below it
	Function                string // whose it is
	At                      int    // the function's place among those of the run
	Wide                    bool
	Name                    bool // the title is a name from a file
	Data                    template.JS
	Choices                 []choice
	Swatches                []swatch
	Words                   []Sentence // what the chart shows
	Absent                  []Sentence
	Table                   table
}

type swatch struct{ Label, Color string }

// choice is something of which a chart shows one at a time.
type choice struct {
	Name, Key string
	Options   []string
}

// draw gives the figure its chart; nil leaves the table alone.
func (f *figure) draw(c *chart) (err error) {
	f.Table.cut()
	f.Alt = f.Title + " of " + f.Function + ". " + f.Caption + " The table below holds the same numbers."
	if c == nil {
		return nil
	}
	if len(c.Inputs) > 1 {
		f.Choices = append([]choice{{"Input", "input", c.Inputs}}, f.Choices...)
	}
	f.Data, err = c.data()
	return err
}

func newFunctionView(at int, name string, cs []Cell, ms []mark, s *Summary) (v functionView, err error) {
	id := fmt.Sprintf("f%d", at+1)
	v = functionView{ID: id, Name: name}
	if v.Samples, err = inline(store(cs, ms, len(s.plan.Cells))); err != nil {
		return v, err
	}
	add := func(f figure, c *chart) {
		f.ID, f.Function, f.At = fmt.Sprintf("%s-%d", id, len(v.Figures)+1), name, at
		if c != nil && (c.Fill == "strip" || c.Fill == "ecdf" || c.Fill == "order") {
			c.Samples = id + "-samples"
		}
		if e := f.draw(c); e != nil {
			err = e
		}
		v.Figures = append(v.Figures, f)
	}
	for _, m := range []string{"startup", "runtime", "total"} {
		c, absent := dots(m, cs, ms)
		add(figure{Title: title(m), Caption: captions[m], Absent: absent, Table: metricTable(m, cs)}, c)
	}
	if c := phaseBars(cs, ms); c != nil {
		f := figure{
			Title: "Phases", Caption: captions["phases"], Table: phaseTable(cs),
			Choices: []choice{{"Bars", "bars", []string{"times", "shares of the whole"}}},
		}
		for _, ph := range experiment.Phases {
			if slices.ContainsFunc(cs, func(c Cell) bool { return c.phase(ph.Name) != nil }) {
				f.Swatches = append(f.Swatches, swatch{ph.Name, fmt.Sprintf("var(--phase%d)", phaseIndex(ph.Name))})
			}
		}
		add(f, c)
	}
	thinned := ""
	if s.every > 1 {
		thinned = fmt.Sprintf(" Samples are thinned for drawing: the chart shows every %dth block. The table and every statistic count all.", s.every)
	}
	if c := strip(cs); c != nil {
		add(figure{
			Title: "Startup, trial by trial", Caption: captions["strip"] + thinned, Table: spreadTable(cs),
			Choices: []choice{{"Axis", "axis", []string{"each row its own", "one for all"}}},
		}, c)
	}
	if c := ecdf(cs); c != nil {
		add(figure{
			Title: "How many had got there by when (ECDF)", Caption: captions["ecdf"], Table: quantileTable(cs),
			Choices: []choice{{"Time", "metric", distributed}},
		}, c)
	}
	if z := sizesOf(&s.run, name); z != nil {
		for _, m := range sizeMetrics {
			crossed := slices.DeleteFunc(slices.Clone(s.Crossovers), func(c Crossover) bool { return c.Function != name || c.Metric != m })
			f := figure{Title: title(m) + " against the size of the input", Caption: sizeCaption(z), Table: sizeTable(z, m, cs)}
			for _, x := range crossed {
				f.Words = append(f.Words, x.Sentence)
			}
			add(f, z.chart(cs, m, ms, crossed))
		}
	}
	if c := inOrder(cs, s.Trials.Planned); c != nil {
		add(figure{Title: "Startup in the order of the run", Caption: captions["order"] + thinned, Wide: true, Table: orderTable(cs)}, c)
	}
	return v, err
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
	"strip":   "Each point is a trial. The box holds the middle half of them, the line in it is the median, and its ends are the least and the most. Logarithmic.",
	"ecdf":    "The share of trials that took at most so long; the symbol is the median. Two lines that do not cross: one is quicker from the best trial to the worst. Logarithmic.",
	"order":   "Every trial that counts. A machine that changes during the run shows as a slope or a step. Logarithmic.",
}

func metricTable(name string, cs []Cell) table {
	t := table{Head: append(left("input", "backend", "start"), right("median", intervalHead, "n")...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		m, ok := c.Metrics[name]
		median, interval := "–", "–"
		if ok {
			median, interval = duration(m.MedianNS), bounds(m)
		}
		t.add(c, append(row, td{Text: median, Right: true}, td{Text: interval, Right: true}, td{Text: fmt.Sprint(m.N), Right: true}))
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
		t.add(c, row)
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
		t.add(c, row)
	}
	return t
}

func spreadTable(cs []Cell) table {
	return textTable(cs, []string{"least", "first quartile", "median", "third quartile", "most", "n"}, func(c Cell) []string {
		m, ok := c.Metrics["startup"]
		if !ok {
			return nil
		}
		return []string{duration(m.MinNS), duration(m.Q1NS), duration(m.MedianNS), duration(m.Q3NS), duration(m.MaxNS), fmt.Sprint(m.N)}
	})
}

// quantileTable holds what the charts of all three metrics show.
func quantileTable(cs []Cell) table {
	var head []string
	for _, m := range distributed {
		head = append(head, m+", 10 %", "50 %", "90 %")
	}
	return textTable(cs, head, func(c Cell) (out []string) {
		for _, m := range distributed {
			for _, q := range []float64{0.1, 0.5, 0.9} {
				x := "–"
				if xs := c.samples[m]; len(xs) > 0 {
					x = duration(round(xs[int(q*float64(len(xs)-1)+0.5)]))
				}
				out = append(out, x)
			}
		}
		return out
	})
}

func sizeTable(z *sizes, metric string, cs []Cell) table {
	return textTable(cs, []string{"size", metric, intervalHead, "n"}, func(c Cell) []string {
		m, ok := c.Metrics[metric]
		x, known := z.of[c.Input]
		if !ok || !known {
			return nil
		}
		return []string{strconv.FormatFloat(x, 'g', -1, 64), duration(m.MedianNS), bounds(m), fmt.Sprint(m.N)}
	})
}

func sizeCaption(z *sizes) string {
	what := "The size is the number that the function gets on its standard input. "
	if z.bytes {
		what = "The size is the number of bytes that the function gets on its standard input. "
	}
	return what + "Where two lines change places is worked out from the ratio of their medians, taken as straight between measured sizes; the interval holds the sizes at which neither is surely ahead. Logarithmic."
}

// textTable has a row for each cell; dashes where values gives none.
func textTable(cs []Cell, head []string, values func(Cell) []string) table {
	t := table{Head: append(left("input", "backend", "start"), right(head...)...)}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		texts := values(c)
		for i := range head {
			x := "–"
			if texts != nil {
				x = texts[i]
			}
			row = append(row, td{Text: x, Right: true})
		}
		t.add(c, row)
	}
	return t
}
