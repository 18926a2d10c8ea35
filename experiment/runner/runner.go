// Package runner executes plans. It is the only place that decides when a
// trial begins and when it has lasted too long, and what a trial was worth.
//
// It computes no statistics and draws nothing: it appends one record per
// trial and forgets it, so that a run's memory does not grow with its length.
package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// closing bounds how long the removal of one trial may take. It does not
// hang on the user's Ctrl-C, or nothing would be removed.
const closing = 30 * time.Second

// sluggish is how long an engine takes to say that it is there which hung until
// then.
const sluggish = time.Second

// parting is how long an engine that does not answer is asked to remove
// something all the same.
const parting = 200 * time.Millisecond

// Bounds on what is done about an engine that fails.
const (
	maxAttempts = 3
	maxOutages  = 10                     // of one trial or window: more are its own doing
	patience    = 2 * time.Minute        // with an engine that does not answer
	retryPause  = 500 * time.Millisecond // between attempts, and between asking whether it answers
)

// ErrAway means that an engine stopped answering and did not come back.
var ErrAway = errors.New("an engine stopped answering")

// Runner executes one plan.
type Runner struct {
	Plan    *experiment.Plan
	Engines *Engines
	// Record takes each attempt at a trial as it ends. Its error ends the run.
	Record func(*results.Trial) error
	// Stop takes why a cell has no more trials, where the plan has a rule
	// for that. Its error ends the run.
	Stop func(*results.Stop) error
	// Between is called where no trial runs; see between. Nil: nobody asked.
	Between func(block int) error
	// Prior is what earlier sessions of the run recorded; nil in the first.
	Prior *Prior
	// Log hears of engines that stop answering.
	Log zerolog.Logger

	patience, retryPause time.Duration // 0: the constants
	answered             map[experiment.Cell]bool
	at                   int // the block that goes on
}

// Run executes the trials in the plan's order. When stop ends, the trial in
// flight is finished and the run ends; when abort ends, that trial is cut
// short too. The error is nil when every trial was run, whatever came of it,
// context.Canceled when the user stopped the run, and ErrAway when an engine
// stopped answering and did not come back.
func (r *Runner) Run(stop, abort context.Context) error {
	r.patience, r.retryPause = cmp.Or(r.patience, patience), cmp.Or(r.retryPause, retryPause)
	inputs := r.Engines.inputs()
	r.answered = map[experiment.Cell]bool{}
	rule, looked, err := r.rule()
	if err != nil {
		return err
	}
	block := 0
	for t := range r.Plan.Trials() {
		if t.Block > block {
			if err := r.blockEnds(rule, block, looked); err != nil {
				return err
			}
			block = t.Block
			if rule.done() {
				break
			}
		}
		final, attempts := r.Prior.has(t.Trial)
		if final || rule.stopped(t.Cell) {
			continue
		}
		if err := r.between(&t); err != nil {
			return err
		}
		c := r.Plan.Cells[t.Cell]
		rec, err := r.attempts(stop, abort, c, inputs[c.Function][c.Input], t, attempts)
		if err != nil {
			return err
		}
		if rec.Outcome == experiment.OK {
			r.answered[c] = true
		}
		rule.add(t.Cell, rec)
	}
	if err := r.between(nil); err != nil {
		return err
	}
	return r.blockEnds(rule, block, looked)
}

// Answered reports whether a trial of the cell has ended well.
func (r *Runner) Answered(c experiment.Cell) bool {
	return r.answered[c] || r.Prior != nil && r.Prior.answered[c]
}

// rule gives the plan's stopping rule as far as earlier sessions brought it,
// and the last block at whose end it has been looked at.
func (r *Runner) rule() (rule *stopping, looked int, err error) {
	if r.Prior == nil {
		return newStopping(r.Plan, 0, time.Now), 0, nil
	}
	rule = newStopping(r.Plan, r.Prior.spent, time.Now)
	if rule == nil {
		return nil, 0, nil
	}
	index := map[experiment.Cell]int{}
	for i, c := range r.Plan.Cells {
		index[c] = i
	}
	// Blocks are looked at again in the order in which they ended, so that
	// the rule knows what it knew. What it decided then stands in the stops;
	// the time that was spent does not decide about what is past.
	maxTime := r.Plan.Until.MaxTime
	replay := *r.Plan.Until
	replay.MaxTime = 0
	rule.until = &replay
	decided := map[experiment.Cell]bool{}
	for _, s := range r.Prior.stops {
		decided[s.Cell] = true
	}
	for t, err := range r.Prior.trials {
		if err != nil {
			return nil, 0, err
		}
		if t.Block > looked+1 {
			for b := looked + 1; b < t.Block; b++ {
				if err := r.tell(rule.blockEnds(b), decided); err != nil {
					return nil, 0, err
				}
			}
			looked = t.Block - 1
		}
		if i, ok := index[t.Cell()]; ok {
			rule.add(i, t)
		}
	}
	replay.MaxTime = maxTime
	rule.restore(r.Prior.stops)
	return rule, looked, nil
}

func (r *Runner) blockEnds(rule *stopping, block, looked int) error {
	if block <= looked {
		return nil // before the session began
	}
	return r.tell(rule.blockEnds(block), nil)
}

// tell writes stops down, except those that have been.
func (r *Runner) tell(stops []results.Stop, decided map[experiment.Cell]bool) error {
	for _, s := range stops {
		if decided[s.Cell] {
			continue
		}
		if err := r.Stop(&s); err != nil {
			return fmt.Errorf("write why %s stops: %w", s.Cell, err)
		}
	}
	return nil
}

// attempts runs a trial until the engine lets it have an end of its own, a
// bounded number of times, each on record. It gives the last record.
func (r *Runner) attempts(stop, abort context.Context, c experiment.Cell, in experiment.Input, t experiment.Trial, made int) (*results.Trial, error) {
	d, outages := r.desk(c), 0
	for attempt := made + 1; ; attempt++ {
		if err := wait(stop, time.Duration(r.Plan.PauseNS)); err != nil {
			return nil, err
		}
		if abort.Err() != nil {
			return nil, context.Canceled
		}
		makeReady(abort, d.artifact)
		rec, away := trial(abort, d, c, in, t)
		rec.Attempt = attempt
		switch rec.Outcome {
		case experiment.BackendError, experiment.Failed, experiment.OutOfMemory, experiment.Timeout:
			if away == nil && abort.Err() == nil {
				away = r.Engines.check(abort, c.Backend)
			}
			if away == nil && abort.Err() == nil {
				r.sweep(abort, c.Backend)
			}
		}
		if away != nil && rec.Outcome != experiment.BackendError {
			// An engine that goes away takes its containers with it.
			rec.Error = strings.TrimSpace(fmt.Sprintf("the engine went away, and the function ended as %s: %s", rec.Outcome, rec.Error))
			rec.Outcome = experiment.BackendError
		}
		rec.Again = rec.Outcome == experiment.BackendError && abort.Err() == nil && (away != nil && outages < maxOutages || away == nil && attempt < made+maxAttempts)
		if err := r.Record(rec); err != nil {
			return nil, fmt.Errorf("write the record of trial %d: %w", t.Trial, err)
		}
		if !rec.Again {
			return rec, nil
		}
		if away == nil {
			r.Log.Warn().Int("trial", t.Trial).Int("attempt", attempt).Msg("the engine failed; trying again: " + rec.Error)
		} else {
			if err := r.cameBack(stop, c.Backend, away); err != nil {
				return nil, err
			}
			made, outages = attempt, outages+1 // an outage is nobody's failure
		}
		if err := wait(stop, r.retryPause); err != nil {
			return nil, err
		}
	}
}

// makeReady mends what an earlier trial broke. Where it can't, the trial says
// why.
func makeReady(abort context.Context, a backends.Artifact) {
	if r, ok := a.(backends.Readier); ok {
		ctx, cancel := context.WithTimeout(abort, closing)
		defer cancel()
		_ = r.Ready(ctx)
	}
}

// cameBack waits for an engine to answer again, and has it remove what it
// still holds of trials.
func (r *Runner) cameBack(stop context.Context, backend string, away error) error {
	r.Log.Warn().Str("backend", backend).Msg("waiting for the engine to come back: " + away.Error())
	for until := time.Now().Add(r.patience); ; {
		err := r.Engines.check(stop, backend)
		if err == nil {
			r.Log.Info().Str("backend", backend).Msg("the engine is back")
			r.sweep(stop, backend)
			return nil
		}
		if stop.Err() == nil && time.Now().After(until) {
			return fmt.Errorf("%w and did not come back within %s: %s: %w", ErrAway, r.patience, backend, err)
		}
		if err := wait(stop, r.retryPause); err != nil {
			return err
		}
	}
}

// sweep has a backend remove what trials left. What stays is said: the next
// sweep will find it, or that at the end of the run.
func (r *Runner) sweep(ctx context.Context, backend string) {
	if err := r.Engines.sweep(ctx, backend); err != nil && ctx.Err() == nil {
		r.Log.Warn().Err(err).Str("backend", backend).Msg("could not remove everything that a trial made")
	}
}

// wait lets a time pass, unless the user stops the run.
func wait(stop context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop.Done():
		}
	}
	if stop.Err() != nil {
		return context.Canceled
	}
	return nil
}

// trial runs one request and judges it. Where the engine hung meanwhile, away
// says so.
func trial(abort context.Context, d desk, c experiment.Cell, in experiment.Input, t experiment.Trial) (_ *results.Trial, away error) {
	rec := &results.Trial{
		Trial: t.Trial, Block: t.Block, Warmup: t.Warmup,
		Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start,
		Requested: time.Now().UTC().Truncate(time.Microsecond),
	}
	req := backends.Request{Trial: t.Trial, Stdin: []byte(in.Stdin), Args: in.Args, Env: in.Env}
	timeline := d.timeline(backends.Now)
	resp, err := d.request(abort, c.Start, req, timeline)
	if h := (*hung)(nil); errors.As(err, &h) {
		away = h.away
	}
	rec.Outcome = outcome(abort, in, resp, err)
	stamps, source := timeline.Stamps()
	if err != nil {
		rec.Error = err.Error()
	} else {
		if _, exited := stamps.Get(experiment.Exited); exited || resp.ExitCode != 0 {
			rec.ExitCode = &resp.ExitCode
		}
		if rec.Outcome == experiment.Failed {
			rec.Error = fmt.Sprintf("exit code %d", resp.ExitCode)
		}
		sum := sha256.Sum256(resp.Stdout)
		rec.Answer = "sha256:" + hex.EncodeToString(sum[:])
	}
	if rec.Outcome != experiment.OK {
		rec.Stderr = string(resp.Stderr)
	}
	rec.At, rec.ReadySource = stamps.Relative(), string(source)
	rec.CPU, rec.PeakMemory = resp.Usage.CPU, resp.Usage.PeakMemory
	return rec, away
}

// desk is where the requests of a cell are handed in.
type desk struct {
	artifact backends.Artifact
	timeout  time.Duration
	check    func(context.Context) error // why the engine does not answer
	timeline func(now func() int64) *backends.Timeline
}

func (r *Runner) desk(c experiment.Cell) desk {
	timeline := backends.NewTimeline
	if b, ok := r.Engines.backends[c.Backend].(backends.Clocked); ok && b.ForeignClock() != "" {
		timeline = backends.NewForeignTimeline
	}
	return desk{
		r.Engines.artifact(c.Backend, c.Function), time.Duration(r.Plan.TimeoutNS),
		func(ctx context.Context) error {
			began := time.Now()
			err := r.Engines.check(ctx, c.Backend)
			if took := time.Since(began); err == nil && took > sluggish {
				err = fmt.Errorf("it took %s to say that it is there", took.Round(time.Millisecond))
			}
			return err
		},
		timeline,
	}
}

// hung is the error of a request whose engine did not answer when it ended.
// It is none of those that name a culprit.
type hung struct {
	away  error
	ended string // how the request ended
}

func (h *hung) Error() string {
	return "the engine hangs or is away: " + h.away.Error() + "; the request: " + h.ended
}

// request serves one request and always removes what it created, or as much
// of it as an engine that hangs lets it.
func (d desk) request(abort context.Context, s experiment.Start, req backends.Request, t *backends.Timeline) (resp backends.Response, err error) {
	ctx, cancel := context.WithTimeout(abort, d.timeout)
	defer cancel()
	t.Mark(experiment.Requested)
	i, err := d.artifact.Start(ctx, s, req, t)
	if err == nil {
		resp, err = i.Invoke(ctx, req, t)
	}
	patience := closing
	if err != nil && !decided(err) {
		// Asked before anything is removed: an engine that hangs would keep
		// that until it is back, and then look fine.
		away := d.check(context.WithoutCancel(abort))
		err = d.ended(ctx, err, away)
		if away != nil {
			patience = parting
		}
	}
	if i != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(abort), patience)
		defer cancel()
		if cerr := i.Close(cleanup, t); cerr != nil && err == nil {
			err = fmt.Errorf("remove what the trial made: %v", cerr) // whatever its kind
		}
	}
	return resp, err
}

// ended says how a request ended that names no culprit itself.
func (d desk) ended(ctx context.Context, err, away error) error {
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case late && errors.Is(err, backends.ErrUnanswered):
		err = fmt.Errorf("stopped after %s: %v", d.timeout, err) // before the function had its turn
	case late:
		err = fmt.Errorf("stopped after %s: %w", d.timeout, context.DeadlineExceeded)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%v", err) // the engine's own patience, not the function's time
	}
	if away != nil {
		return &hung{away, err.Error()}
	}
	return err
}

// decided reports whether an error already says how the trial ended.
func decided(err error) bool {
	return errors.Is(err, backends.ErrOutOfMemory) || errors.Is(err, backends.ErrContaminated) ||
		errors.Is(err, backends.ErrCrashed) || errors.Is(err, backends.ErrCantStart) || errors.Is(err, backends.ErrAnswerTooLong)
}

func outcome(abort context.Context, in experiment.Input, resp backends.Response, err error) experiment.Outcome {
	switch {
	case errors.Is(err, backends.ErrOutOfMemory):
		return experiment.OutOfMemory
	case errors.Is(err, backends.ErrContaminated):
		return experiment.Contaminated
	case errors.Is(err, backends.ErrCrashed), errors.Is(err, backends.ErrCantStart), errors.Is(err, backends.ErrAnswerTooLong):
		return experiment.Failed
	case errors.Is(err, context.DeadlineExceeded):
		return experiment.Timeout
	case err != nil && abort.Err() != nil:
		return experiment.Interrupted
	case err != nil:
		return experiment.BackendError
	case resp.ExitCode != 0:
		return experiment.Failed
	case !in.Answers(resp.Stdout):
		return experiment.WrongOutput
	}
	return experiment.OK
}
