package reports

import (
	"fmt"
	"slices"

	"github.com/nebula-bench/nebula/experiment"
)

// newCells is the summary table: nil where no cell ran.
func newCells(s *Summary) *table {
	var cs []Cell
	for _, f := range functions(s.ran()) {
		cs = append(cs, byInput(s.ran(), f)...)
	}
	if len(cs) == 0 {
		return nil
	}
	t := cellTable(cs)
	return &t
}

func cellTable(cs []Cell) table {
	stops := slices.ContainsFunc(cs, func(c Cell) bool { return c.Stop != nil })
	t := table{Head: append(left("function", "input", "backend", "start"), append(right(shownMetrics...), right("n", "not ok")...)...)}
	used := slices.ContainsFunc(cs, func(c Cell) bool { return c.CPUNS > 0 || c.PeakMemory > 0 })
	if used {
		t.Head = append(t.Head, right("CPU time", "peak memory")...)
	}
	if stops {
		t.Head = append(t.Head, right("stopped")...)
	}
	for _, c := range cs {
		row := cells(c.Function, c.Input, c.Backend, string(c.Start))
		for _, name := range shownMetrics {
			row = append(row, metricCell(c, name))
		}
		b := bad(c)
		row = append(row, td{Text: fmt.Sprint(c.N), Right: true}, td{Text: b, Right: true, Bad: b != "–", Sort: fmt.Sprint(total(c.Outcomes) - c.Outcomes[experiment.OK])})
		if used {
			cpu, memory := "–", "–"
			if c.CPUNS > 0 {
				cpu = duration(c.CPUNS)
			}
			if c.PeakMemory > 0 {
				memory = size(uint64(c.PeakMemory))
			}
			row = append(row, td{Text: cpu, Right: true, Sort: fmt.Sprint(c.CPUNS)}, td{Text: memory, Right: true, Sort: fmt.Sprint(c.PeakMemory)})
		}
		if stops {
			row = append(row, td{Text: stopWords(c.Stop), Right: true})
		}
		t.add(c, row)
	}
	return t
}

func metricCell(c Cell, name string) td {
	m, ok := c.Metrics[name]
	if !ok {
		return td{Text: "–", Right: true}
	}
	return td{Text: duration(m.MedianNS), Below: bounds(m), Right: true, Sort: fmt.Sprint(m.MedianNS)}
}
