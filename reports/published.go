package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/go-echarts/go-echarts/v2/charts"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// publication is what somebody else measured, beside what was measured here.
// The two are never mixed: other machines, other definitions.
type publication struct {
	Name, Source, Definition string
	Beside                   []fact // columns, and our cells that they stand beside
	Figure                   figure
}

func newPublications(s *Summary, ms []mark) (out []publication, err error) {
	for i, r := range referencesOf(&s.run) {
		p := publication{Name: r.Name, Source: r.Source, Definition: r.Definition}
		for _, k := range slices.Sorted(maps.Keys(r.As)) {
			p.Beside = append(p.Beside, fact{k, r.As[k]})
		}
		p.Figure = figure{
			ID: fmt.Sprintf("p%d", i+1), Function: r.Name, At: -1, Title: "Published, and measured here", Wide: true,
			Caption: "Grey: published, a shape for each machine. In colour: the medians of this run's cells, with their intervals. Logarithmic.",
			Table:   publishedTable(s, &r),
		}
		if err := p.Figure.draw(publishedChart(s, &r, ms)); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// referencesOf reads the publications that the experiment named.
func referencesOf(run *results.Run) []experiment.Reference {
	var x struct{ References []experiment.Reference }
	if json.Unmarshal(run.Resolved, &x) != nil {
		return nil
	}
	return x.References
}

// beside gives our cells that a column stands beside, and that have the
// metric.
func beside(s *Summary, r *experiment.Reference, column, metric string) (out []Cell) {
	for _, c := range s.ran() {
		if _, ok := c.Metrics[metric]; ok && r.Beside(column, c.Backend, c.Start) {
			out = append(out, c)
		}
	}
	return out
}

// publishedPoints are what web/js draws of a publication.
type publishedPoints struct {
	Rows     []string `json:"rows"`
	Machines []string `json:"machines"`
	Theirs   [][3]any `json:"theirs"` // row, nanoseconds, machine
	Ours     [][]any  `json:"ours"`   // row, mark, median, low, high, n, input, cell
}

func publishedChart(s *Summary, r *experiment.Reference, ms []mark) *chart {
	d := &publishedPoints{Theirs: [][3]any{}, Ours: [][]any{}}
	var e reach
	for _, f := range r.Figures {
		if f.Metric == "energy" {
			continue // in the table
		}
		machine := slices.Index(d.Machines, f.Machine)
		if machine < 0 {
			machine = len(d.Machines)
			d.Machines = append(d.Machines, f.Machine)
		}
		for _, column := range slices.Sorted(maps.Keys(f.Values)) {
			label := f.Metric + " " + column
			row := slices.Index(d.Rows, label)
			if row < 0 {
				row = len(d.Rows)
				d.Rows = append(d.Rows, label)
				for _, c := range beside(s, r, column, f.Metric) {
					m := c.Metrics[f.Metric]
					if m.MedianNS <= 0 {
						continue
					}
					e.add(m.MedianNS)
					var low, high any
					if m.LowNS != nil {
						low, high = *m.LowNS, *m.HighNS
						e.add(*m.LowNS, *m.HighNS)
					}
					d.Ours = append(d.Ours, []any{row, markOf(ms, c.Backend, c.Start), m.MedianNS, low, high, m.N, c.Input, c.Function + " " + c.Input})
				}
			}
			e.add(round(f.Values[column]))
			d.Theirs = append(d.Theirs, [3]any{row, f.Values[column], machine})
		}
	}
	if e.high == 0 {
		return nil
	}
	x := charts.NewCustom()
	x.SetGlobalOptions(options(e.logX(), rowsY([]string{}), tooltip("published"))...)
	x.Validate()
	return &chart{Option: x.JSON(), Fill: "published", Published: d}
}

func publishedTable(s *Summary, r *experiment.Reference) table {
	var columns []string
	for _, f := range r.Figures {
		for k := range f.Values {
			if !slices.Contains(columns, k) {
				columns = append(columns, k)
			}
		}
	}
	slices.Sort(columns)
	t := table{Head: left("metric", "machine")}
	for _, c := range columns {
		t.Head = append(t.Head, column{Text: c, Right: true})
	}
	t.Head = append(t.Head, right("ratio")...)
	for _, c := range columns {
		t.Head = append(t.Head, column{Text: c + ", here", Right: true})
	}
	for _, f := range r.Figures {
		row := cells(f.Metric, f.Machine)
		add := func(text string) { row = append(row, td{Text: text, Right: true}) }
		for _, c := range columns {
			v, ok := f.Values[c]
			switch {
			case !ok:
				add("–")
			case f.Metric == "energy":
				add(fmt.Sprintf("%.3g J", v))
			default:
				add(duration(round(v)))
			}
		}
		if f.Ratio > 0 {
			add(number(f.Ratio, ratioDecimals(f.Ratio)))
		} else {
			add("–")
		}
		for _, c := range columns {
			var e reach
			for _, cell := range beside(s, r, c, f.Metric) {
				e.add(cell.Metrics[f.Metric].MedianNS)
			}
			switch {
			case e.high == 0:
				add("–")
			case e.low == e.high:
				add(duration(round(e.low)))
			default:
				add(duration(round(e.low)) + " to " + duration(round(e.high)))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
