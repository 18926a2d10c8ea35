package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// Course is what became of a cell from one run to another.
type Course string

// The courses. Less is better: every metric is a time.
const (
	Better Course = "better"
	Worse  Course = "worse"
	Same   Course = "same"
	Unsure Course = "unsure"
)

// Courses lists them, what matters first.
var Courses = []Course{Worse, Unsure, Better, Same}

// Changes is one run held against an older one.
type Changes struct {
	Old         Compared      `json:"old"`
	New         Compared      `json:"new"`
	Margin      float64       `json:"margin"`
	Environment []Environment `json:"environment"`
	// Apart are cells that can't be compared, and Troubled those of whose
	// trials some do not count.
	Apart    []Apart  `json:"apart"`
	Troubled []Apart  `json:"troubled"`
	Cells    []Change `json:"cells"` // each metric of each cell that both runs have
	// Confirmed is the run that repeated what was worse, where there was one.
	Confirmed *Compared `json:"confirmed_by,omitempty"`
}

// Compared names a run.
type Compared struct {
	Run        string        `json:"run"`
	Experiment string        `json:"experiment"`
	Started    time.Time     `json:"started"`
	State      results.State `json:"state"`
	Missing    int           `json:"missing,omitempty"` // trials that never came
	// Disturbed is what disturbed the run's machine for a while, as it found.
	Disturbed []results.Disturbance `json:"disturbed,omitempty"`
}

// Environment is something that the runs do not share.
type Environment struct {
	results.Difference
	// Invalid says, in words, why the runs are likely not comparable; empty
	// where the difference may only explain a change.
	Invalid string `json:"invalid,omitempty"`
}

// Apart is a cell and what is the matter with it.
type Apart struct {
	experiment.Cell
	Why string `json:"why"`
	// Broken: it worked in the old run, and in the new one no trial did.
	Broken bool `json:"broken,omitempty"`
}

// Change is how one metric of one cell has changed. Ratio is new over old; in
// JSON it is also called change, which is what low and high enclose.
type Change struct {
	experiment.Cell
	Metric string   `json:"metric"`
	Old    Metric   `json:"old"`
	New    Metric   `json:"new"`
	Ratio  *float64 `json:"ratio"` // null where a median is not above zero
	Change *float64 `json:"change"`
	Low    *float64 `json:"low"` // null where there is no interval
	High   *float64 `json:"high"`
	P      *float64 `json:"p"` // Mann and Whitney's, by Holm over all of Cells
	// Shift is Hodges and Lehmann's, and Delta Cliff's: in how many pairs the
	// new run is slower, less in how many it is quicker.
	ShiftNS *int64   `json:"shift_ns"`
	Delta   *float64 `json:"delta"`
	Course  Course   `json:"verdict"`
	Need    int      `json:"trials_needed,omitempty"`
	Chance  bool     `json:"chance,omitempty"`
	Why     string   `json:"why,omitempty"` // there is no interval
	// Detectable is the least change that so many trials, with such a spread,
	// would find in 4 of 5 cases; null where there is no interval.
	Detectable *float64 `json:"detectable"`
	// Unconfirmed: it was worse, and when it ran again it was not.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
	// Disturbed is what disturbed the machine in either run; null: nothing
	// that they found.
	Disturbed *string `json:"disturbed"`

	disturbed []string // the checks that took the verdict back
}

// CompareOptions choose what is compared; the zero value compares startup and
// runtime of every cell at the usual margin.
type CompareOptions struct {
	Metrics []string
	Only    []string // patterns of cells
	Margin  *float64 // nil: stats.DefaultMargin
}

// Compare holds a run against an older one. It needs their folders and
// nothing else. An error is about reading them.
func Compare(old, new *results.Folder, o CompareOptions) (*Changes, error) {
	a, err := gather(old)
	if err != nil {
		return nil, err
	}
	b, err := gather(new)
	if err != nil {
		return nil, err
	}
	c := &Changes{Old: compared(a), New: compared(b), Margin: stats.DefaultMargin,
		Environment: []Environment{}, Apart: []Apart{}, Troubled: []Apart{}, Cells: []Change{}}
	if o.Margin != nil {
		c.Margin = *o.Margin
	}
	if len(o.Metrics) == 0 {
		o.Metrics = followed
	}
	if c.Environment, err = environments(old, new); err != nil {
		return nil, err
	}
	c.pair(a, b, o)
	return c, nil
}

func compared(s *Summary) Compared {
	return Compared{
		Run: s.Run, Experiment: s.Experiment, Started: s.Started, State: s.State, Missing: s.Trials.Missing, Disturbed: s.run.Disturbances(),
	}
}

// pair compares the cells of two runs, in the order of the new one.
func (c *Changes) pair(a, b *Summary, o CompareOptions) {
	wanted := func(x Cell) bool {
		return len(o.Only) == 0 || slices.ContainsFunc(o.Only, func(p string) bool { return experiment.Match(p, x.String()) })
	}
	older := map[experiment.Cell]*Cell{}
	for i := range a.Cells {
		if x := &a.Cells[i]; wanted(*x) {
			older[x.Cell] = x
		}
	}
	var all []stats.Comparison
	newer := map[experiment.Cell]bool{}
	for i := range b.Cells {
		y := &b.Cells[i]
		if !wanted(*y) {
			continue
		}
		newer[y.Cell] = true
		x := older[y.Cell]
		if x != nil && x.LeftOut != "" && y.LeftOut != "" {
			continue // in neither
		}
		if why, broken := notComparable(x, y); why != "" {
			c.Apart = append(c.Apart, Apart{y.Cell, why, broken})
			continue
		}
		if why := trouble(x, y); why != "" {
			c.Troubled = append(c.Troubled, Apart{Cell: y.Cell, Why: why})
		}
		for _, m := range o.Metrics {
			if x.Metrics[m].N == 0 && y.Metrics[m].N == 0 {
				continue
			}
			if x.Metrics[m].N == 0 || y.Metrics[m].N == 0 {
				c.Troubled = append(c.Troubled, Apart{Cell: y.Cell, Why: "only one run has its " + m})
				continue
			}
			all = append(all, stats.Compare(x.samples[m], y.samples[m]))
			c.Cells = append(c.Cells, change(m, x, y, all[len(all)-1], c.Margin))
		}
	}
	for i := range a.Cells {
		if x := &a.Cells[i]; x.LeftOut == "" && older[x.Cell] != nil && !newer[x.Cell] {
			c.Apart = append(c.Apart, Apart{Cell: x.Cell, Why: "only the old run has it"})
		}
	}
	for i, v := range stats.JudgeAll(all, c.Margin) {
		c.Cells[i].judge(v)
	}
	c.disturb()
}

// notComparable says why two cells have nothing to compare; empty where they
// have. Either may be missing.
func notComparable(x, y *Cell) (why string, broken bool) {
	switch {
	case x == nil:
		if y.LeftOut != "" {
			return "neither run has it: " + firstLine(y.LeftOut), false
		}
		return "only the new run has it", false
	case y.LeftOut != "":
		return "only the old run has it; the new one left it out: " + firstLine(y.LeftOut), false
	case x.LeftOut != "":
		return "only the new run has it; the old one left it out: " + firstLine(x.LeftOut), false
	case y.N == 0 && x.N > 0 && total(y.Outcomes)-y.Outcomes[experiment.Interrupted] > 0:
		return "it worked in the old run, and in the new one no trial did: " + bad(*y), true
	case x.N == 0 && y.N == 0:
		return "no trial counts in either run: " + untried(x) + ", then " + untried(y), false
	case y.N == 0:
		return "no trial counts in the new run: " + untried(y), false
	case x.N == 0:
		return "no trial counts in the old run: " + untried(x), false
	}
	return "", false
}

func untried(c *Cell) string {
	if total(c.Outcomes) == 0 {
		return "it was not reached"
	}
	return bad(*c)
}

// trouble tells of trials that did not count.
func trouble(x, y *Cell) string {
	var parts []string
	for _, side := range []struct {
		run string
		c   *Cell
	}{{"old", x}, {"new", y}} {
		if n := total(side.c.Outcomes) - side.c.N; n > 0 {
			parts = append(parts, fmt.Sprintf("%d of %d in the %s run do not count: %s", n, total(side.c.Outcomes), side.run, bad(*side.c)))
		}
	}
	return strings.Join(parts, "; ")
}

func change(metric string, x, y *Cell, all stats.Comparison, margin float64) Change {
	r := all.Ratio
	c := Change{Cell: y.Cell, Metric: metric, Old: x.Metrics[metric], New: y.Metrics[metric]}
	if !math.IsNaN(r.Value) {
		c.Ratio, c.Change = &r.Value, &r.Value
	}
	if r.Bounded {
		c.Low, c.High = &r.Low, &r.High
	}
	for _, w := range r.Warnings {
		c.Why = w.Text
	}
	if v := all.Shift.Value; !math.IsNaN(v) {
		shift := round(v)
		c.ShiftNS = &shift
	}
	if v := all.Delta.Value; !math.IsNaN(v) {
		c.Delta = &v
	}
	spread := stats.Summarise(x.samples[metric]).Spread()
	if d := stats.Detectable(spread, r.NA, r.NB, margin); !math.IsNaN(d) && !math.IsInf(d, 0) {
		c.Detectable = &d
	}
	return c
}

func (c *Change) judge(v stats.Judged) {
	c.Need, c.Chance = v.Need, v.Chance
	if !math.IsNaN(v.P) {
		c.P = &v.P
	}
	switch {
	case v.State == stats.Same:
		c.Course = Same
	case v.State == stats.Unsure:
		c.Course = Unsure
	case *c.Ratio > 1:
		c.Course = Worse
	default:
		c.Course = Better
	}
}

// Count gives how many metrics of cells took a course. Of cells that broke,
// each counts as one that is worse.
func (c *Changes) Count(course Course) int {
	n := 0
	for _, x := range c.Cells {
		if x.Course == course {
			n++
		}
	}
	if course == Worse {
		for _, x := range c.Apart {
			if x.Broken {
				n++
			}
		}
	}
	return n
}

// Comparable reports whether there was anything to compare.
func (c *Changes) Comparable() bool { return len(c.Cells) > 0 || c.Count(Worse) > 0 }

// Open reports whether something is not known: a metric that is unsure, or a
// cell that only one of the runs has.
func (c *Changes) Open() bool {
	return c.Count(Unsure) > 0 || slices.ContainsFunc(c.Apart, func(x Apart) bool { return !x.Broken })
}

// Worse gives the cells to run again before anybody is woken.
func (c *Changes) Worse() (cells []experiment.Cell) {
	add := func(x experiment.Cell) {
		if !slices.Contains(cells, x) {
			cells = append(cells, x)
		}
	}
	for _, x := range c.Cells {
		if x.Course == Worse {
			add(x.Cell)
		}
	}
	for _, x := range c.Apart {
		if x.Broken {
			add(x.Cell)
		}
	}
	return cells
}

// Confirm takes the comparison of the same old run with one that repeated the
// cells that were worse. What is not worse again becomes unsure; where the
// machine was disturbed meanwhile, for that reason.
func (c *Changes) Confirm(again *Changes) {
	c.Confirmed = &again.New
	found := c.disturbances()
	for i := range c.Cells {
		x := &c.Cells[i]
		if x.Course != Worse {
			continue
		}
		j := slices.IndexFunc(again.Cells, func(y Change) bool { return y.Cell == x.Cell && y.Metric == x.Metric })
		switch {
		case j >= 0 && again.Cells[j].Course == Worse:
		case j >= 0 && again.Cells[j].disturbed != nil:
			x.Course, x.disturbed, x.Disturbed = Unsure, again.Cells[j].disturbed, &found
		default:
			x.Course, x.Unconfirmed = Unsure, true
		}
	}
	for i := range c.Apart {
		x := &c.Apart[i]
		if !x.Broken {
			continue
		}
		if !slices.ContainsFunc(again.Apart, func(y Apart) bool { return y.Cell == x.Cell && y.Broken }) {
			x.Broken = false
			x.Why += "; when it ran again, it worked"
		}
	}
}

// likelyInvalid are the facts without which two runs are hardly comparable,
// in words.
var likelyInvalid = map[string]string{
	"host.cpu":        "different processor",
	"host.cores":      "different number of processors",
	"host.governor":   "different CPU governor",
	"host.hypervisor": "different hypervisor",
	"host.os":         "different operating system",
}

// noCause are facts that differ whenever a run is asked for in another way, or
// from another folder, and that touch no cell's numbers.
var noCause = []string{
	"asked.", "resolved.Name", "resolved.Description", "resolved.File", "resolved.Matrix.", "resolved.Run.Repetitions", "resolved.Run.Seed",
	"resolved.Run.Warmup", "resolved.Run.Until.", "resolved.Thresholds.", "resolved.References.", "resolved.Variables.", "variables.",
}

// environments lists what differs between two runs, what makes them
// incomparable first. What belongs to a function, an input or a backend that
// only one of them has explains nothing: its cells are named elsewhere.
func environments(old, new *results.Folder) ([]Environment, error) {
	ds, err := results.Differences(&old.Run, &new.Run)
	if err != nil {
		return nil, err
	}
	alone := onlyOneHas(&old.Plan, &new.Plan)
	out := []Environment{}
	for _, d := range ds {
		begins := func(prefix string) bool {
			return d.What == strings.TrimSuffix(prefix, ".") || strings.HasPrefix(d.What, prefix)
		}
		if slices.ContainsFunc(noCause, begins) || slices.ContainsFunc(alone, begins) {
			continue
		}
		e := Environment{Difference: d, Invalid: likelyInvalid[d.What]}
		switch {
		case begins("host.facts."):
			e.Invalid = "different " + strings.ReplaceAll(strings.TrimPrefix(d.What, "host.facts."), "_", " ")
		case begins("resolved.Functions."):
			if !strings.Contains(d.What, ".Inputs.") {
				continue // where it lay; what it was made of, its artefact tells
			}
			e.Invalid = "different input or expected answer"
		case begins("backends.") && strings.Contains(d.What, ".options."):
			e.Invalid = "different settings of a backend"
		case begins("resolved.Backends."), d.What == "host.memory_bytes" && !d.Obstacle():
			continue // as above, and the little that each boot takes
		case begins("artifacts.") && !strings.HasSuffix(d.What, ".digest") && !strings.HasSuffix(d.What, ".toolchain"):
			continue // follows from these
		}
		out = append(out, e)
	}
	out = append(out, disturbedIn(old, new)...)
	rank := func(e Environment) int {
		switch {
		case e.Invalid != "":
			return 0
		case strings.HasPrefix(e.What, disturbedPrefix):
			return 1 // no list is so long that it is cut off
		}
		return 2
	}
	slices.SortStableFunc(out, func(x, y Environment) int { return rank(x) - rank(y) })
	return out, nil
}

// onlyOneHas gives the beginnings of the names of facts that belong to what one
// of two plans lacks.
func onlyOneHas(a, b *experiment.Plan) (prefixes []string) {
	owned := func(p *experiment.Plan) map[string]bool {
		out := map[string]bool{}
		for _, c := range p.Cells {
			out["backends."+c.Backend+"."] = true
			out["artifacts."+c.Backend+"."] = true
			out["artifacts."+c.Backend+"."+c.Function+"."] = true
			out["resolved.Functions."+c.Function+"."] = true
			out["resolved.Functions."+c.Function+".Inputs."+c.Input+"."] = true
		}
		return out
	}
	of, other := owned(a), owned(b)
	for x := range of {
		if !other[x] {
			prefixes = append(prefixes, x)
		}
	}
	for x := range other {
		if !of[x] {
			prefixes = append(prefixes, x)
		}
	}
	return prefixes
}
