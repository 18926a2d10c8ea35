package reports

import (
	"math"
	"slices"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/words"
)

// Summary is what a stored run says: the pages, the text and the JSON of
// nebula show are made from it.
type Summary struct {
	Run        string        `json:"run"`
	Experiment string        `json:"experiment"`
	Title      string        `json:"description,omitempty"`
	State      results.State `json:"state"`
	Started    time.Time     `json:"started"`
	Ended      *time.Time    `json:"ended,omitempty"`
	Trials     Trials        `json:"trials"`
	Verdicts   []Verdict     `json:"verdicts"`
	Crossovers []Crossover   `json:"crossovers,omitempty"` // where inputs have sizes
	Controls   []Control     `json:"controls,omitempty"`
	Thresholds []Checked     `json:"thresholds,omitempty"` // those that speak of a cell that was asked for
	Caveats    []Caveat      `json:"caveats"`
	// Cells are those of the plan in its order, then those that it left out.
	Cells   []Cell               `json:"cells"`
	LeftOut []experiment.LeftOut `json:"left_out"`

	run            results.Run
	plan           experiment.Plan
	blocks         []results.Block
	windowsMissing int // of energy

	every int // the samples in run order hold each block whose number it divides
}

// Trials counts a run's trials, warm-ups included.
type Trials struct {
	Planned int `json:"planned"` // without those of cells that stopped earlier
	Ended   int `json:"ended"`
	Missing int `json:"missing"`
	Bad     int `json:"bad"` // whose outcome is not ok
	// Repeated counts attempts that the engine failed, and that were made again.
	Repeated int `json:"repeated,omitempty"`
}

// Cell is the summary of one cell.
type Cell struct {
	experiment.Cell
	N        int                        `json:"n"` // trials that count
	Outcomes map[experiment.Outcome]int `json:"outcomes"`
	Warmups  map[experiment.Outcome]int `json:"warmups,omitempty"`
	// Errors holds the first message of each outcome, LastWords the end of
	// what the function wrote to standard error in the first trial of each
	// that wrote anything.
	Errors       map[experiment.Outcome]string `json:"errors,omitempty"`
	LastWords    map[experiment.Outcome]string `json:"last_words,omitempty"`
	ReadySources map[string]int                `json:"ready_sources,omitempty"`
	Metrics      map[string]Metric             `json:"metrics"`
	Phases       []Phase                       `json:"phases,omitempty"`
	// CPUNS and PeakMemory are medians of what trials took, and absent where
	// that was not measured.
	CPUNS      int64 `json:"cpu_median_ns,omitempty"`
	PeakMemory int64 `json:"peak_memory_median_bytes,omitempty"`
	// Stop says why the cell has no more trials, where the run had a rule.
	Stop *results.Stop `json:"stop,omitempty"`
	// Warnings say what makes the cell's startup samples less than they seem:
	// drift, two humps, samples that depend on each other.
	Warnings []stats.Warning `json:"warnings,omitempty"`
	// LeftOut says why the plan does not hold the cell. Where the plan does
	// not tell which inputs it left out, one cell without an input stands
	// for them all.
	LeftOut string `json:"left_out,omitempty"`
	// Energy is absent where the run asked for none.
	Energy *CellEnergy `json:"energy,omitempty"`

	index   int                  // in the plan
	samples map[string][]float64 // by metric, sorted
	inOrder []sample             // startup, thinned
	drift   [2]float64           // median startup in the first and the second half of the run
}

// Metric is the median of a span with its interval.
type Metric struct {
	N        int   `json:"n"`
	MedianNS int64 `json:"median_ns"`
	// LowNS and HighNS are null where the trials are too few for an interval.
	LowNS  *int64 `json:"low_ns"`
	HighNS *int64 `json:"high_ns"`
	Q1NS   int64  `json:"q1_ns"`
	Q3NS   int64  `json:"q3_ns"`
	MinNS  int64  `json:"min_ns"`
	MaxNS  int64  `json:"max_ns"`
}

// Phase is the median of a phase over the trials that have it.
type Phase struct {
	Name     string `json:"name"`
	N        int    `json:"n"`
	MedianNS int64  `json:"median_ns"`
}

type sample struct {
	trial int
	ns    int64
}

// Summarise reads a run's records once, keeping numbers only.
func Summarise(f *results.Folder) (*Summary, error) {
	s, err := gather(f)
	if err != nil {
		return nil, err
	}
	s.Verdicts = verdicts(slices.DeleteFunc(slices.Clone(s.ran()), func(c Cell) bool {
		return s.run.Backends[c.Backend].ControlOf != ""
	}))
	s.Crossovers = crossovers(s)
	s.Controls = controls(s)
	s.Caveats = append(controlCaveats(s.Controls), s.Caveats...)
	return s, nil
}

// gather is Summarise without the verdicts, which cost more than the rest.
func gather(f *results.Folder) (*Summary, error) {
	s := &Summary{
		Run: f.Run.ID, Experiment: f.Run.Experiment, Title: f.Run.Title, State: f.Run.State,
		Started: f.Run.Started, Ended: f.Run.Ended, LeftOut: f.Plan.LeftOut, run: f.Run, plan: f.Plan,
	}
	if s.LeftOut == nil {
		s.LeftOut = []experiment.LeftOut{}
	}
	s.every = 1 + len(f.Plan.Cells)*f.Plan.Repetitions/shownInOrder
	r := newReading(&f.Plan, s.every)
	for t, err := range f.Trials() {
		if err != nil {
			return nil, err
		}
		r.add(t)
	}
	r.cutShort()
	stops, err := f.Stops()
	if err != nil {
		return nil, err
	}
	planned := results.Planned(&f.Plan, stops)
	s.Trials = Trials{Planned: planned, Ended: r.ended, Missing: planned - r.ended, Bad: r.bad, Repeated: r.repeated}
	s.Cells = r.cells()
	for _, stop := range stops {
		if i, ok := r.index[stop.Cell]; ok {
			s.Cells[i].Stop = &stop
		}
	}
	if err := gatherEnergy(s, f); err != nil {
		return nil, err
	}
	for b, err := range f.Blocks() {
		if err != nil {
			return nil, err
		}
		s.blocks = append(s.blocks, *b)
	}
	s.Caveats = caveats(s, r)
	s.Cells = append(s.Cells, leftOutCells(&f.Plan)...)
	s.Thresholds = checked(s)
	return s, nil
}

// ran gives the cells that the plan holds.
func (s *Summary) ran() []Cell { return s.Cells[:len(s.plan.Cells)] }

// reading gathers what the records say.
type reading struct {
	plan    *experiment.Plan
	every   int
	index   map[experiment.Cell]int
	raw     []raw
	answers map[[2]string]map[string]*answer // by function and input, by backend
	seen    []bool                           // by trial number
	ended   int
	bad     int
	strange int // records of cells or trials that the plan does not hold

	repeated      int
	repeatedError string
	repeatedWords string
	repeatedOn    []string               // backends
	cut           map[int]*results.Trial // by number: interrupted, and not run again so far
}

type raw struct {
	cell    Cell
	metrics [][]float64
	phases  [][]float64
	cpu     []float64
	memory  []float64
	startup []float64 // of every trial that counts, in the order of the run
}

// answer is what a backend answered to an input: the digest of its first
// answer, and whether another came later. Keeping them all would let a
// function that answers the time of day fill the memory.
type answer struct {
	first  string
	varied bool
}

func newReading(plan *experiment.Plan, every int) *reading {
	r := &reading{
		plan: plan, every: every, index: map[experiment.Cell]int{},
		answers: map[[2]string]map[string]*answer{}, seen: make([]bool, plan.Len()),
		cut: map[int]*results.Trial{},
	}
	for i, c := range plan.Cells {
		r.index[c] = i
		r.raw = append(r.raw, raw{
			cell:    Cell{Cell: c, index: i, Outcomes: map[experiment.Outcome]int{}},
			metrics: make([][]float64, len(experiment.Metrics)),
			phases:  make([][]float64, len(experiment.Phases)),
		})
	}
	return r
}

func (r *reading) add(t *results.Trial) {
	i, ok := r.index[t.Cell()]
	if !ok || t.Trial > len(r.seen) {
		r.strange++
		return
	}
	if t.Again {
		r.repeated++
		if r.repeatedError == "" {
			r.repeatedError = words.Ends(t.Error, mostError)
		}
		if r.repeatedWords == "" {
			r.repeatedWords = words.Last(t.Stderr, mostWords)
		}
		if !slices.Contains(r.repeatedOn, t.Backend) {
			r.repeatedOn = append(r.repeatedOn, t.Backend)
		}
		return
	}
	if t.Outcome == experiment.Interrupted {
		r.cut[t.Trial] = t
		return
	}
	delete(r.cut, t.Trial)
	if !r.seen[t.Trial-1] {
		r.seen[t.Trial-1] = true
		r.ended++
	}
	r.count(i, t)
}

// cutShort counts the trials that the user cut short and that were not run
// again by a session after.
func (r *reading) cutShort() {
	for _, t := range r.cut {
		r.count(r.index[t.Cell()], t)
	}
}

// count takes a record that stands for its trial.
func (r *reading) count(i int, t *results.Trial) {
	c := &r.raw[i]
	if t.Outcome != experiment.OK {
		r.bad++
		first(&c.cell.Errors, t.Outcome, words.Ends(t.Error, mostError))
		first(&c.cell.LastWords, t.Outcome, words.Last(t.Stderr, mostWords))
	}
	if t.Warmup {
		if c.cell.Warmups == nil {
			c.cell.Warmups = map[experiment.Outcome]int{}
		}
		c.cell.Warmups[t.Outcome]++
	} else {
		c.cell.Outcomes[t.Outcome]++
	}
	if !t.Counts() {
		return
	}
	r.answer(t)
	c.cell.N++
	if t.ReadySource != "" {
		if c.cell.ReadySources == nil {
			c.cell.ReadySources = map[string]int{}
		}
		c.cell.ReadySources[t.ReadySource]++
	}
	if t.CPU > 0 {
		c.cpu = append(c.cpu, float64(t.CPU))
	}
	if t.PeakMemory > 0 {
		c.memory = append(c.memory, float64(t.PeakMemory))
	}
	for m, span := range experiment.Metrics {
		if ns, ok := t.At.Metric(span); ok {
			r.keep(&c.metrics[m], ns)
		}
	}
	for p, ns := range t.At.Phases() {
		if ns >= 0 {
			r.keep(&c.phases[p], ns)
		}
	}
	if ns, ok := t.At.Metric(experiment.Metrics[0]); ok {
		r.keep(&c.startup, ns)
		if t.Block%r.every == 0 {
			c.cell.inOrder = append(c.cell.inOrder, sample{t.Trial, ns})
		}
	}
}

// mostError and mostWords are how many characters a summary keeps of a message
// and of a function's last words. The record has all.
const (
	mostError = 400
	mostWords = 2000
)

// first keeps the first text of each outcome.
func first(of *map[experiment.Outcome]string, o experiment.Outcome, text string) {
	if text == "" || (*of)[o] != "" {
		return
	}
	if *of == nil {
		*of = map[experiment.Outcome]string{}
	}
	(*of)[o] = text
}

// keep adds a number to a list that will hold as many as there are trials of
// a cell: growing step by step would take twice the memory.
func (r *reading) keep(to *[]float64, ns int64) {
	if *to == nil {
		*to = make([]float64, 0, min(r.plan.Repetitions, maxAhead))
	}
	*to = append(*to, float64(ns))
}

// maxAhead is how many numbers are given room before they come. A plan may
// promise more trials than will ever be.
const maxAhead = 1 << 16

func (r *reading) answer(t *results.Trial) {
	if t.Answer == "" {
		return
	}
	key := [2]string{t.Function, t.Input}
	if r.answers[key] == nil {
		r.answers[key] = map[string]*answer{}
	}
	a := r.answers[key][t.Backend]
	if a == nil {
		a = &answer{first: t.Answer}
		r.answers[key][t.Backend] = a
	}
	a.varied = a.varied || a.first != t.Answer
}

func (r *reading) cells() []Cell {
	cells := make([]Cell, 0, len(r.raw))
	for _, x := range r.raw {
		c := x.cell
		c.Metrics, c.samples = map[string]Metric{}, map[string][]float64{}
		for m, span := range experiment.Metrics {
			if xs := x.metrics[m]; len(xs) > 0 {
				slices.Sort(xs)
				c.Metrics[span.Name], c.samples[span.Name] = metric(xs), xs
			}
		}
		for p, span := range experiment.Phases {
			if xs := x.phases[p]; len(xs) > 0 {
				c.Phases = append(c.Phases, Phase{span.Name, len(xs), round(stats.Summarise(xs).Value)})
			}
		}
		if len(x.cpu) > 0 {
			c.CPUNS = round(stats.Summarise(x.cpu).Value)
		}
		if len(x.memory) > 0 {
			c.PeakMemory = round(stats.Summarise(x.memory).Value)
		}
		c.drift, c.Warnings = halves(x.startup), stats.Inspect(x.startup)
		cells = append(cells, c)
	}
	return cells
}

func metric(xs []float64) Metric {
	s := stats.Summarise(xs)
	m := Metric{
		N: s.N, MedianNS: round(s.Value), Q1NS: round(s.Q1), Q3NS: round(s.Q3),
		MinNS: round(s.Min), MaxNS: round(s.Max),
	}
	if s.Bounded {
		low, high := round(s.Low), round(s.High)
		m.LowNS, m.HighNS = &low, &high
	}
	return m
}

func round(ns float64) int64 { return int64(math.Round(ns)) }

// halves gives the medians of the first and the second half of a cell's
// trials: far apart, they tell of a machine that changed during the run.
func halves(in []float64) [2]float64 {
	n := len(in) / 2
	return [2]float64{stats.Summarise(in[:n]).Value, stats.Summarise(in[n:]).Value}
}

// leftOutCells makes cells of what the plan left out. The plan counts the
// inputs that a line concerns; where that is all of a function's inputs,
// they are named.
func leftOutCells(p *experiment.Plan) (cells []Cell) {
	inputs := map[string][]string{}
	for _, c := range p.Cells {
		if !slices.Contains(inputs[c.Function], c.Input) {
			inputs[c.Function] = append(inputs[c.Function], c.Input)
		}
	}
	for _, l := range p.LeftOut {
		names := inputs[l.Function]
		if len(names) != l.Cells {
			names = []string{""}
		}
		for _, in := range names {
			cells = append(cells, Cell{
				Cell:     experiment.Cell{Function: l.Function, Input: in, Backend: l.Backend, Start: l.Start},
				Outcomes: map[experiment.Outcome]int{}, Metrics: map[string]Metric{}, LeftOut: l.Reason,
			})
		}
	}
	return cells
}
