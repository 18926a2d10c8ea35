package reports

import (
	"slices"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// Failed is the state of a comparison of which one side, or both, has no
// number: it keeps its place among the others, and the sentence names it.
const Failed stats.State = "failed"

// lacks says in words why a side has nothing to compare; empty: it has.
// The words follow the side's name.
func lacks(c *Cell, metric string) string {
	switch {
	case c == nil:
		return "was left out"
	case c.Metrics[metric].N > 0:
		return ""
	case c.N > 0:
		return "has no " + metric
	case total(c.Outcomes) == 0:
		return "was not reached"
	}
	words := map[experiment.Outcome]string{
		experiment.Failed:      "failed",
		experiment.WrongOutput: "gave wrong answers",
		experiment.Timeout:     "ran out of time",
		experiment.OutOfMemory: "ran out of memory",
		experiment.Interrupted: "was cut short",
	}
	for o, n := range c.Outcomes {
		if n == total(c.Outcomes) && words[o] != "" {
			return words[o]
		}
	}
	return "has no trial that counts"
}

// apart gives the comparison of two sides that can't be compared: x stands
// for the first contender, y for the other, of which either may be nil.
func apart(metric, input string, first, other contender, x, y *Cell) Comparison {
	side := func(k contender, c *Cell) Side {
		s := Side{Backend: k.backend, Start: k.start, Lacks: lacks(c, metric)}
		if c != nil {
			s.N, s.MedianNS = c.Metrics[metric].N, c.Metrics[metric].MedianNS
		}
		return s
	}
	c := Comparison{Input: input, State: Failed, First: side(first, x), Other: side(other, y)}
	for _, s := range []Side{c.First, c.Other} {
		if s.Lacks == "" {
			continue
		}
		if c.Why != "" {
			c.Why += "; "
		}
		c.Why += s.Backend + " " + string(s.Start) + " " + s.Lacks
	}
	return c
}

// held gives the comparisons of a verdict that have two sides.
func (v *Verdict) held() []Comparison {
	return slices.DeleteFunc(slices.Clone(v.Comparisons), func(c Comparison) bool { return c.State == Failed })
}

// failed words the comparisons that have not, those of one reason together:
// "on large and huge, wazero.w cached failed".
func (v *Verdict) failed(s *Sentence) {
	type reason struct{ first, other string }
	var order []reason
	of := map[reason][]Comparison{}
	for _, c := range v.Comparisons {
		if c.State != Failed {
			continue
		}
		r := reason{c.First.Lacks, c.Other.Lacks}
		if of[r] == nil {
			order = append(order, r)
		}
		of[r] = append(of[r], c)
	}
	for _, r := range order {
		cs := of[r]
		if len(*s) > 0 {
			s.say("; ")
		}
		s.say("on ").names(inputsOf(cs)).say(", ")
		if r.first != "" {
			s.side(cs[0].First)
			s.say(" %s", r.first)
		}
		if r.first != "" && r.other != "" {
			s.say(" and ")
		}
		if r.other != "" {
			s.side(cs[0].Other)
			s.say(" %s", r.other)
		}
	}
}

// median shows a side's median in a table, or why there is none.
func (s Side) median() string {
	if s.Lacks != "" {
		return s.Lacks
	}
	return duration(s.MedianNS)
}
