package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// threat is a reason why this very run may say less than it seems to: not
// something that went wrong, but what its numbers can't tell.
type threat struct {
	Title string
	Text  Sentence
}

// fewTrials is the number below which the report reminds of how little a
// sample says about its tails.
const fewTrials = 20

func newThreats(s *Summary) (out []threat) {
	cs := slices.DeleteFunc(slices.Clone(s.ran()), func(c Cell) bool { return c.N == 0 })
	if len(cs) == 0 {
		return nil
	}
	add := func(title string, say func(*Sentence)) {
		t := threat{Title: title}
		say(&t.Text)
		out = append(out, t)
	}
	var modules, containers []string
	just, ahead := false, false
	for _, c := range cs {
		kind, _, _ := strings.Cut(c.Backend, ".")
		switch kind {
		case "wazero":
			just = just || c.Start == experiment.Cold
			ahead = ahead || c.Start != experiment.Cold
			modules = appendNew(modules, c.Backend)
		case "docker":
			containers = appendNew(containers, c.Backend)
		}
	}
	if len(modules) > 0 {
		add("Compiled when?", func(t *Sentence) {
			switch {
			case just && ahead:
				t.say("The cold start of ").names(modules).say(" compiles the module in the trial; the other starts find it compiled ahead of time. What WebAssembly gains over containers hangs on which of the two a host does.")
			case just:
				t.say("Every start of ").names(modules).say(" compiles the module in the trial. A host that compiles ahead of time starts far sooner.")
			default:
				t.say("No start of ").names(modules).say(" compiles: modules were compiled ahead of time. A host that compiles on demand starts far later.")
			}
		})
	}
	if len(modules) > 0 && len(containers) > 0 {
		add("Process against daemon.", func(t *Sentence) {
			t.say("A module starts in a child process of Nebula, which is told to by a pipe. A container of ").names(containers)
			t.say(" starts through the engine's daemon, and every request and answer passes through it. The comparison is of two ways to run a function, not of two sandboxes alone; the phases say where the time goes.")
		})
	}
	if h, is := guest(&s.run); is {
		add("A virtual machine.", func(t *Sentence) {
			t.say("This machine is a guest of ").name(h).say(". Others may have used its processors meanwhile, and what a guest asks of its kernel (a new process, a network, a mount) may cost more than on bare metal: containers ask for much of it, modules hardly.")
		})
	}
	stolen(s, add)
	var few []string
	for _, c := range cs {
		if c.N < fewTrials {
			few = append(few, c.String())
		}
	}
	if len(few) > 0 {
		add("Few trials.", func(t *Sentence) {
			t.say("%s fewer than %d trials that count: ", plural(len(few), "cell")+" "+hasHave(len(few)), fewTrials)
			t.names(few).say(". Their medians have intervals, but a rare slow start may never have shown.")
		})
	}
	distributions(cs, add)
	add("One machine.", func(t *Sentence) {
		t.say("All numbers are of one machine in %s. Ratios carry over to others better than times do, and neither does so for certain.", whenRan(s))
	})
	return out
}

func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func whenRan(s *Summary) string {
	if s.Ended == nil {
		return "one run"
	}
	return fmt.Sprintf("one run of %s", lasting(s.Ended.Sub(s.Started)))
}

// stolen tells of time that the hypervisor took, where a session found any.
func stolen(s *Summary, add func(string, func(*Sentence))) {
	for _, f := range s.run.Findings(func(f experiment.Finding) bool {
		return (strings.Contains(f.Check, "stolen") || strings.Contains(f.Check, "steal")) &&
			(f.Severity == experiment.Disturbing || f.Severity == experiment.Noted)
	}) {
		add("Stolen time.", func(t *Sentence) {
			t.say("The hypervisor gave this machine's processors to others: ").name(f.Found).say(". A trial that fell into it is longer by that.")
		})
		return
	}
}

// distributions tells of samples that are not what a median and its interval
// take them for.
func distributions(cs []Cell, add func(string, func(*Sentence))) {
	for _, k := range []struct {
		kind  stats.Kind
		title string
		means string
	}{
		{stats.Drift, "Drift.", "The machine or the engine changed while the run went on. Blocks spread that over all cells alike, so ratios suffer less than times."},
		{stats.TwoHumps, "Two humps.", "Such a cell has two usual values and not one: its median lies in either or between, and the strip of trials says more."},
		{stats.Autocorrelated, "Trials that depend on each other.", "A trial says something about the next, so there are fewer independent values than trials, and the interval is narrower than it should be."},
	} {
		var names []string
		first := ""
		for _, c := range cs {
			for _, w := range c.Warnings {
				if w.Kind == k.kind {
					if names = append(names, c.String()); first == "" {
						first = w.Text
					}
				}
			}
		}
		if len(names) > 0 {
			add(k.title, func(t *Sentence) {
				t.say("Startup, in %s of %d: ", plural(len(names), "cell"), len(cs))
				t.names(names).say(". Of the first: %s. %s", first, k.means)
			})
		}
	}
}
