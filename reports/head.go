package reports

import (
	"github.com/nebula-bench/nebula/experiment/results"
)

// head is the top of the page: which run this is, and how far it came.
type head struct {
	Experiment, Title string
	Facts             []Sentence
}

func newHead(s *Summary) head { return head{s.Experiment, s.Title, runFacts(s)} }

func runFacts(s *Summary) (out []Sentence) {
	add := func(say func(*Sentence)) {
		var x Sentence
		say(&x)
		out = append(out, x)
	}
	add(func(x *Sentence) { x.say("%s", when(s.Started)) })
	if s.Ended != nil {
		add(func(x *Sentence) {
			x.say("took %s", lasting(s.Ended.Sub(s.Started)))
			if n := len(s.run.Sessions); n > 1 { // with what lay between
				x.say(" in %d sessions", n)
			}
		})
	}
	add(func(x *Sentence) { x.say("%s", stateWords(s.State)) })
	add(func(x *Sentence) {
		x.say("%d of %s", s.Trials.Ended, plural(s.Trials.Planned, "trial"))
		if s.Trials.Bad > 0 {
			x.say(", %d not ok", s.Trials.Bad)
		}
	})
	add(func(x *Sentence) { x.say("%s", plural(len(s.plan.Cells), "cell")) })
	if s.run.Host.CPU != "" {
		add(func(x *Sentence) { x.name(s.run.Host.CPU) })
	}
	add(func(x *Sentence) { x.say("run ").name(s.Run) })
	return out
}

func stateWords(s results.State) string {
	if s == results.Running {
		return "still running, or killed"
	}
	return string(s)
}
