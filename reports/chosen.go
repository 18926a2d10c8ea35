package reports

import (
	"fmt"
)

type chosenView struct {
	Cells int
	Table table
}

func chosen(s *Summary) *chosenView {
	v := &chosenView{Table: table{Head: left("function", "backend", "start", "cells", "reason")}}
	for _, l := range s.LeftOut {
		if l.Chosen {
			v.Cells += l.Cells
			v.Table.Rows = append(v.Table.Rows, cells(l.Function, l.Backend, string(l.Start), fmt.Sprint(l.Cells), l.Reason))
		}
	}
	if v.Cells == 0 {
		return nil
	}
	return v
}
