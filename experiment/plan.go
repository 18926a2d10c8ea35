package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/bits"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
)

// Plan is the exact list of trials in order. The list itself is not held in
// memory: it follows from the cells, the order and the seed, so a plan of
// many million trials stays small.
type Plan struct {
	Experiment  string    `json:"experiment"`
	Hash        string    `json:"hash"`
	Seed        uint64    `json:"seed"`
	Order       Order     `json:"order"`
	Repetitions int       `json:"repetitions"`
	Warmup      int       `json:"warmup"`
	TimeoutNS   int64     `json:"timeout_ns"`
	PauseNS     int64     `json:"pause_ns,omitempty"` // before each trial
	Until       *Until    `json:"until,omitempty"`
	Energy      *Energy   `json:"energy,omitempty"` // nil: nobody asked for it
	Cells       []Cell    `json:"cells"`
	LeftOut     []LeftOut `json:"left_out"`
}

// LeftOut says which cells the plan does not hold, and why.
type LeftOut struct {
	Function string `json:"function"`
	Backend  string `json:"backend"`
	Start    Start  `json:"start"`
	Cells    int    `json:"cells"` // how many inputs it concerns
	Reason   string `json:"reason"`
	// Chosen is true where the experiment itself left the cells out, false
	// where this machine or a backend could not run them.
	Chosen bool `json:"chosen"`
	// Fault is true where the function is to blame, which could not be built
	// or is nothing that the backend runs.
	Fault bool `json:"fault,omitempty"`
	// Nature is true where nothing that one installs could run the cells: the
	// backend does not have such a start, or does not run such a function.
	Nature bool `json:"by_nature,omitempty"`
	// Unasked is true where the file names no starts, and the function was found
	// not to have this one: nothing that was asked for is missing.
	Unasked bool `json:"unasked,omitempty"`
}

// Trial is one line of the plan: one repetition of a cell.
type Trial struct {
	Trial  int  `json:"trial"` // counts from 1
	Block  int  `json:"block"` // counts from 1
	Warmup bool `json:"warmup,omitempty"`
	Cell   int  `json:"cell"` // index into the plan's cells
}

// Lacks says what keeps a function from running on a backend from a start;
// the zero Lack says that nothing does.
type Lacks func(Function, Backend, Start) Lack

// Lack is why a cell cannot run.
type Lack struct {
	Reason  string
	Machine bool // it is this machine's: elsewhere the cell could run
	Fault   bool // it is the function's: the cell was meant to run
	Tried   bool // trying the function showed that it does not have the start
}

// nature reports whether nothing that one installs could run the cell.
func (l Lack) nature() bool { return l.Reason != "" && !l.Machine && !l.Fault }

// NewPlan crosses functions, inputs, backends and starts, leaves out what
// the matrix, the only patterns or lacks take away, and fixes the order.
// Only patterns match Cell.String; none keeps everything.
func NewPlan(x *Experiment, only []string, lacks Lacks) (*Plan, error) {
	p := &Plan{
		Experiment: x.Name, Seed: x.Run.Seed, Order: x.Run.Order,
		Repetitions: x.Run.Repetitions, Warmup: x.Run.Warmup, TimeoutNS: x.Run.Timeout.Nanoseconds(),
		PauseNS: x.Run.Pause.Nanoseconds(), Until: x.Run.Until,
		Cells: []Cell{}, LeftOut: []LeftOut{},
	}
	if x.Energy.Source != NoSource && x.Energy.Windows > 0 {
		energy := x.Energy
		p.Energy = &energy
	}
	leftOut := map[LeftOut]int{} // with Cells 0 → index into p.LeftOut
	drop := func(c Cell, reason string, chosen, asked bool, lack Lack) {
		key := LeftOut{
			Function: c.Function, Backend: c.Backend, Start: c.Start, Reason: reason, Chosen: chosen,
			Fault: lack.Fault && !chosen, Nature: lack.nature() && !chosen, Unasked: lack.Tried && !asked && !chosen,
		}
		i, ok := leftOut[key]
		if !ok {
			i = len(p.LeftOut)
			leftOut[key] = i
			p.LeftOut = append(p.LeftOut, key)
		}
		p.LeftOut[i].Cells++
	}
	for _, f := range x.Functions {
		for _, b := range x.Backends {
			starts := b.Starts
			if len(starts) == 0 {
				// Nothing was asked for by name, so nothing is said of what
				// the backend does not have anywhere.
				starts = slices.DeleteFunc(slices.Clone(Starts), func(s Start) bool {
					l := lacks(f, b, s)
					return l.nature() && !l.Tried
				})
				if len(starts) == 0 {
					starts = []Start{Cold} // carries the reason
				}
			}
			for _, s := range starts {
				lack := lacks(f, b, s)
				for _, in := range f.Inputs {
					c := Cell{f.Name, in.Name, b.Name(), s}
					reason, chosen := x.Matrix.reason(c), true
					if reason == "" && len(only) > 0 && !matchesOne(only, c.String()) {
						reason = "not asked for by --only"
					}
					if reason == "" && lack.Reason != "" {
						reason, chosen = lack.Reason, false
					}
					if reason != "" {
						drop(c, reason, chosen, len(b.Starts) > 0, lack)
						continue
					}
					p.Cells = append(p.Cells, c)
				}
			}
		}
	}
	if err := p.bounded(x.Run.Where); err != nil {
		return nil, err
	}
	var err error
	p.Hash, err = p.hash(x)
	return p, err
}

// MaxTrials is the most trials that a plan may have. Each is a line of
// plan.json and a record of some hundred bytes; at a millisecond each, so many
// take three hours.
const MaxTrials = 10_000_000

// bounded refuses a plan whose trials nobody would live to see. where is what
// says how many there are of each cell.
func (p *Plan) bounded(where string) error {
	each := int64(p.Warmup) + int64(p.Repetitions)
	n := int64(len(p.Cells)) * each
	if n <= MaxTrials {
		return nil
	}
	if where != "" {
		where = " (" + where + ")"
	}
	return fmt.Errorf("%d cells × %d (%d warm-up, %d counted) are %d trials, and a plan has at most %d: each is a line of plan.json and a record. "+
		"Lower the repetitions%s, or narrow the cells with the matrix or --only", len(p.Cells), each, p.Warmup, p.Repetitions, n, MaxTrials, where)
}

func (m Matrix) reason(c Cell) string {
	if len(m.Include) > 0 && !slices.ContainsFunc(m.Include, func(r Rule) bool { return r.Matches(c) }) {
		return "no include of the matrix names it"
	}
	for _, r := range m.Exclude {
		if r.Matches(c) {
			return "excluded at " + r.Where
		}
	}
	return ""
}

// hash covers everything that decides what a run does: what functions get
// and must answer, the settings of the backends, the cells and their order.
func (p *Plan) hash(x *Experiment) (string, error) {
	type function struct {
		Name, Source, Language, Image string
		Inputs                        []Input
		Mounted                       map[string]string `json:",omitempty"`
		BuildArgs                     map[string]string `json:",omitempty"`
	}
	type backend struct {
		Name    string
		Options any
	}
	in := struct {
		Functions []function
		Backends  []backend
		Plan      *Plan
	}{}
	// Why a cell can't run decides nothing; older plans do not say it.
	plan := *p
	plan.LeftOut = slices.Clone(p.LeftOut)
	for i := range plan.LeftOut {
		plan.LeftOut[i].Nature, plan.LeftOut[i].Unasked = false, false
	}
	in.Plan = &plan
	known := digests{}
	for _, f := range x.Functions {
		in.Functions = append(in.Functions, function{f.Name, f.Source, f.Language, f.Image, known.briefly(f.Inputs), f.portableMounts(), f.BuildArgs})
	}
	for _, b := range x.Backends {
		in.Backends = append(in.Backends, backend{b.Name(), b.Options})
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(in); err != nil {
		return "", fmt.Errorf("hash the plan: %w", err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// portableMounts are the function's mounts as they are called on every machine:
// a folder that the file names by an absolute path has no such name.
func (f Function) portableMounts() map[string]string {
	out := map[string]string{}
	for target, source := range f.Mounted {
		if path.IsAbs(source) || f.Mounts[target] == source {
			source = ""
		}
		out[target] = source
	}
	return out
}

// Len is the number of trials, warm-ups included.
func (p *Plan) Len() int { return len(p.Cells) * (p.Warmup + p.Repetitions) }

// Trials yields the trials in order.
func (p *Plan) Trials() iter.Seq[Trial] {
	return func(yield func(Trial) bool) {
		blocks := p.Warmup + p.Repetitions
		n := 0
		emit := func(block, cell int) bool {
			n++
			return yield(Trial{Trial: n, Block: block + 1, Warmup: block < p.Warmup, Cell: cell})
		}
		if p.Order == Sequential {
			for cell := range p.Cells {
				for block := range blocks {
					if !emit(block, cell) {
						return
					}
				}
			}
			return
		}
		order := make([]int, len(p.Cells))
		for block := range blocks {
			for i := range order {
				order[i] = i
			}
			if p.Order == Shuffled {
				shuffle(order, p.Seed, uint64(block))
			}
			for _, cell := range order {
				if !emit(block, cell) {
					return
				}
			}
		}
	}
}

// shuffle is Fisher and Yates on PCG. It is written out because a plan must
// not change with the Go release: PCG's sequence is fixed by its definition,
// that of rand.Shuffle is not.
func shuffle(order []int, seed, stream uint64) {
	pcg := rand.NewPCG(seed, stream)
	for i := len(order) - 1; i > 0; i-- {
		j, _ := bits.Mul64(pcg.Uint64(), uint64(i+1)) // bias below 2⁻⁴⁰ for any plan that fits in memory
		order[i], order[j] = order[j], order[i]
	}
}

// WriteJSON writes the plan with its trials, one to a line, without holding
// them in memory.
func (p *Plan) WriteJSON(w io.Writer) error {
	head, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	head = head[:len(head)-2] // without "\n}"
	if _, err := fmt.Fprintf(w, "%s,\n  \"trials\": [", head); err != nil {
		return err
	}
	sep := "\n    "
	var line []byte
	for t := range p.Trials() {
		if _, err := w.Write(t.appendJSON(append(line[:0], sep...))); err != nil {
			return err
		}
		sep = ",\n    "
	}
	_, err = io.WriteString(w, "\n  ]\n}\n")
	return err
}

// appendJSON is what package json makes of a trial, many times sooner: a plan
// may have millions.
func (t Trial) appendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, `{"trial":`...), int64(t.Trial), 10)
	b = strconv.AppendInt(append(b, `,"block":`...), int64(t.Block), 10)
	if t.Warmup {
		b = append(b, `,"warmup":true`...)
	}
	b = strconv.AppendInt(append(b, `,"cell":`...), int64(t.Cell), 10)
	return append(b, '}')
}
