package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/words"
)

// energyCaveats tells what takes away from the energies. Those that are about
// all of them come first.
func energyCaveats(s *Summary, add adder) {
	plan, facts := s.plan.Energy, s.run.Energy
	if plan == nil || facts == nil {
		return
	}
	of := func(is func(*CellEnergy) bool) (names []string) {
		for _, c := range s.ran() {
			if c.Energy != nil && is(c.Energy) {
				names = append(names, c.String())
			}
		}
		return names
	}
	if facts.Source != "" && s.windowsMissing > 0 && s.State != results.Complete {
		add(Warning, "", func(t *Sentence) {
			t.say("%s%s missing.", plural(s.windowsMissing, "energy window"), isAre(s.windowsMissing))
		})
	}
	reasons := map[string][]string{}
	var order []string
	for _, c := range s.ran() {
		if e := c.Energy; e != nil && e.Status == stats.Unavailable && facts.Source != "" {
			if reasons[e.Reason] == nil {
				order = append(order, e.Reason)
			}
			reasons[e.Reason] = append(reasons[e.Reason], c.String())
		}
	}
	for _, why := range order {
		level := Warning
		if slices.ContainsFunc(facts.Without, func(w results.WithoutWindow) bool { return w.Reason == why }) {
			level = Note
		}
		add(level, words.Ends(why, mostError), func(t *Sentence) {
			t.say("No energy of %s: ", plural(len(reasons[why]), "cell"))
			t.names(reasons[why]).say(".")
		})
	}
	if names := of(func(e *CellEnergy) bool { return e.Status == stats.Attributed }); len(names) > 0 {
		most := 0.0
		for _, c := range s.ran() {
			if e := c.Energy; e != nil && e.Status == stats.Attributed {
				most = max(most, *e.OthersShare)
			}
		}
		add(Warning, "", func(t *Sentence) {
			t.say("Other programs ran while energy was measured, and a share of it was attributed to them by CPU time, up to %.0f %%: ", 100*most)
			t.names(names).say(". Half of what was taken out is in the uncertainty.")
		})
	}
	if names := of(func(e *CellEnergy) bool { return e.Status == stats.BelowResolution }); len(names) > 0 {
		add(Note, "", func(t *Sentence) {
			t.say("The net energy of %s can't be told from nothing: ", plural(len(names), "cell"))
			t.names(names).say(". Longer windows (energy { window }), or a machine that does nothing else, bring it out.")
		})
	}
	if n := invalidWindows(s); n > 0 {
		add(Note, "", func(t *Sentence) {
			t.say("%s invalid and made again, or left out: they are in energy.jsonl with the reason.", plural(n, "energy window")+" "+wasWere(n))
		})
	}
}

func invalidWindows(s *Summary) (n int) {
	for _, c := range s.ran() {
		if c.Energy != nil {
			n += c.Energy.Invalid
		}
	}
	return n
}

// energyFirst tells what must be known before any energy is read.
func energyFirst(s *Summary, add adder) {
	plan, facts := s.plan.Energy, s.run.Energy
	switch {
	case plan == nil || facts == nil:
	case facts.Simulated:
		add(Warning, "", func(t *Sentence) {
			t.say("Every energy here is simulated: its counters follow a model, and nothing of this machine's power was measured.")
		})
	case facts.Source == "" && plan.Estimate != nil:
		add(Warning, doorsTried(facts), func(t *Sentence) {
			t.say("Every energy here is estimated, and none is measured: from CPU time, with %g W for the idle and %g W for the busy machine, as the experiment gives them. Such models miss by 31 to 57 %% on average; the uncertainties here do not hold that.", plan.Estimate.WattsIdle, plan.Estimate.WattsFull)
		})
	case facts.Source == "" && plan.Asked:
		add(Missing, doorsTried(facts), func(t *Sentence) {
			t.say("Energy is unavailable: no counter could be read. Everything else was measured.")
		})
	}
}

// energyUnasked tells the same of a run that did not ask for energy.
func energyUnasked(s *Summary, add adder) {
	plan, facts := s.plan.Energy, s.run.Energy
	if plan == nil || facts == nil || facts.Source != "" || plan.Asked {
		return
	}
	add(Note, doorsTried(facts), func(t *Sentence) { t.say("Energy is unavailable: no counter could be read.") })
}

func doorsTried(facts *results.EnergyFacts) string {
	var lines []string
	for _, d := range facts.Doors {
		line := fmt.Sprintf("%s: %s.", d.Name, d.Why)
		if d.Remedy != "" {
			line += " What opens it: " + d.Remedy + "."
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
