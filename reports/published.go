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
	Words                    []Sentence // what lies behind a difference
}

func newPublications(s *Summary, ms []mark) (out []publication, err error) {
	for i, r := range referencesOf(&s.run) {
		p := publication{Name: r.Name, Source: r.Source, Definition: r.Definition}
		for _, k := range slices.Sorted(maps.Keys(r.As)) {
			p.Beside = append(p.Beside, fact{k, r.As[k]})
		}
		p.Words = behind(s, &r)
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
	columns := columnsOf(r)
	means, n := hereAs(s, r, columns)
	t := table{Head: left("metric", "machine")}
	for _, c := range columns {
		t.Head = append(t.Head, column{Text: c, Right: true})
	}
	t.Head = append(t.Head, right("ratio")...)
	for _, c := range columns {
		t.Head = append(t.Head, column{Text: c + ", here", Right: true})
	}
	if n > 0 {
		t.Head = append(t.Head, right("ratio, here")...)
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
		ratio := func(r float64) {
			if r > 0 {
				add(number(r, ratioDecimals(r)))
			} else {
				add("–")
			}
		}
		ratio(f.Ratio)
		for i, c := range columns {
			var e reach
			for _, cell := range beside(s, r, c, f.Metric) {
				e.add(cell.Metrics[f.Metric].MedianNS)
			}
			low, high := duration(round(e.low)), duration(round(e.high))
			text := low + " to " + high
			switch {
			case e.high == 0:
				text = ""
			case e.low == e.high:
				text = low
			}
			switch {
			case n > 0 && f.Metric == "energy" && means[i].of["energy"] > 0:
				row = append(row, td{Text: joules(means[i].of["energy"], nil), Below: "net", Right: true})
			case n > 0 && means[i].of[f.Metric] > 0:
				row = append(row, td{Text: duration(round(means[i].of[f.Metric])), Below: text, Right: true})
			case text == "":
				add("–")
			default:
				add(text)
			}
		}
		if n > 0 {
			ratio(ratioAs(f, columns, means))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func columnsOf(r *experiment.Reference) (columns []string) {
	for _, f := range r.Figures {
		for k := range f.Values {
			if !slices.Contains(columns, k) {
				columns = append(columns, k)
			}
		}
	}
	slices.Sort(columns)
	return columns
}

// behind says what the numbers of this run's columns are, and how much of a
// difference is teardown.
func behind(s *Summary, r *experiment.Reference) (out []Sentence) {
	columns := columnsOf(r)
	if _, n := hereAs(s, r, columns); n > 0 {
		var t Sentence
		of := plural(n, "pair")
		if all := pairsOf(s, besides(s, r, columns)); all > n {
			of = fmt.Sprintf("%d of %s", n, plural(all, "pair"))
		}
		t.say("Of this run the table holds arithmetic means, as the publication does, here of the medians of %s of function and input, and from the least to the greatest of them.", of)
		out = append(out, t)
	}
	return append(out, teardownIn(s, r)...)
}

// hereAs gives what stands beside each column, pooled as publications are,
// where that is one way to run functions each.
func hereAs(s *Summary, r *experiment.Reference, columns []string) ([]pooled, int) {
	var one []contender
	for _, ks := range besides(s, r, columns) {
		if len(ks) != 1 {
			return nil, 0
		}
		one = append(one, ks[0])
	}
	return pool(s.ran(), one...)
}

// pairsOf counts the pairs of function and input that any of some contenders
// was to run: those without a median on each are in no mean.
func pairsOf(s *Summary, of [][]contender) int {
	pairs := map[[2]string]bool{}
	for _, c := range s.ran() {
		if slices.ContainsFunc(of, func(ks []contender) bool { return slices.Contains(ks, contender{c.Backend, c.Start}) }) {
			pairs[[2]string{c.Function, c.Input}] = true
		}
	}
	return len(pairs)
}

// ratioAs divides our means the way round in which the publication divided
// its own; 0 where it has not two of them, or we have not.
func ratioAs(f experiment.Published, columns []string, means []pooled) float64 {
	if len(columns) != 2 {
		return 0
	}
	a, b := means[0].of[f.Metric], means[1].of[f.Metric]
	if a == 0 || b == 0 {
		return 0
	}
	if f.Values[columns[0]] < f.Values[columns[1]] {
		a, b = b, a
	}
	if 0 < f.Ratio && f.Ratio < 1 {
		a, b = b, a
	}
	return a / b
}
