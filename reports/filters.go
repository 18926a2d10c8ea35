package reports

import (
	"html/template"
)

// filters are what a reader can leave out of charts and tables. They stand
// in the page's address, so that a link shows what its sender saw.
type filters struct {
	Axes []filterAxis
	Data template.JS // the marks, and what each cell is
}

type filterAxis struct {
	Key, Name string
	Values    []string
}

// newFilters gives nil where there is nothing to draw.
func newFilters(s *Summary, ms []mark) (*filters, error) {
	cs := s.ran()
	if len(cs) == 0 {
		return nil, nil
	}
	axes := []filterAxis{{"function", "Function", nil}, {"input", "Input", nil}, {"backend", "Backend", nil}, {"start", "Start", nil}}
	type data struct {
		Marks []mark     `json:"marks"`
		Names [][]string `json:"names"` // of each axis
		Cells [][4]int   `json:"cells"` // places in names
	}
	d := data{Marks: ms, Names: make([][]string, len(axes)), Cells: make([][4]int, len(cs))}
	places := make([]map[string]int, len(axes))
	for i, c := range cs {
		for a, name := range [4]string{c.Function, c.Input, c.Backend, string(c.Start)} {
			if places[a] == nil {
				places[a] = map[string]int{}
			}
			at, ok := places[a][name]
			if !ok {
				at = len(d.Names[a])
				places[a][name] = at
				d.Names[a] = append(d.Names[a], name)
			}
			d.Cells[i][a] = at
		}
	}
	f := &filters{}
	for a := range axes {
		if axes[a].Values = d.Names[a]; len(d.Names[a]) > 1 {
			f.Axes = append(f.Axes, axes[a])
		}
	}
	var err error
	f.Data, err = inline(d)
	return f, err
}
