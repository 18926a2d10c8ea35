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

// Bounds on what is done about an engine that fails.
const (
	maxAttempts = 3
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
	// Prior is what earlier sessions of the run recorded; nil in the first.
	Prior *Prior
	// Log hears of engines that stop answering.
	Log zerolog.Logger

	patience, retryPause time.Duration // 0: the constants
	answered             map[experiment.Cell]bool
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
	a := r.Engines.artifact(c.Backend, c.Function)
	for attempt := made + 1; ; attempt++ {
		if err := wait(stop, time.Duration(r.Plan.PauseNS)); err != nil {
			return nil, err
		}
		if abort.Err() != nil {
			return nil, context.Canceled
		}
		makeReady(abort, a)
		rec := trial(abort, a, c, in, t, time.Duration(r.Plan.TimeoutNS))
		rec.Attempt = attempt
		var away error
		switch rec.Outcome {
		case experiment.BackendError, experiment.Failed, experiment.OutOfMemory:
			if abort.Err() == nil {
				away = r.Engines.check(abort, c.Backend)
			}
		}
		if away != nil && rec.Outcome != experiment.BackendError {
			// An engine that goes away takes its containers with it.
			rec.Error = strings.TrimSpace(fmt.Sprintf("the engine went away, and the function ended as %s: %s", rec.Outcome, rec.Error))
			rec.Outcome = experiment.BackendError
		}
		rec.Again = rec.Outcome == experiment.BackendError && abort.Err() == nil && (away != nil || attempt < made+maxAttempts)
		if err := r.Record(rec); err != nil {
			return nil, fmt.Errorf("write the record of trial %d: %w", t.Trial, err)
		}
		if !rec.Again {
			return rec, nil
		}
		if away == nil {
			r.Log.Warn().Int("trial", t.Trial).Int("attempt", attempt).Msg("the engine failed; trying again: " + rec.Error)
		} else {
			r.Log.Warn().Str("backend", c.Backend).Msg("waiting for the engine to come back: " + away.Error())
			if err := r.cameBack(stop, c.Backend); err != nil {
				return nil, err
			}
			r.Log.Info().Str("backend", c.Backend).Msg("the engine is back")
			made = attempt // an outage is nobody's failure
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

// cameBack waits for an engine to answer again.
func (r *Runner) cameBack(stop context.Context, backend string) error {
	for until := time.Now().Add(r.patience); ; {
		err := r.Engines.check(stop, backend)
		if err == nil {
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

// trial runs one request and judges it.
func trial(abort context.Context, a backends.Artifact, c experiment.Cell, in experiment.Input, t experiment.Trial, timeout time.Duration) *results.Trial {
	rec := &results.Trial{
		Trial: t.Trial, Block: t.Block, Warmup: t.Warmup,
		Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start,
		Requested: time.Now().UTC().Truncate(time.Microsecond),
	}
	req := backends.Request{Trial: t.Trial, Stdin: []byte(in.Stdin), Args: in.Args, Env: in.Env}
	timeline := backends.NewTimeline(backends.Now)
	resp, err := request(abort, a, c.Start, req, timeline, timeout)
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
	return rec
}

// request serves one request and always removes what it created.
func request(abort context.Context, a backends.Artifact, s experiment.Start, req backends.Request, t *backends.Timeline, timeout time.Duration) (resp backends.Response, err error) {
	ctx, cancel := context.WithTimeout(abort, timeout)
	defer cancel()
	t.Mark(experiment.Requested)
	i, err := a.Start(ctx, s, req, t)
	if err == nil {
		resp, err = i.Invoke(ctx, req, t)
	}
	switch {
	case err == nil || decided(err):
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("stopped after %s: %w", timeout, context.DeadlineExceeded)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%v", err) // the engine's own patience, not the function's time
	}
	if i != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(abort), closing)
		defer cancel()
		if cerr := i.Close(cleanup, t); cerr != nil && err == nil {
			err = fmt.Errorf("remove what the trial made: %v", cerr) // whatever its kind
		}
	}
	return resp, err
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
