package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/meter"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/words"
)

// Bounds of energy windows.
const (
	leastCounts = 100 // of a counter, in a window
	// settle lets an engine finish what it does after a request before the
	// machine counts as idle.
	settle = 50 * time.Millisecond
	// longestIdle bounds the idle time beside windows that are long because
	// one invocation is.
	longestIdle = 10 * time.Second
	// longest bounds what a window grows to for a coarse counter's sake.
	longest = 5 * time.Minute
)

// Energy measures the energy windows of a plan.
type Energy struct {
	// Record takes each attempt at a window as it ends. Its error ends the run.
	Record func(*results.EnergyWindow) error

	meter  *meter.Meter // nil: windows hold CPU time alone, for the estimate
	facts  results.EnergyFacts
	length time.Duration // of a window, at least
	series map[experiment.Cell]*series
	idle   *results.EnergySpan // the last thing that was measured, if it was that

	proc       string
	attendants []string
}

// series is what is known of the invocations of a cell.
type series struct {
	n     int           // to fill a window; 0: not known
	takes time.Duration // the window
	bad   bool          // the function has failed in a window before
}

// OpenEnergy opens the source of energy that a plan asks for. Where there is
// none the facts say why, and Energy measures nothing, or CPU time where the
// plan has an estimate. It gives nil where the plan asks for no energy. The
// caller closes it.
func OpenEnergy(plan *experiment.Plan, engines *Engines, sysfs string) (*Energy, error) {
	if plan.Energy == nil {
		return nil, nil
	}
	e := &Energy{series: map[experiment.Cell]*series{}, length: plan.Energy.Window, proc: "/proc", attendants: engines.attendants()}
	e.facts.Processors = processorsOf(e.proc)
	for _, c := range plan.Cells {
		w := results.WithoutWindow{Backend: c.Backend, Start: c.Start, Reason: engines.lacksWindow(c)}
		if w.Reason != "" && !slices.Contains(e.facts.Without, w) {
			e.facts.Without = append(e.facts.Without, w)
		}
	}
	source, err := meter.Open(meter.Options{
		Sysfs: sysfs, Source: plan.Energy.Source, Command: plan.Energy.Command, Domains: plan.Energy.Domains,
		Patience: 2 * time.Second, // as long as an edge waits; once, and not for each cell
	})
	if closed := (*meter.Unavailable)(nil); errors.As(err, &closed) {
		for _, d := range closed.Doors {
			e.facts.Doors = append(e.facts.Doors, results.Door{Name: d.Name, Why: d.Why, Remedy: d.Remedy})
		}
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	e.meter = meter.Watch(source, nil)
	info := e.meter.Info()
	e.facts.Source, e.facts.Simulated, e.facts.Notes = info.Source, info.Simulated, info.Notes
	for _, d := range info.Domains {
		e.facts.Domains = append(e.facts.Domains, results.DomainFact{Name: d.Name, InTotal: d.Total, Quantum: d.Quantum, PeriodNS: d.Period.Nanoseconds()})
	}
	return e, nil
}

// Facts is what run.json says of the source.
func (e *Energy) Facts() *results.EnergyFacts {
	if e == nil {
		return nil
	}
	return &e.facts
}

// Close ends the watch.
func (e *Energy) Close() error {
	if e == nil || e.meter == nil {
		return nil
	}
	return e.meter.Close()
}

// Measures reports whether there will be windows: there are counters, or an
// estimate takes their place.
func (e *Energy) Measures(plan *experiment.Plan) bool {
	return e != nil && (e.meter != nil || plan.Energy.Estimate != nil)
}

// Energy runs the energy windows of the plan, after its trials, in blocks of
// every cell. A window that is invalid is made again, a bounded number of
// times. Cells none of whose trials ended well have none. Stop, abort and the
// error are as for Run, except that a window that stop finds in flight ends
// with its next invocation and leaves no record.
func (r *Runner) Energy(stop, abort context.Context, e *Energy) error {
	if !e.Measures(r.Plan) {
		return nil
	}
	r.patience, r.retryPause = cmp.Or(r.patience, patience), cmp.Or(r.retryPause, retryPause)
	inputs := r.Engines.inputs()
	block := 0
	for w, attempts := range r.windowsLeft() {
		c := r.Plan.Cells[w.Cell]
		if block == 0 {
			if err := e.size(stop, r.Plan.Energy); err != nil {
				return err
			}
		}
		if w.Block > block {
			block, e.idle = w.Block, nil // windows of one cell never share an idle span
		}
		if err := r.window(stop, abort, e, w, c, inputs[c.Function][c.Input], attempts); err != nil {
			return err
		}
	}
	return nil
}

// WindowsLeft is how many energy windows are still to run.
func (r *Runner) WindowsLeft(e *Energy) (n int) {
	if e.Measures(r.Plan) {
		for range r.windowsLeft() {
			n++
		}
	}
	return n
}

// windowsLeft yields them with the number of attempts that were made of each.
func (r *Runner) windowsLeft() iter.Seq2[experiment.Window, int] {
	return func(yield func(experiment.Window, int) bool) {
		for w := range r.Plan.EnergyWindows() {
			c := r.Plan.Cells[w.Cell]
			final, attempts := r.Prior.hasWindow(w.Window)
			if final || !r.Answered(c) || r.Engines.lacksWindow(c) != "" {
				continue
			}
			if !yield(w, attempts) {
				return
			}
		}
	}
}

// size finds out how long windows must be: as long as was asked for, so long
// that an update more or less is within the target error, and so long that
// the idle machine alone moves each counter of the total by 100 steps.
func (e *Energy) size(stop context.Context, plan *experiment.Energy) error {
	if e.meter == nil {
		return nil
	}
	for _, d := range e.meter.Info().Domains {
		if d.Total {
			e.length = max(e.length, time.Duration(float64(d.Period)/plan.TargetError))
		}
	}
	asked := e.length
	for invalids := 0; ; {
		span, invalid, err := e.span(stop, e.rest(stop, e.length))
		if err != nil {
			return context.Canceled
		}
		more := 1.0
		if invalid != "" {
			more = 10 // it did not move, most likely
			if invalids++; invalids > 2 {
				e.length = asked // then the windows will say what is wrong
				return nil
			}
		} else {
			for i, d := range e.meter.Info().Domains {
				if a := span.Domains[i].EnergyAmount; d.Total && !d.Integrated && a != nil {
					more = max(more, leastCounts*d.Quantum/a.Joules)
				}
			}
		}
		if more <= 1.05 || e.length >= longest {
			return nil
		}
		e.length = min(longest, time.Duration(1.1*more*float64(e.length)))
	}
}

// window runs one window until it is valid, a bounded number of times, each
// on record.
func (r *Runner) window(stop, abort context.Context, e *Energy, w experiment.Window, c experiment.Cell, in experiment.Input, made int) error {
	if e.series[c] == nil {
		e.series[c] = &series{}
	}
	s, outages := e.series[c], 0
	for attempt := made + 1; ; attempt++ {
		rec := &results.EnergyWindow{
			Window: w.Window, Block: w.Block, Attempt: attempt, Cell: c,
			Source: e.facts.Source, Simulated: e.facts.Simulated,
		}
		err := r.measure(stop, abort, e, s, rec, in)
		if stop.Err() != nil {
			return context.Canceled
		}
		again := attempt < made+maxAttempts
		var away error
		if err != nil {
			e.idle = nil
			rec.Invalid = words.Ends(strings.ToValidUTF8(err.Error(), "\ufffd"), mostReason)
			if h := (*hung)(nil); errors.As(err, &h) {
				away = h.away
			} else if away = r.Engines.check(abort, c.Backend); away == nil {
				r.sweep(abort, c.Backend)
				again, s.bad = again && !s.bad, true // what fails in each block need not fail nine times
			}
		}
		rec.Again = rec.Invalid != "" && (again && away == nil || away != nil && outages < maxOutages)
		if err := e.Record(rec); err != nil {
			return fmt.Errorf("write the record of energy window %d: %w", w.Window, err)
		}
		if !rec.Again {
			return nil
		}
		if away == nil {
			r.Log.Warn().Int("window", w.Window).Int("attempt", attempt).Msg("the energy window is invalid; trying again: " + rec.Invalid)
			continue
		}
		if err := r.cameBack(stop, c.Backend, away); err != nil {
			return err
		}
		made, outages = attempt, outages+1 // an outage is nobody's failure
		if err := wait(stop, r.retryPause); err != nil {
			return err
		}
	}
}

// mostReason is how many characters of why a window is invalid are kept: a
// function may have written them.
const mostReason = 400

// measure fills a record. Its error is the function's, the engine's, or that
// of a context that ended; what the counters say is in the record alone.
func (r *Runner) measure(stop, abort context.Context, e *Energy, s *series, rec *results.EnergyWindow, in experiment.Input) (err error) {
	d := r.desk(rec.Cell)
	makeReady(abort, d.artifact)
	serve := func(n int, expected time.Duration) (int64, error) {
		return d.serve(stop, abort, rec.Start, in, n, expected)
	}
	if s.n == 0 {
		e.idle = nil
		if s.n, s.takes, err = fill(rec.Start, e.length, backends.Now, serve); err != nil {
			s.n = 0
			return err
		}
	}
	// Idle spans are as long as the windows beside them.
	rest := e.rest(stop, cmp.Or(r.Plan.Energy.Idle, max(e.length, min(longestIdle, s.takes))))
	if e.idle == nil || rest.length > 2*time.Duration(e.idle.NS) {
		if e.idle, rec.Invalid, err = e.span(stop, rest); err != nil || rec.Invalid != "" {
			rec.Before, e.idle = e.idle, nil
			return err
		}
	}
	rec.Before, e.idle = e.idle, nil
	var function int64
	work := activity{do: func() error {
		began := backends.Now()
		for n := s.n; ; {
			cpu, err := serve(n, s.takes)
			if err != nil {
				return err
			}
			function += cpu
			rec.Invocations += n
			// They may take less than when it was tried.
			took := time.Duration(backends.Now() - began)
			if took >= e.length {
				return nil
			}
			n = int(math.Ceil(float64(rec.Invocations) * float64(e.length-took) / float64(took)))
		}
	}}
	if rec.Work, rec.Invalid, err = e.span(abort, work); err != nil {
		return err
	}
	if function > 0 {
		rec.Work.CPU.Function = &function
	}
	var invalid string
	if rec.After, invalid, err = e.span(stop, rest); err != nil {
		return err
	}
	if invalid == "" {
		e.idle = rec.After
	}
	rec.Invalid = cmp.Or(rec.Invalid, invalid)
	return nil
}

// activity is what fills a span.
type activity struct {
	settle time.Duration // before the span begins
	length time.Duration // 0: as long as it takes
	do     func() error
}

// rest does nothing for a time.
func (e *Energy) rest(stop context.Context, d time.Duration) activity {
	return activity{settle, d, func() error { return meter.Kernel{}.Sleep(stop, d) }}
}

// span measures an activity between two edges. CPU time is read outside of
// them, because reading it takes some. Where the counters give no number,
// invalid says why.
func (e *Energy) span(ctx context.Context, a activity) (s *results.EnergySpan, invalid string, err error) {
	if err := (meter.Kernel{}).Sleep(ctx, a.settle); err != nil {
		return nil, "", err
	}
	cpu := readCPU(e.proc)
	s = &results.EnergySpan{}
	var w meter.Window
	if e.meter != nil {
		var from, to meter.Edge
		if from, err = e.meter.Edge(ctx); err == nil {
			if err = a.do(); err == nil {
				to, err = e.meter.Edge(ctx)
			}
		}
		if err != nil {
			return nil, "", err
		}
		w = e.meter.Window(from, to)
		s.From, s.NS = w.Began, w.To-w.From
	} else {
		s.From = time.Now()
		began := backends.Now()
		if err = a.do(); err != nil {
			return nil, "", err
		}
		s.NS = backends.Now() - began
	}
	s.From = s.From.UTC().Truncate(time.Microsecond)
	s.CPU = e.since(cpu)
	for _, d := range w.Domains {
		s.Domains = append(s.Domains, results.EnergyDomain{
			Name: d.Name, InTotal: d.Total, First: d.First, Last: d.Last, Wraps: d.Wraps,
			EnergyAmount: amount(d.Joules, d.U, d.Length, d.LengthU), Invalid: d.Invalid,
		})
	}
	s.Total = amount(w.Joules, w.U, w.Length, w.LengthU)
	if e.meter != nil && w.Invalid == "" && s.Total == nil {
		w.Invalid = "the counters gave no number"
	}
	return s, w.Invalid, nil
}

// amount is nil where there is no number.
func amount(joules, u, seconds, secondsU float64) *results.EnergyAmount {
	if !(joules > 0) || !(seconds > 0) || math.IsNaN(u+secondsU) || math.IsInf(joules+u+seconds+secondsU, 0) {
		return nil
	}
	return &results.EnergyAmount{Joules: joules, U: u, Seconds: seconds, SecondsU: secondsU}
}

// since is the CPU time since a reading.
func (e *Energy) since(before cpuReading) (c results.EnergyCPU) {
	now := readCPU(e.proc)
	harness := now.harness - before.harness
	c.Harness = &harness
	if now.machine >= 0 && before.machine >= 0 {
		machine := now.machine - before.machine
		c.Machine = &machine
	}
	if len(now.processes) > 0 && len(before.processes) > 0 {
		others := now.othersSince(before, os.Getpid(), e.attendants)
		c.Others = &others
	}
	return c
}

// fill finds the number of invocations that fills a window, by trying: twice
// at least where the first may have had to make the live instance.
func fill(s experiment.Start, length time.Duration, now func() int64, serve func(n int, expected time.Duration) (int64, error)) (n int, takes time.Duration, err error) {
	if s == experiment.Warm {
		if _, err := serve(1, 0); err != nil {
			return 0, 0, err
		}
	}
	const most = 100_000_000
	expected := time.Duration(0)
	for n = 1; ; {
		began := now()
		if _, err := serve(n, expected); err != nil {
			return 0, 0, err
		}
		took := float64(max(1, now()-began))
		each := took / float64(n)
		if took >= float64(length)/4 || n >= most {
			// A tenth more, for they do not all take the same.
			n = max(1, min(most, int(math.Ceil(1.1*float64(length)/each))))
			return n, time.Duration(float64(n) * each), nil
		}
		n = max(2*n, min(100*n, int(float64(length)/2/each)))
		expected = time.Duration(float64(n) * each)
	}
}

// serve serves a request n times and judges every answer. It gives the CPU
// time of the function where the backend measures it. Stop ends it after the
// invocation in flight, or after a series that a backend serves on one call.
func (d desk) serve(stop, abort context.Context, s experiment.Start, in experiment.Input, n int, expected time.Duration) (cpu int64, err error) {
	req := backends.Request{Stdin: []byte(in.Stdin), Args: in.Args, Env: in.Env, Window: true}
	if rep, ok := d.artifact.(backends.Repeater); ok {
		// A window may take far longer than it should, but not for ever.
		limit := d.timeout + 10*expected
		ctx, cancel := context.WithTimeout(abort, limit)
		defer cancel()
		done, err := rep.Repeat(ctx, s, req, n)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) && !decided(err) {
				err = fmt.Errorf("stopped after %s: %w", limit, context.DeadlineExceeded)
			}
			return 0, fmt.Errorf("after %d of %d invocations: %w%s", done.N, n, err, lastWords(done.Stderr))
		}
		if done.ExitCode != 0 {
			return 0, failure(done.N+1, n, backends.Response{ExitCode: done.ExitCode, Stderr: done.Stderr})
		}
		for _, answer := range done.Answers {
			if !in.Answers(answer) {
				return 0, fmt.Errorf("a wrong answer: %.100q", answer)
			}
		}
		return done.CPU, nil
	}
	for i := range n {
		if stop.Err() != nil {
			return 0, context.Canceled
		}
		resp, err := d.request(abort, s, req, d.timeline(backends.Now))
		switch outcome(abort, in, resp, err) {
		case experiment.OK:
			cpu += resp.Usage.CPU
		case experiment.WrongOutput:
			return 0, fmt.Errorf("a wrong answer: %.100q", resp.Stdout)
		case experiment.Failed:
			if err == nil {
				return 0, failure(i+1, n, resp)
			}
			fallthrough
		default:
			return 0, fmt.Errorf("after %d of %d invocations: %w%s", i, n, err, lastWords(resp.Stderr))
		}
	}
	return cpu, nil
}

// lastWords are what a function wrote to standard error before it failed, to
// be added to why it did.
func lastWords(stderr []byte) string {
	if s := strings.TrimSpace(string(stderr)); s != "" {
		return ": " + s
	}
	return ""
}

func failure(i, n int, resp backends.Response) error {
	return fmt.Errorf("invocation %d of %d ended with exit code %d: %s", i, n, resp.ExitCode, strings.TrimSpace(string(resp.Stderr)))
}
