package reports

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// Caveat is something that a reader must know before believing a number.
type Caveat struct {
	Level Level    `json:"level"`
	Text  Sentence `json:"text"`
	// Detail is a message from a backend or a function, as it came.
	Detail string `json:"detail,omitempty"`
	// LastWords is the end of what a function wrote to standard error.
	LastWords string `json:"last_words,omitempty"`

	first bool // stands above the verdicts whatever its level
}

// Level says how much a caveat takes away.
type Level string

// The levels.
const (
	Missing Level = "missing" // cells that were asked for and could not run
	Wrong   Level = "wrong"   // answers that are not what they should be, or not the same
	Warning Level = "warning" // something went wrong
	Note    Level = "note"    // a number means a little less than it seems
)

func caveats(s *Summary, r *reading) []Caveat {
	out := []Caveat{}
	add := func(l Level, detail string, say func(*Sentence)) *Caveat {
		c := Caveat{Level: l, Detail: detail}
		say(&c.Text)
		out = append(out, c)
		return &out[len(out)-1]
	}
	// What is missing or failed stands at the top: no number makes up for it.
	first := func(tell func(*Summary, adder)) {
		n := len(out)
		tell(s, add)
		for i := range out[n:] {
			out[n+i].first = true
		}
	}
	missing(s, add)
	first(unfinished)
	if r.strange > 0 {
		add(Warning, "", func(t *Sentence) {
			t.say("%s of trials or cells that the plan does not hold: not counted. The folder's files do not belong together.", plural(r.strange, "record"))
		})
	}
	// First what is wrong with the functions: who compares the speed of two
	// programs compares the same work.
	differentAnswers(s, r, add)
	first(failures)
	first(energyFirst)
	repeated(r, add)
	stopped(s, add)
	disturbances(s, add)
	sessions(s, add)
	thin(s, add)
	unmarked(s, add)
	energyCaveats(s, add)
	energyUnasked(s, add)
	if s.plan.Order == experiment.Sequential && len(s.plan.Cells) > 1 {
		add(Note, "", func(t *Sentence) {
			t.say("The cells ran one after the other. A machine that grew warmer or busier meanwhile looks like a difference between them; order = \"shuffled\" avoids that.")
		})
	}
	if s.run.Host.Dirty {
		add(Note, "", func(t *Sentence) {
			t.say("The experiment's folder held changes that were not committed: the commit alone does not give this run again.")
		})
	}
	return out
}

// adder adds a caveat, and gives it until the next.
type adder func(l Level, detail string, say func(*Sentence)) *Caveat

// missing says which cells this machine could not run. Lines with the same
// reason are one caveat. What nothing that one installs could run is missed by nobody: a note.
func missing(s *Summary, add adder) {
	type group struct {
		reason string
		nature bool
	}
	var groups []group
	lines := map[group][]experiment.LeftOut{}
	for _, l := range s.LeftOut {
		if l.Chosen {
			continue
		}
		g := group{l.Reason, l.Nature}
		if lines[g] == nil {
			groups = append(groups, g)
		}
		lines[g] = append(lines[g], l)
	}
	for _, g := range groups {
		level, says := Missing, "could not run here"
		if g.nature {
			level, says = Note, "can't run, whatever is installed here"
		}
		add(level, g.reason, func(t *Sentence) {
			cells := 0
			var names []string
			for _, l := range lines[g] {
				cells += l.Cells
				n := l.Function + " on " + l.Backend
				if !s.allLeftOut(l) {
					n += " " + string(l.Start)
				}
				if !slices.Contains(names, n) {
					names = append(names, n)
				}
			}
			t.say("%s %s: ", plural(cells, "cell"), says)
			t.names(names)
			t.say(".")
		})
	}
}

// allLeftOut reports whether the line's function has no start on its backend,
// for this one reason. The line may stand for all of them then.
func (s *Summary) allLeftOut(l experiment.LeftOut) bool {
	return !slices.ContainsFunc(s.plan.Cells, func(c experiment.Cell) bool { return c.Function == l.Function && c.Backend == l.Backend }) &&
		!slices.ContainsFunc(s.LeftOut, func(o experiment.LeftOut) bool {
			return o.Function == l.Function && o.Backend == l.Backend && o.Reason != l.Reason
		})
}

func unfinished(s *Summary, add adder) {
	of := func(t *Sentence) {
		t.say("%d of %s%s missing.", s.Trials.Missing, plural(s.Trials.Planned, "trial"), isAre(s.Trials.Missing))
	}
	switch s.State {
	case results.Complete:
		if s.Trials.Missing > 0 {
			add(Warning, "", func(t *Sentence) { t.say("The run says that it is complete, yet "); of(t) })
		}
	case results.Interrupted:
		add(Warning, "", func(t *Sentence) { t.say("The run was interrupted: "); of(t) })
	case results.Running:
		add(Warning, "", func(t *Sentence) { t.say("The run has not ended, or was killed: "); of(t) })
	default:
		add(Warning, "", func(t *Sentence) { t.say("Nebula itself could not go on: "); of(t) })
	}
}

// repeated tells of attempts that an engine failed.
func repeated(r *reading, add adder) {
	if r.repeated == 0 {
		return
	}
	add(Warning, r.repeatedError, func(t *Sentence) {
		t.say("%s failed in the backend and made again: ", plural(r.repeated, "attempt")+" "+wasWere(r.repeated))
		t.names(r.repeatedOn).say(". The trials after an outage may find an engine that is colder than before.")
	}).LastWords = r.repeatedWords
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// stopped tells of cells that ended without the precision asked for.
func stopped(s *Summary, add adder) {
	var names []string
	for _, c := range s.Cells {
		if c.Stop != nil && c.Stop.Reason != results.Precise {
			names = append(names, c.String())
		}
	}
	if len(names) == 0 {
		return
	}
	add(Note, "", func(t *Sentence) {
		t.say("%s not reach the ±%s that the run asked for: ", plural(len(names), "cell")+" did", percent(s.plan.Until.RelativeError))
		t.names(names)
		t.say(". The table says how far each came.")
	})
}

// disturbances tells what of this machine disturbed the run: each check once
// before it, and once within, with what each session found.
func disturbances(s *Summary, add adder) {
	var before, during [][]experiment.Finding
	for _, x := range s.run.Sessions {
		before, during = append(before, x.Before), append(during, x.During)
	}
	disturbs := func(f experiment.Finding) bool { return f.Severity == experiment.Disturbing }
	tell := func(when string, sessions [][]experiment.Finding) {
		for _, f := range results.AcrossSessions(sessions, disturbs) {
			add(Warning, "", func(t *Sentence) {
				t.say("%s, ", when).name(f.Check).say(": ").name(f.Found).say("; ").name(f.Why).say(".")
				if f.Remedy != "" {
					t.say(" What mends it: ").name(f.Remedy).say(".")
				}
			})
		}
	}
	began := "When the run began"
	if len(before) > 1 {
		began += " or was resumed"
	}
	tell(began, before)
	tell("During the run, or at its end", during)
}

func sessions(s *Summary, add adder) {
	if n := len(s.run.Sessions); n > 1 {
		add(Note, "", func(t *Sentence) {
			t.say("The run was resumed: it has %d sessions, from %s", n, when(s.run.Sessions[0].Started))
			t.say(" to %s. What a machine does between them looks like a difference between early and late trials.", when(s.run.Sessions[n-1].Started))
		})
	}
}

func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 2, 64) + " %"
}

// stopWords says why a cell has no more trials: "±1.8 % after 23".
func stopWords(s *results.Stop) string {
	if s == nil {
		return "–"
	}
	at := "no interval"
	if s.Relative != nil {
		at = "±" + percent(*s.Relative)
	}
	switch s.Reason {
	case results.Precise:
		return fmt.Sprintf("%s after %d", at, s.N)
	case results.OutOfTime:
		return "time spent at " + at
	}
	return "repetitions spent at " + at
}

func isAre(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

var outcomeWords = map[experiment.Outcome]string{
	experiment.WrongOutput:  "gave a wrong answer",
	experiment.Failed:       "failed",
	experiment.Timeout:      "ran out of time",
	experiment.OutOfMemory:  "ran out of memory",
	experiment.Contaminated: "were not as cold as the cell says",
	experiment.BackendError: "failed in the backend",
	experiment.Interrupted:  "were cut short",
}

// failures counts by outcome. Few cells are named one by one, many together.
func failures(s *Summary, add adder) {
	const few = 3
	for _, o := range experiment.Outcomes {
		if o == experiment.OK {
			continue
		}
		var cells []Cell
		trials, all := 0, 0
		for _, c := range s.Cells {
			all += total(c.Outcomes) + total(c.Warmups)
			if n := c.Outcomes[o] + c.Warmups[o]; n > 0 {
				cells = append(cells, c)
				trials += n
			}
		}
		level := Warning
		if o == experiment.WrongOutput {
			level = Wrong
		}
		if len(cells) > few {
			add(level, cells[0].Errors[o], func(t *Sentence) {
				t.say("%d of %s %s, in %d cells; the table counts them.", trials, plural(all, "trial"), outcomeWords[o], len(cells))
			}).LastWords = cells[0].LastWords[o]
			continue
		}
		for _, c := range cells {
			add(level, c.Errors[o], func(t *Sentence) {
				t.say("%d of %s %s: ", c.Outcomes[o]+c.Warmups[o], plural(total(c.Outcomes)+total(c.Warmups), "trial"), outcomeWords[o])
				t.name(c.Function, c.Input, c.Backend).say(" %s", c.Start)
				if n := c.Warmups[o]; n > 0 {
					t.say(" (%s among them)", plural(n, "warm-up"))
				}
				t.say(".")
			}).LastWords = c.LastWords[o]
		}
	}
}

func total(outcomes map[experiment.Outcome]int) (n int) {
	for _, m := range outcomes {
		n += m
	}
	return n
}

// differentAnswers compares what the backends answered: who compares the
// speed of two programs compares the same work. The inputs of a function on
// which the same backends disagree share a caveat.
func differentAnswers(s *Summary, r *reading, add adder) {
	type finding struct {
		varied             bool // from trial to trial, not only between backends
		function, backends string
	}
	var order []finding
	inputs := map[finding][]string{}
	names := map[finding][]string{}
	seen := map[[2]string]bool{}
	for _, c := range s.Cells {
		key := [2]string{c.Function, c.Input}
		if seen[key] {
			continue
		}
		seen[key] = true
		answered := slices.Sorted(maps.Keys(r.answers[key]))
		digests := map[string]bool{}
		var varied []string
		for _, b := range answered {
			a := r.answers[key][b]
			digests[a.first] = true
			if a.varied {
				varied = append(varied, b)
			}
		}
		var f finding
		switch {
		case len(varied) > 0:
			f = finding{true, c.Function, fmt.Sprintf("%q", varied)}
			names[f] = varied
		case len(digests) > 1:
			f = finding{false, c.Function, fmt.Sprintf("%q", answered)}
			names[f] = answered
		default:
			continue
		}
		if inputs[f] == nil {
			order = append(order, f)
		}
		inputs[f] = append(inputs[f], c.Input)
	}
	for _, f := range order {
		if f.varied {
			add(Note, "", func(t *Sentence) {
				t.name(f.function).say(" did not give the same answer in every trial on ").names(names[f])
				t.say(", with ").names(inputs[f])
				t.say(".")
			})
			continue
		}
		add(Wrong, "", func(t *Sentence) {
			t.name(f.function).say(" answered differently on ").names(names[f])
			t.say(", with ").names(inputs[f])
			t.say(": their times may not be for the same work.")
		})
	}
}

// thin tells of cells whose trials are too few to say much.
func thin(s *Summary, add adder) {
	var none, few []string
	for _, c := range s.Cells {
		switch {
		case c.N == 0:
			none = append(none, c.String())
		case c.N < stats.MinTrials:
			few = append(few, c.String())
		}
	}
	if len(none) > 0 {
		add(Warning, "", func(t *Sentence) {
			t.say("No trial counts in %s: ", plural(len(none), "cell"))
			t.names(none)
			t.say(".")
		})
	}
	if len(few) > 0 {
		add(Note, "", func(t *Sentence) {
			t.say("%s too few trials for an interval, which needs at least %d: ", plural(len(few), "cell")+" "+hasHave(len(few)), stats.MinTrials)
			t.names(few)
			t.say(".")
		})
	}
}

func hasHave(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

// unmarked tells where ready is not the function's own first act.
func unmarked(s *Summary, add adder) {
	var names []string
	for _, c := range s.Cells {
		if n := c.Function + " on " + c.Backend; c.ReadySources["started"] > 0 && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) > 0 {
		add(Note, "", func(t *Sentence) {
			t.say("No ready marker came from ")
			t.names(names)
			t.say(": there, startup ends when the backend had started the function, and runtime holds what the function's own runtime does before its first line.")
		})
	}
}

// above reports whether a reader must know before the first verdict.
func (c Caveat) above() bool { return c.first || c.Level == Missing || c.Level == Wrong }

// split gives the caveats that stand above the verdicts and those below.
func split(cs []Caveat) (above, below []Caveat) {
	for _, c := range cs {
		if c.above() {
			above = append(above, c)
		} else {
			below = append(below, c)
		}
	}
	return above, below
}

type caveatView struct {
	Caveat
	Title string
}

func caveatViews(cs []Caveat) (out []caveatView) {
	titles := map[Level]string{Missing: "Missing.", Wrong: "Wrong answers.", Warning: "Warning.", Note: "Note."}
	for _, c := range cs {
		out = append(out, caveatView{c, titles[c.Level]})
	}
	return out
}

// oneLine makes a line of a message of several.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// firstLine is what a message of several lines begins with, for places where
// it stands within a sentence.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
