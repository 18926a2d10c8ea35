package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/nebula-bench/nebula/experiment"
)

// This file says what can't be true of a run's files. It is asked once, where
// they are read: whoever works with what it let through need not look again
// whether a cell is there, a number is one, or a sum still fits.

const (
	// mostNS is the longest time that anything may have taken.
	mostNS = int64(experiment.MaxTime)
	// mostTrials is how many trials a plan may have: some memory is needed
	// for each.
	mostTrials = 100_000_000
	mostCells  = 1_000_000
	mostBytes  = int64(1) << 60
	mostCount  = int64(1) << 40
	// mostJoules is far beyond whatever a counter shows: squares of it are
	// still numbers.
	mostJoules = 1e18
	// mostDepth and mostValues bound what run.json holds of any form.
	mostDepth  = 64
	mostValues = 1_000_000
)

// checkPlan refuses a plan whose numbers can't be true: its file, of so many
// bytes, lists every trial.
func checkPlan(p *experiment.Plan, size int64) error {
	const leastLine = len(`{"trial":1,"block":1,"cell":0}`)
	most := min(int(size)/leastLine, mostTrials)
	if p.Repetitions < 1 || p.Warmup < 0 {
		return fmt.Errorf("it has %d repetitions and %d warm-ups", p.Repetitions, p.Warmup)
	}
	blocks := uint64(p.Repetitions) + uint64(p.Warmup)
	if over, n := bits.Mul64(blocks, uint64(len(p.Cells))); over > 0 || n > uint64(most) || blocks > uint64(most) {
		return errors.New("it does not list as many trials as it says")
	}
	if p.TimeoutNS < 0 || p.TimeoutNS > mostNS || p.PauseNS < 0 || p.PauseNS > mostNS {
		return errors.New("its timeout, or the pause before trials, is out of range")
	}
	return errors.Join(checkCells(p), checkUntil(p.Until), checkEnergy(p.Energy))
}

func checkCells(p *experiment.Plan) error {
	if len(p.Cells) > mostCells {
		return fmt.Errorf("it has %d cells", len(p.Cells))
	}
	seen := make(map[experiment.Cell]bool, len(p.Cells))
	for _, c := range p.Cells {
		if !slices.Contains(experiment.Starts, c.Start) {
			return fmt.Errorf("cell %s has an unknown start", c)
		}
		if seen[c] {
			return fmt.Errorf("it has cell %s twice", c)
		}
		seen[c] = true
	}
	for _, l := range p.LeftOut {
		if !slices.Contains(experiment.Starts, l.Start) || l.Cells < 1 || l.Cells > mostCells {
			return fmt.Errorf("what it left out of %s on %s has an unknown start, or a number of cells out of range", l.Function, l.Backend)
		}
	}
	return nil
}

func checkUntil(u *experiment.Until) error {
	switch {
	case u == nil:
		return nil
	case !(u.RelativeError > 0 && u.RelativeError <= 1):
		return fmt.Errorf("its cells stop at a relative error of %g", u.RelativeError)
	case len(u.Metrics) == 0, u.Min < 0, u.Max < 0, u.MaxTime < 0, int64(u.MaxTime) > mostNS:
		return errors.New("the rule by which its cells stop has no metric, or a negative number")
	}
	return nil
}

func checkEnergy(e *experiment.Energy) error {
	switch {
	case e == nil:
		return nil
	case e.Windows < 0, e.Windows > mostCells, e.Window < 0, int64(e.Window) > mostNS, e.Idle < 0, int64(e.Idle) > mostNS:
		return errors.New("the number or the length of its energy windows is out of range")
	case !sound(e.TargetError), !sound(e.CarbonIntensity):
		return errors.New("its target error of energy, or its carbon intensity, is out of range")
	case e.Estimate != nil && (!sound(e.Estimate.WattsIdle) || !sound(e.Estimate.WattsFull)):
		return errors.New("its estimate of energy has a power out of range")
	}
	return nil
}

// sound reports whether a number is at least nothing and not beyond bounds.
func sound(x float64) bool { return x >= 0 && x <= mostJoules }

// check refuses what can't be true of a run.
func (r *Run) check() error {
	for _, name := range []string{r.Experiment, r.ID} {
		if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("%.300q cannot name a folder", name)
		}
	}
	if !slices.Contains([]State{Running, Complete, Interrupted, Broken}, r.State) {
		return fmt.Errorf("unknown state %q", r.State)
	}
	times := []*time.Time{&r.Started, r.Ended}
	for _, s := range r.Sessions {
		times = append(times, &s.Started, s.Ended)
	}
	for _, t := range times {
		if err := checkTime(t); err != nil {
			return err
		}
	}
	if r.Host.Cores < 0 || int64(r.Host.Cores) > mostCells || r.Host.Memory > uint64(mostBytes) {
		return errors.New("its machine's number of cores, or its memory, is out of range")
	}
	for _, fs := range r.Artifacts {
		for name, a := range fs {
			if a.Size < 0 || a.Size > mostBytes || a.Compressed < 0 || a.Compressed > mostBytes {
				return fmt.Errorf("what %s was built to has a size out of range", name)
			}
		}
	}
	for name, b := range r.Backends {
		if b.ControlOf == name {
			return fmt.Errorf("backend %s is a copy of itself", name)
		}
	}
	if err := r.Energy.check(); err != nil {
		return err
	}
	for _, t := range r.Thresholds {
		known := slices.ContainsFunc(experiment.Metrics, func(m experiment.Span) bool { return m.Name == t.Metric })
		if t.Q() == 0 || !known || t.Bound < 0 || int64(t.Bound) > mostNS {
			return fmt.Errorf("threshold %q has an unknown metric or quantile, or a bound out of range", t.Name)
		}
	}
	return checkResolved(r.Resolved)
}

// checkTime refuses moments that can't be written, or counted from 1970.
func checkTime(t *time.Time) error {
	if t == nil || t.IsZero() {
		return nil
	}
	// A machine whose clock was never set is in 1970, and its runs are true.
	if year := t.UTC().Year(); year < 1970 || year > 2260 {
		return fmt.Errorf("it holds a time in the year %d", t.Year())
	}
	return nil
}

func (e *EnergyFacts) check() error {
	if e == nil {
		return nil
	}
	if e.Processors < 0 || int64(e.Processors) > mostCells {
		return fmt.Errorf("energy was measured on %d processors", e.Processors)
	}
	for _, d := range e.Domains {
		if !sound(d.Quantum) || d.PeriodNS < 0 || d.PeriodNS > mostNS {
			return fmt.Errorf("the steps of the energy counter %s are out of range", d.Name)
		}
	}
	return nil
}

// checkResolved refuses publications of which nothing can be shown.
func checkResolved(b json.RawMessage) error {
	if len(b) == 0 {
		return nil
	}
	var x struct{ References []experiment.Reference }
	if err := json.Unmarshal(b, &x); err != nil {
		return fmt.Errorf("its resolved experiment: %w", err)
	}
	for _, r := range x.References {
		if len(r.Figures) == 0 {
			return fmt.Errorf("reference %q has no figures", r.Name)
		}
		for _, f := range r.Figures {
			if !sound(f.Ratio) || len(f.Values) == 0 {
				return fmt.Errorf("reference %q has a figure without values, or a ratio out of range", r.Name)
			}
			for column, v := range f.Values {
				if !(v > 0 && v <= float64(mostNS)) {
					return fmt.Errorf("reference %q has %g in column %q", r.Name, v, column)
				}
			}
		}
	}
	return nil
}

// checkForm refuses JSON that holds more, or nests deeper, than a run's does:
// every value of it becomes a fact to compare.
func checkForm(b []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for n := 0; ; n++ {
		_, err := d.ReadToken()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return nil // encoding/json says where
		case d.StackDepth() > mostDepth:
			return fmt.Errorf("it nests more than %d deep", mostDepth)
		case n > mostValues:
			return fmt.Errorf("it holds more than %d values", mostValues)
		}
	}
}

// blocks is how many blocks a plan has.
func blocks(p *experiment.Plan) int { return p.Warmup + p.Repetitions }

func (s *Stop) check() error {
	switch {
	case s.Block < 1:
		return errors.New("blocks count from 1")
	case s.N < 0, int64(s.N) > mostCount:
		return fmt.Errorf("a count of %d trials is out of range", s.N)
	case s.Relative != nil && !sound(*s.Relative):
		return fmt.Errorf("a relative error of %g is out of range", *s.Relative)
	}
	return nil
}

// checkStops holds the records of stops against the plan.
func checkStops(p *experiment.Plan, stops []Stop) error {
	if len(stops) > 0 && p.Until == nil {
		return errors.New("cells stopped, and the plan has no rule by which they would")
	}
	planned := map[experiment.Cell]bool{}
	for _, c := range p.Cells {
		planned[c] = true
	}
	for i, s := range stops {
		switch still, ok := planned[s.Cell]; {
		case !ok:
			return fmt.Errorf("line %d: the plan has no cell %s", i+1, s.Cell)
		case !still:
			return fmt.Errorf("line %d: cell %s stopped before", i+1, s.Cell)
		case s.Block > blocks(p):
			return fmt.Errorf("line %d: the plan has no block %d", i+1, s.Block)
		}
		planned[s.Cell] = false
	}
	return nil
}

func (t *Trial) check() error {
	switch {
	case t.Trial < 1, t.Block < 1, t.Attempt < 1:
		return errors.New("trial, block and attempt count from 1")
	case !slices.Contains(experiment.Outcomes, t.Outcome):
		return fmt.Errorf("unknown outcome %q", t.Outcome)
	case !slices.Contains(experiment.Starts, t.Start):
		return fmt.Errorf("unknown start %q", t.Start)
	case t.CPU < 0, t.CPU > mostNS, t.PeakMemory < 0, t.PeakMemory > mostBytes:
		return errors.New("its CPU time or its memory is out of range")
	}
	for e := experiment.Requested; e <= experiment.Removed; e++ {
		if ns, ok := t.At.Get(e); ok && (ns < -mostNS || ns > mostNS) {
			return fmt.Errorf("%d ns to %s is out of range", ns, e)
		}
	}
	return checkTime(&t.Requested)
}

// check refuses what can't be true. Whoever divides by a number of a record
// need not ask again whether it is above zero.
func (w *EnergyWindow) check() error {
	for _, s := range []*EnergySpan{w.Before, w.Work, w.After} {
		if err := s.check(); err != nil {
			return err
		}
	}
	switch {
	case w.Window < 1, w.Block < 1, w.Attempt < 1:
		return errors.New("window, block and attempt count from 1")
	case !slices.Contains(experiment.Starts, w.Start):
		return fmt.Errorf("unknown start %q", w.Start)
	case w.Again && w.Invalid == "":
		return errors.New("it is made again, and nothing says why")
	case w.Invocations < 0, int64(w.Invocations) > mostCount:
		return fmt.Errorf("a count of %d invocations is out of range", w.Invocations)
	case w.Invalid != "":
		return nil
	case w.Invocations < 1:
		return errors.New("it is valid, and has no invocations")
	case w.Before == nil, w.Work == nil, w.After == nil:
		return errors.New("it is valid, and a span of it is missing")
	}
	for _, s := range []*EnergySpan{w.Before, w.Work, w.After} {
		switch {
		case s.NS <= 0:
			return errors.New("a span has no length")
		case w.Source != "" && s.Total == nil:
			return errors.New("it is valid, and a span of it has no energy")
		case s.Total != nil && !s.Total.plausible():
			return errors.New("a span's energy is not above zero")
		}
		for _, d := range s.Domains {
			if d.EnergyAmount != nil && !d.plausible() {
				return fmt.Errorf("the energy of %s is not above zero", d.Name)
			}
		}
	}
	return nil
}

// check refuses impossible numbers, in valid windows and in others.
func (s *EnergySpan) check() error {
	if s == nil {
		return nil
	}
	for _, ns := range []*int64{&s.NS, s.CPU.Function, s.CPU.Harness, s.CPU.Others, s.CPU.Machine} {
		if ns != nil && (*ns < -mostNS || *ns > mostNS) {
			return fmt.Errorf("a span of %d ns is out of range", *ns)
		}
	}
	amounts := []*EnergyAmount{s.Total}
	for _, d := range s.Domains {
		amounts = append(amounts, d.EnergyAmount)
	}
	for _, a := range amounts {
		if a == nil {
			continue
		}
		for _, x := range []float64{a.Joules, a.U, a.Seconds, a.SecondsU} {
			if !(math.Abs(x) <= mostJoules) {
				return fmt.Errorf("an energy or a time of %g is out of range", x)
			}
		}
	}
	return checkTime(&s.From)
}

// plausible reports whether an amount is one: a counter that did not move has
// shown nothing.
func (a *EnergyAmount) plausible() bool {
	return a.Joules > 0 && a.Seconds > 0 && a.U >= 0 && a.SecondsU >= 0
}
