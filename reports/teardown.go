package reports

import (
	"maps"
	"slices"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// pooled is how one way to run functions did over all functions and inputs:
// arithmetic means, as publications have them, of the cells' medians.
type pooled struct {
	contender
	of map[string]float64 // by metric and phase, in nanoseconds; energy in joules
}

func (p pooled) say(t *Sentence) *Sentence { return t.name(p.backend).say(" %s", p.start) }

// pool gives the means of some ways to run functions over what all of them
// have run, and over how many functions and inputs; nil where that is nothing.
func pool(cells []Cell, contenders ...contender) ([]pooled, int) {
	type key struct{ function, input string }
	var of []map[key]map[string]float64
	for _, c := range contenders {
		found := map[key]map[string]float64{}
		for _, cell := range cells {
			if cell.Backend == c.backend && cell.Start == c.start && cell.N > 0 {
				found[key{cell.Function, cell.Input}] = cell.medians()
			}
		}
		of = append(of, found)
	}
	n := 0
	sums, seen := make([]map[string]float64, len(of)), make([]map[string]int, len(of))
	for i := range of {
		sums[i], seen[i] = map[string]float64{}, map[string]int{}
	}
	for k := range of[0] {
		if slices.ContainsFunc(of, func(m map[key]map[string]float64) bool { return m[k] == nil }) {
			continue
		}
		n++
		for i := range of {
			for name, ns := range of[i][k] {
				sums[i][name] += ns
				seen[i][name]++
			}
		}
	}
	if n == 0 {
		return nil, 0
	}
	var out []pooled
	for i, c := range contenders {
		p := pooled{c, map[string]float64{}}
		for name, sum := range sums[i] {
			if seen[i][name] == n { // or it would be a mean of something else
				p.of[name] = sum / float64(n)
			}
		}
		out = append(out, p)
	}
	return out, n
}

// medians gives the medians of a cell's metrics and phases, the sum that the
// thesis called total, and the net energy of an invocation where it was
// measured: nothing that is estimated, simulated or below resolution stands
// beside a publication.
func (c *Cell) medians() map[string]float64 {
	of := map[string]float64{}
	for _, ph := range c.Phases {
		of[ph.Name] = float64(ph.MedianNS)
	}
	for name, m := range c.Metrics {
		of[name] = float64(m.MedianNS)
	}
	startup, ok := of["startup"]
	if rest, ok2 := of["thesis_runtime"]; ok && ok2 {
		of["thesis_total"] = startup + rest
	}
	if e := c.Energy; e != nil && e.Status == stats.Measured && !e.Simulated && e.NetJ != nil {
		of["energy"] = *e.NetJ
	}
	return of
}

// besides gives for each column the ways to run functions that it stands
// beside.
func besides(s *Summary, r *experiment.Reference, columns []string) [][]contender {
	out := make([][]contender, len(columns))
	for _, c := range s.ran() {
		for i, column := range columns {
			k := contender{c.Backend, c.Start}
			if c.N > 0 && r.Beside(column, c.Backend, c.Start) && !slices.Contains(out[i], k) {
				out[i] = append(out[i], k)
			}
		}
	}
	return out
}

// teardownIn says how much of a published difference in thesis_runtime is
// the end of a trial and not the run of a function: the thesis's runtime is
// all that follows the function's first instruction. Nil where nothing in
// this run stands beside the publication.
func teardownIn(s *Summary, r *experiment.Reference) (out []Sentence) {
	var figures []experiment.Published
	for _, f := range r.Figures {
		if f.Metric == "thesis_runtime" && len(f.Values) == 2 && f.Ratio > 0 {
			figures = append(figures, f)
		}
	}
	if len(figures) == 0 {
		return nil
	}
	values := figures[0].Values
	columns := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		if values[a] > values[b] {
			return -1
		}
		return 1
	})
	ours := besides(s, r, columns)
	for _, slow := range ours[0] {
		for _, fast := range ours[1] {
			both, n := pool(s.ran(), slow, fast)
			if n == 0 {
				continue
			}
			out = append(out, teardownOf(both[0], both[1], columns, figures)...)
		}
	}
	return out
}

func teardownOf(a, b pooled, columns []string, figures []experiment.Published) []Sentence {
	whole, end := [2]float64{a.of["thesis_runtime"], b.of["thesis_runtime"]}, [2]float64{a.of["teardown"], b.of["teardown"]}
	if whole[0] == 0 || whole[1] == 0 || end[0] == 0 || end[1] == 0 || whole[0] <= whole[1] {
		return nil
	}
	show := func(ns float64) string { return duration(round(ns)) }
	share := func(x float64) string { return number(100*x, 1) + " %" }
	times := func(x, y float64) string { return number(x/y, ratioDecimals(x/y)) }

	var first Sentence
	first.say("Published, from the function's first instruction until nothing is left of it: ").name(columns[0]).say(" takes ")
	for i, f := range figures {
		if i > 0 {
			first.say(" and ")
		}
		first.number(number(f.Ratio, 0)).say(" times (").name(f.Machine).say(")")
	}
	first.say(" as long as ").name(columns[1]).say(". Here ")
	a.say(&first).say(" takes ").number(show(whole[0])).say(" and ")
	b.say(&first).say(" ").number(show(whole[1])).say(", ").number(times(whole[0], whole[1]))
	first.say(" times as long.")

	var second Sentence
	second.say("Of ").number(show(whole[0])).say(", ").number(show(end[0]))
	second.say(" (").number(share(end[0] / whole[0])).say(") are teardown, which begins when the answer is there")
	if exit, ok := a.of["exit"]; ok && a.of["remove"] > 0 {
		second.say(": ").number(show(exit)).say(" until the container has exited, and ").number(show(a.of["remove"])).say(" until it is removed")
	}
	second.say(". Of ").number(show(whole[1])).say(" it is ").number(show(end[1]))
	second.say(". Teardown is ").number(share((end[0] - end[1]) / (whole[0] - whole[1]))).say(" of the difference between the two.")

	out := []Sentence{first, second}
	if x, y := a.of["runtime"], b.of["runtime"]; x > 0 && y > 0 {
		var third Sentence
		third.say("Until the function has its answer the two take ").number(show(x)).say(" and ").number(show(y))
		third.say(", ").number(times(x, y)).say(" times as long. Receiving the request is part of that; in a container it comes through the engine's stream.")
		out = append(out, third)
	}
	return out
}
