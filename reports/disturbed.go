package reports

import (
	"maps"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// disturb takes back what a comparison says where one of the two runs found
// its machine disturbed: of such runs nobody can tell whether the function has
// changed or the machine was busy. Both ways, since a disturbed old run makes
// an unchanged function better. What was unsure anyway is so for that reason
// first: more trials on such a machine would settle nothing.
//
// "The same" stays: a disturbance makes differences and hides none so well
// that the whole interval lies within the margin. A cell that worked and of
// which every trial now ends badly stays broken: a busy machine makes trials
// slow and not wrong.
func (c *Changes) disturb() {
	text := c.disturbances()
	if text == "" {
		return
	}
	for i := range c.Cells {
		x := &c.Cells[i]
		x.Disturbed = &text
		if x.Course != Same && x.Low != nil { // or too few trials are reason enough
			x.Course, x.disturbed = Unsure, c.disturbing()
		}
	}
}

// disturbances names what was found, on which of the runs; empty: nothing.
func (c *Changes) disturbances() string {
	type side struct {
		name string
		ds   []results.Disturbance
	}
	sides := []side{{"old", c.Old.Disturbed}, {"new", c.New.Disturbed}}
	if c.Confirmed != nil {
		sides = append(sides, side{"confirming", c.Confirmed.Disturbed})
	}
	var parts []string
	for _, side := range sides {
		for _, d := range side.ds {
			parts = append(parts, side.name+" run, "+d.Check+": "+d.Found)
		}
	}
	return strings.Join(parts, "; ")
}

// disturbing gives the checks that found something, of either run.
func (c *Changes) disturbing() (checks []string) {
	for _, d := range slices.Concat(c.Old.Disturbed, c.New.Disturbed) {
		checks = appendNew(checks, d.Check)
	}
	return checks
}

// takenBack gives of how many verdicts a disturbance is the reason.
func (c *Changes) takenBack() (n int) {
	for _, x := range c.Cells {
		if x.disturbed != nil {
			n++
		}
	}
	return n
}

// Disturbed reports whether a verdict is unsure because the machine was
// disturbed.
func (c *Changes) Disturbed() bool { return c.takenBack() > 0 }

// wasDisturbed is the verdict of a machine that was, with the checks that
// found it.
func (x Change) wasDisturbed() string {
	return "unsure: the machine was disturbed (" + strings.Join(x.disturbed, ", ") + ")"
}

// disturbedPrefix begins the names of disturbances among what two runs do not
// share.
const disturbedPrefix = "disturbed."

// disturbedIn lists what disturbed either run. What came and went may explain
// a change, also where both runs had some of it. A setting that disturbs makes
// the runs hardly comparable where only one of them has it.
func disturbedIn(old, new *results.Folder) (out []Environment) {
	was, is := disturbing(&old.Run), disturbing(&new.Run)
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, check := range slices.Sorted(maps.Keys(all)) {
		e := Environment{Difference: results.Difference{What: disturbedPrefix + check, A: was[check].Found, B: is[check].Found}}
		_, before := was[check]
		_, now := is[check]
		switch {
		case was[check].Disturbed(), is[check].Disturbed(), all[check].Severity == experiment.Noted:
		case before && now:
			continue
		case now:
			e.Invalid = "only the new run was disturbed"
		default:
			e.Invalid = "only the old run was disturbed"
		}
		out = append(out, e)
	}
	return out
}

// disturbing gives what disturbed a run, by check: the worst of each.
func disturbing(r *results.Run) map[string]experiment.Finding {
	out := map[string]experiment.Finding{}
	for _, f := range r.Findings(experiment.Finding.MayExplain) {
		out[f.Check] = f
	}
	return out
}
