package reports

import (
	"math"
	"slices"

	"github.com/nebula-bench/nebula/experiment/stats"
)

// Control is a backend held against its second copy. The two are the same,
// so whatever tells them apart is this machine or chance.
type Control struct {
	Backend     string       `json:"backend"`
	Copy        string       `json:"copy"`
	Comparisons []Comparison `json:"comparisons"`     // startup and runtime of each cell
	Differ      int          `json:"differ"`          // of them
	Alone       int          `json:"alone,omitempty"` // cells of which one of the two has no trial that counts
	// Widest is the ratio that is furthest from 1 of those that differ.
	Widest *Comparison `json:"widest,omitempty"`
}

// controls compares each copy with what it is a copy of.
func controls(s *Summary) (out []Control) {
	cells := s.ran()
	for _, b := range s.backends() {
		of := s.run.Backends[b].ControlOf
		if of == "" {
			continue
		}
		control := Control{Backend: of, Copy: b, Comparisons: []Comparison{}}
		for i, c := range cells {
			if c.Backend != b {
				continue
			}
			j := slices.IndexFunc(cells, func(o Cell) bool {
				return o.Backend == of && o.Function == c.Function && o.Input == c.Input && o.Start == c.Start
			})
			if j < 0 {
				continue
			}
			if (cells[i].N > 0) != (cells[j].N > 0) {
				control.Alone++
			}
			for _, m := range followed {
				if cells[i].Metrics[m].N > 0 && cells[j].Metrics[m].N > 0 {
					control.add(compare(m, &cells[j], &cells[i]))
				}
			}
		}
		out = append(out, control)
	}
	return out
}

func (c *Control) add(x Comparison) {
	c.Comparisons = append(c.Comparisons, x)
	if x.State != stats.Differs {
		return
	}
	c.Differ++
	if c.Widest == nil || math.Abs(math.Log(*x.Ratio)) > math.Abs(math.Log(*c.Widest.Ratio)) {
		c.Widest = &x
	}
}

// backends gives those of the plan's cells, in its order.
func (s *Summary) backends() (names []string) {
	for _, c := range s.ran() {
		if !slices.Contains(names, c.Backend) {
			names = append(names, c.Backend)
		}
	}
	return names
}

// controlCaveats says what the controls tell about this machine.
func controlCaveats(cs []Control) (out []Caveat) {
	for _, c := range cs {
		if len(c.Comparisons) == 0 {
			continue
		}
		v := Caveat{Level: Note}
		if c.Differ > 0 {
			v.Level = Warning
		}
		t := &v.Text
		t.name(c.Backend).say(" ran twice, as its own control: %d of %s tell", c.Differ, plural(len(c.Comparisons), "comparison"))
		t.say(" the two apart, where chance alone would do so in about one of twenty.")
		if c.Alone > 0 {
			t.say(" %s not among them: on one of the two no trial counts.", plural(c.Alone, "cell")+isAre(c.Alone))
		}
		if c.Widest != nil {
			t.say(" The widest is a ratio of %s ", number(*c.Widest.Ratio, ratioDecimals(*c.Widest.Ratio)))
			t.interval(bracket(*c.Widest.Low, *c.Widest.High)).say(": this machine makes differences of that size out of nothing.")
		}
		out = append(out, v)
	}
	return out
}
