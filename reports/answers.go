package reports

import (
	"fmt"
	"slices"

	"github.com/nebula-bench/nebula/experiment/stats"
)

// answers is the section of verdicts.
type answers struct {
	Verdicts  []verdictView
	More      []verdictView
	NoVerdict string
	Margin    float64 // per cent
}

func newAnswers(s *Summary) answers {
	a := answers{NoVerdict: noVerdict(s), Margin: stats.DefaultMargin * 100}
	shown := map[string]int{}
	each := max(1, firstVerdicts/max(1, len(functions(s.ran()))))
	for _, v := range s.Verdicts {
		view := verdictView{Verdict: v, Subject: v.subject(), Table: comparisonTable(v)}
		if shown[v.Function]++; shown[v.Function] <= each {
			a.Verdicts = append(a.Verdicts, view)
		} else {
			a.More = append(a.More, view)
		}
	}
	for _, c := range s.Crossovers {
		view := verdictView{Subject: c.Function, Verdict: Verdict{Metric: c.Metric + " by size of input", Sentence: c.Sentence, Basis: crossoverBasis}}
		if c.Metric == sizeMetrics[0] {
			a.Verdicts = append(a.Verdicts, view)
		} else {
			a.More = append(a.More, view)
		}
	}
	return a
}

type verdictView struct {
	Verdict
	Subject string
	Table   *table
}

// Long tells a sentence that is too long for large letters.
func (v verdictView) Long() bool { return len(v.Sentence.String()) > 200 }

// firstVerdicts is about how many verdicts a page shows before it folds the
// rest; every function has its share.
const firstVerdicts = 8

// noVerdict stands where nothing can be compared.
func noVerdict(s *Summary) string {
	switch {
	case len(s.Verdicts) > 0:
		return ""
	case len(s.plan.Cells) == 0:
		return "No cell could run, so there is nothing to compare."
	case !slices.ContainsFunc(s.Cells, func(c Cell) bool { return c.N > 0 }):
		return "No trial counts, so there is nothing to compare."
	}
	return "There is nothing to compare: each function ran on one backend from one start."
}

func comparisonTable(v Verdict) *table {
	if len(v.Comparisons) < 2 {
		return nil
	}
	a, b := v.Comparisons[0].First, v.Comparisons[0].Other
	t := &table{Head: append(left("input"), right(
		a.Backend+" "+string(a.Start), b.Backend+" "+string(b.Start), "ratio", intervalHead, "verdict")...)}
	for _, c := range v.Comparisons {
		ratio, interval, verdict := "–", "none", string(c.State)
		if c.Ratio != nil {
			ratio = number(*c.Ratio, ratioDecimals(*c.Ratio))
		}
		if c.Low != nil {
			interval = bracket(*c.Low, *c.High)
		}
		if c.Need > 0 {
			verdict += fmt.Sprintf(", about %d trials needed", c.Need)
		}
		row := cells(c.Input)
		for _, x := range []string{c.First.median(), c.Other.median(), ratio, interval, verdict} {
			row = append(row, td{Text: x, Right: true})
		}
		t.Rows = append(t.Rows, row)
	}
	t.cut()
	return t
}
