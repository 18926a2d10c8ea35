package reports

import (
	"fmt"
	"slices"
)

// cellsOf is the part of the summary table that is about one function.
type cellsOf struct {
	Function string
	Table    table
}

func newCells(s *Summary) (out []cellsOf) {
	for _, f := range functions(s.ran()) {
		out = append(out, cellsOf{f, cellTable(byInput(s.ran(), f))})
	}
	return out
}

func cellTable(cs []Cell) table {
	stops := slices.ContainsFunc(cs, func(c Cell) bool { return c.Stop != nil })
	t := table{Head: append(left("input", "backend", "start"), append(right(shownMetrics...), right("n", "not ok")...)...)}
	used := slices.ContainsFunc(cs, func(c Cell) bool { return c.CPUNS > 0 || c.PeakMemory > 0 })
	if used {
		t.Head = append(t.Head, right("CPU time", "peak memory")...)
	}
	if stops {
		t.Head = append(t.Head, right("stopped")...)
	}
	for _, c := range cs {
		row := cells(c.Input, c.Backend, string(c.Start))
		for _, name := range shownMetrics {
			row = append(row, metricCell(c, name))
		}
		b := bad(c)
		row = append(row, td{Text: fmt.Sprint(c.N), Right: true}, td{Text: b, Right: true, Bad: b != "–"})
		if used {
			cpu, memory := "–", "–"
			if c.CPUNS > 0 {
				cpu = duration(c.CPUNS)
			}
			if c.PeakMemory > 0 {
				memory = size(uint64(c.PeakMemory))
			}
			row = append(row, td{Text: cpu, Right: true}, td{Text: memory, Right: true})
		}
		if stops {
			row = append(row, td{Text: stopWords(c.Stop), Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func metricCell(c Cell, name string) td {
	m, ok := c.Metrics[name]
	if !ok {
		return td{Text: "–", Right: true}
	}
	return td{Text: duration(m.MedianNS), Below: bounds(m), Right: true}
}
