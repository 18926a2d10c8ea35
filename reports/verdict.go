package reports

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// Verdict is what the run says about two ways to run a function, in words.
type Verdict struct {
	Function string `json:"function"`
	Metric   string `json:"metric"`
	// Sentence holds the ratios and their intervals, Basis names the
	// statistic and n.
	Sentence    Sentence     `json:"sentence"`
	Basis       string       `json:"basis"`
	Comparisons []Comparison `json:"comparisons"` // one for each input

	each bool // all differ alike, each by its own test
}

// Comparison holds one cell against another. Ratio is the other's median
// over the first's: above 1, the first is the quicker.
type Comparison struct {
	Input string      `json:"input"`
	First Side        `json:"first"`
	Other Side        `json:"other"`
	Ratio *float64    `json:"ratio"` // null where a median is missing or zero
	Low   *float64    `json:"low"`   // null where there is no interval
	High  *float64    `json:"high"`
	State stats.State `json:"verdict"`
	Need  int         `json:"trials_needed,omitempty"`
	Why   string      `json:"why,omitempty"` // there is no interval
	// P is Mann and Whitney's, adjusted for all the comparisons of a verdict
	// unless each of them differs alike; null where there is none, and of
	// controls.
	P *float64 `json:"p"`
	// Chance: the interval excludes the margin, and yet among so many inputs
	// chance may have done it.
	Chance bool `json:"chance,omitempty"`

	all stats.Comparison
}

// Side is one side of a comparison.
type Side struct {
	Backend  string           `json:"backend"`
	Start    experiment.Start `json:"start"`
	N        int              `json:"n"`
	MedianNS int64            `json:"median_ns"`
	// Lacks says why the side has no median, as what follows its name.
	Lacks string `json:"lacks,omitempty"`
}

// contender is a way to run a function: the cells of all its inputs.
type contender struct {
	backend string
	start   experiment.Start
}

// MarshalJSON writes it as a side is written.
func (c contender) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"backend": c.backend, "start": string(c.start)})
}

// verdicts compares what is worth comparing.
//
//   - Startup: each backend's quickest start.
//   - Runtime: the warmest start of each backend.
//   - Startup again, like with like, from the coldest start to the warmest.
//     Cached, which containers do not have, is held against their cold: in
//     both, nothing runs yet when the request arrives.
//   - With a single backend, its starts against each other.
//
// In each group the quickest is held against every other. A function's
// inputs share a sentence.
func verdicts(cells []Cell) []Verdict {
	out := []Verdict{}
	for _, f := range functions(cells) {
		mine := slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.Function != f })
		t := newContest(f, mine)
		if len(t.backends) == 1 {
			b := t.backends[0]
			var all []contender
			for _, s := range t.starts[b] {
				all = append(all, contender{b, s})
			}
			t.group("startup", all, nil)
		} else {
			t.group("startup", t.quickest("startup"), nil)
			t.group("runtime", t.warmest(), nil)
			for _, s := range experiment.Starts {
				t.group("startup", t.alike(s), func(a, b contender) bool { return a.start == s || b.start == s })
			}
		}
		out = append(out, t.out...)
	}
	return out
}

// judge takes the comparisons of a verdict as one family: its sentence speaks
// of all of them at once.
func (v *Verdict) judge() {
	var all []stats.Comparison
	var of []*Comparison
	for i, c := range v.Comparisons {
		if c.State != Failed {
			all, of = append(all, c.all), append(of, &v.Comparisons[i])
		}
	}
	judged, each := stats.JudgeTogether(all, stats.DefaultMargin)
	v.each = each
	for i, j := range judged {
		c := of[i]
		c.State, c.Need, c.Chance = j.State, j.Need, j.Chance
		if !math.IsNaN(j.P) {
			c.P = &j.P
		}
	}
	v.Sentence, v.Basis = sentence(*v), basis(*v)
}

func functions(cells []Cell) (names []string) {
	for _, c := range cells {
		if !slices.Contains(names, c.Function) {
			names = append(names, c.Function)
		}
	}
	return names
}

// contest holds the cells of one function.
type contest struct {
	function string
	inputs   []string
	backends []string
	starts   map[string][]experiment.Start // by backend
	cells    map[contender]map[string]*Cell
	done     map[string]bool
	out      []Verdict
}

func newContest(function string, cells []Cell) *contest {
	t := &contest{
		function: function, starts: map[string][]experiment.Start{},
		cells: map[contender]map[string]*Cell{}, done: map[string]bool{},
	}
	works := map[contender]bool{}
	for _, c := range cells {
		if c.N > 0 {
			works[contender{c.Backend, c.Start}] = true
		}
	}
	for i, c := range cells {
		if !works[contender{c.Backend, c.Start}] {
			continue // on no input, which the caveats tell
		}
		if !slices.Contains(t.inputs, c.Input) {
			t.inputs = append(t.inputs, c.Input)
		}
		if !slices.Contains(t.backends, c.Backend) {
			t.backends = append(t.backends, c.Backend)
		}
		k := contender{c.Backend, c.Start}
		if t.cells[k] == nil {
			t.cells[k] = map[string]*Cell{}
			t.starts[c.Backend] = append(t.starts[c.Backend], c.Start)
		}
		t.cells[k][c.Input] = &cells[i]
	}
	return t
}

// level is the mean of the logarithms of a contender's medians, so that
// every input weighs the same: those on which every one of ks has a median,
// or what fails on the largest would be the quickest. Where there is no such
// input, it is of all that it has.
func (t *contest) level(metric string, k contender, ks []contender) float64 {
	has := func(k contender, input string) bool {
		c := t.cells[k][input]
		return c != nil && c.Metrics[metric].MedianNS > 0
	}
	shared := slices.DeleteFunc(slices.Clone(t.inputs), func(in string) bool {
		return slices.ContainsFunc(ks, func(k contender) bool { return !has(k, in) })
	})
	if len(shared) == 0 {
		shared = t.inputs
	}
	sum, n := 0.0, 0
	for _, in := range shared {
		if has(k, in) {
			m := t.cells[k][in].Metrics[metric]
			sum += math.Log(float64(m.MedianNS))
			n++
		}
	}
	if n == 0 {
		return math.Inf(1)
	}
	return sum / float64(n)
}

func (t *contest) byLevel(metric string, ks []contender) func(a, b contender) int {
	level := map[contender]float64{}
	for _, k := range ks {
		level[k] = t.level(metric, k, ks)
	}
	return func(a, b contender) int {
		la, lb := level[a], level[b]
		switch {
		case la < lb:
			return -1
		case la > lb:
			return 1
		}
		return 0
	}
}

func (t *contest) quickest(metric string) (ks []contender) {
	for _, b := range t.backends {
		var mine []contender
		for _, s := range t.starts[b] {
			mine = append(mine, contender{b, s})
		}
		ks = append(ks, slices.MinFunc(mine, t.byLevel(metric, mine)))
	}
	return ks
}

func (t *contest) warmest() (ks []contender) {
	for _, b := range t.backends {
		ks = append(ks, contender{b, slices.MaxFunc(t.starts[b], func(a, b experiment.Start) int {
			return slices.Index(experiment.Starts, a) - slices.Index(experiment.Starts, b)
		})})
	}
	return ks
}

// alike gives the backends that can be held against each other at a start.
func (t *contest) alike(s experiment.Start) (ks []contender) {
	for _, b := range t.backends {
		switch has := t.starts[b]; {
		case slices.Contains(has, s):
			ks = append(ks, contender{b, s})
		case s == experiment.Cached && slices.Contains(has, experiment.Cold):
			ks = append(ks, contender{b, experiment.Cold})
		}
	}
	return ks
}

// group adds a verdict for the quickest contender against each other, where
// wanted says so and it has not been given before.
func (t *contest) group(metric string, ks []contender, wanted func(a, b contender) bool) {
	if len(ks) < 2 {
		return
	}
	ks = slices.Clone(ks)
	slices.SortStableFunc(ks, t.byLevel(metric, ks))
	for _, other := range ks[1:] {
		key := fmt.Sprintf("%s %q %q", metric, ks[0], other)
		if t.done[key] || wanted != nil && !wanted(ks[0], other) {
			continue
		}
		t.done[key] = true
		v := Verdict{Function: t.function, Metric: metric}
		for _, in := range t.inputs {
			a, b := t.cells[ks[0]][in], t.cells[other][in]
			switch {
			case a == nil && b == nil:
			case lacks(a, metric) != "" || lacks(b, metric) != "":
				v.Comparisons = append(v.Comparisons, apart(metric, in, ks[0], other, a, b))
			default:
				v.Comparisons = append(v.Comparisons, compare(metric, a, b))
			}
		}
		if len(v.Comparisons) > 0 {
			v.judge()
			t.out = append(t.out, v)
		}
	}
}

func compare(metric string, a, b *Cell) Comparison {
	all := stats.Compare(a.samples[metric], b.samples[metric])
	r := all.Ratio
	v := r.Judge(stats.DefaultMargin)
	c := Comparison{
		Input: a.Input, State: v.State, Need: v.Need,
		First: Side{Backend: a.Backend, Start: a.Start, N: a.Metrics[metric].N, MedianNS: a.Metrics[metric].MedianNS},
		Other: Side{Backend: b.Backend, Start: b.Start, N: b.Metrics[metric].N, MedianNS: b.Metrics[metric].MedianNS},
		all:   all,
	}
	if !math.IsNaN(r.Value) {
		c.Ratio = &r.Value
	}
	if r.Bounded {
		c.Low, c.High = &r.Low, &r.High
	}
	for _, w := range r.Warnings {
		c.Why = w.Text
	}
	return c
}

// turned gives the comparison with its sides exchanged.
func (c Comparison) turned() Comparison {
	c.First, c.Other = c.Other, c.First
	inverse := func(x *float64) *float64 {
		if x == nil {
			return nil
		}
		y := 1 / *x
		return &y
	}
	c.Ratio, c.Low, c.High = inverse(c.Ratio), inverse(c.High), inverse(c.Low)
	return c
}

// sentence words a verdict. Inputs that came out the same way share a
// clause.
func sentence(v Verdict) Sentence {
	var first, other, same, unsure, few []Comparison
	held := v.held()
	for _, c := range held {
		switch {
		case c.Low == nil:
			few = append(few, c)
		case c.State == stats.Same:
			same = append(same, c)
		case c.State == stats.Unsure:
			unsure = append(unsure, c)
		case *c.Ratio > 1:
			first = append(first, c)
		default:
			other = append(other, c.turned())
		}
	}
	var s Sentence
	clause := func(cs []Comparison, say func()) {
		if len(cs) == 0 {
			return
		}
		if len(s) > 0 {
			s.say("; ")
		}
		if len(cs) < len(held) {
			s.say("on ")
			s.names(inputsOf(cs))
			s.say(": ")
		}
		say()
		switch {
		case len(cs) < len(held):
		case len(held) < len(v.Comparisons):
			s.say(" on %d of %d inputs", len(held), len(v.Comparisons))
		case len(cs) > 1:
			s.say(" on %s", allInputs(len(cs)))
		}
	}
	quicker := func(cs []Comparison) func() {
		return func() {
			ratio, low, high := extent(cs)
			s.side(cs[0].First)
			s.say(" %s ", verb[v.Metric]).number(span(ratio[0], ratio[1])).say(" times %s than ", sooner[v.Metric])
			s.side(cs[0].Other)
			s.say(" ").interval(bracket(low, high))
		}
	}
	clause(first, quicker(first))
	clause(other, quicker(other))
	clause(same, func() {
		ratio, low, high := extent(same)
		s.say("no difference beyond %g %% between ", stats.DefaultMargin*100)
		s.side(same[0].First)
		s.say(" and ")
		s.side(same[0].Other)
		s.say(": ").number(span(ratio[0], ratio[1])).say(" ").interval(bracket(low, high))
	})
	clause(unsure, func() { s.unsure(v.Metric, unsure) })
	clause(few, func() {
		s.say("nothing is sure about ")
		s.side(few[0].First)
		s.say(" and ")
		s.side(few[0].Other)
		if few[0].Ratio != nil {
			s.say(", with medians of ").number(medians(few, Comparison.first)).say(" and ").number(medians(few, Comparison.other))
		}
		s.say(": %s", few[0].Why)
	})
	v.failed(&s)
	if s[0].Kind == "" {
		s[0].Text = strings.ToUpper(s[0].Text[:1]) + s[0].Text[1:]
	}
	s.say(".")
	return s
}

// unsure says of comparisons that they are, and what would settle them.
func (s *Sentence) unsure(metric string, cs []Comparison) {
	ratio, low, high := extent(cs)
	s.say("too few trials to say whether ")
	s.side(cs[0].First)
	s.say(" %s %s than ", verb[metric], sooner[metric])
	s.side(cs[0].Other)
	s.say(": ").number(span(ratio[0], ratio[1])).say(" ").interval(bracket(low, high))
	need, known, chance := 0, true, false
	for _, c := range cs {
		need, known, chance = max(need, c.Need), known && c.Need > 0, chance || c.Chance
	}
	if chance {
		s.say(", which among so many inputs may be chance")
	}
	if known {
		s.say(", about %d trials of each would settle it", need)
	} else if !chance {
		s.say(", too close to the margin of %g %% for more trials to settle it", stats.DefaultMargin*100)
	}
}

func (s *Sentence) side(x Side) { s.name(x.Backend).say(" %s", x.Start) }

func (c Comparison) first() int64 { return c.First.MedianNS }
func (c Comparison) other() int64 { return c.Other.MedianNS }

var (
	verb   = map[string]string{"startup": "starts", "runtime": "runs"}
	sooner = map[string]string{"startup": "sooner", "runtime": "faster"}
)

func medians(cs []Comparison, of func(Comparison) int64) string {
	low, high := of(cs[0]), of(cs[0])
	for _, c := range cs {
		low, high = min(low, of(c)), max(high, of(c))
	}
	if duration(low) == duration(high) {
		return duration(low)
	}
	return duration(low) + " to " + duration(high)
}

// extent gives the range of some ratios, and of all their intervals.
func extent(cs []Comparison) (ratio [2]float64, low, high float64) {
	ratio, low, high = [2]float64{*cs[0].Ratio, *cs[0].Ratio}, *cs[0].Low, *cs[0].High
	for _, c := range cs {
		ratio[0], ratio[1] = min(ratio[0], *c.Ratio), max(ratio[1], *c.Ratio)
		low, high = min(low, *c.Low), max(high, *c.High)
	}
	return ratio, low, high
}

func allInputs(n int) string {
	if n == 2 {
		return "both inputs"
	}
	return fmt.Sprintf("all %d inputs", n)
}

func inputsOf(cs []Comparison) (names []string) {
	for _, c := range cs {
		names = append(names, c.Input)
	}
	return names
}

// basis names the statistic, the interval, n and the test.
func basis(v Verdict) string {
	held := v.held()
	if len(held) == 0 {
		return "no input on which both have a median " + v.Metric
	}
	n := func(of func(Comparison) int) string {
		low, high := of(held[0]), of(held[0])
		for _, c := range held {
			low, high = min(low, of(c)), max(high, of(c))
		}
		if low == high {
			return fmt.Sprint(low)
		}
		return fmt.Sprintf("%d–%d", low, high)
	}
	interval := intervalHead
	switch {
	case len(held) < len(v.Comparisons) && len(held) > 1:
		interval = fmt.Sprintf("the %ss of %d inputs", intervalHead, len(held))
	case len(held) > 1:
		interval = "the " + intervalHead + "s of all inputs"
	}
	text := fmt.Sprintf("ratio of median %s, %s, n = %s and %s", v.Metric, interval,
		n(func(c Comparison) int { return c.First.N }), n(func(c Comparison) int { return c.Other.N }))
	p := 0.0
	for _, c := range held {
		if c.P == nil {
			return text
		}
		p = max(p, *c.P)
	}
	text += "; Mann–Whitney, "
	switch k := len(held); {
	case p < 0.001:
		text += "p < 0.001"
	case k > 1:
		text += fmt.Sprintf("p ≤ %.3f", math.Ceil(p*1000)/1000)
	default:
		text += fmt.Sprintf("p = %.3f", p)
	}
	switch k := len(held); {
	case v.each && len(held) < len(v.Comparisons):
		text += fmt.Sprintf(" on each of the %d", len(held))
	case v.each:
		text += " on each input"
	case k > 1:
		text += fmt.Sprintf(", Holm over %d inputs", k)
	}
	return text
}
