// Package runner executes plans. It is the only place that decides when a
// trial begins and when it has lasted too long, and what a trial was worth.
//
// It computes no statistics and draws nothing: it appends one record per
// trial and forgets it, so that a run's memory does not grow with its length.
package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// closing bounds how long the removal of one trial may take. It does not
// hang on the user's Ctrl-C, or nothing would be removed.
const closing = 30 * time.Second

// Runner executes one plan.
type Runner struct {
	Plan    *experiment.Plan
	Engines *Engines
	// Record takes each trial as it ends. Its error ends the run.
	Record func(*results.Trial) error
}

// Run executes the trials in the plan's order. When stop ends, the trial in
// flight is finished and the run ends; when abort ends, that trial is cut
// short too. The error is nil when every trial was run, whatever came of it,
// and context.Canceled when the user stopped the run.
func (r *Runner) Run(stop, abort context.Context) error {
	inputs := map[string]map[string]experiment.Input{}
	for _, f := range r.Engines.experiment.Functions {
		inputs[f.Name] = map[string]experiment.Input{}
		for _, in := range f.Inputs {
			inputs[f.Name][in.Name] = in
		}
	}
	for t := range r.Plan.Trials() {
		if stop.Err() != nil || abort.Err() != nil {
			return context.Canceled
		}
		c := r.Plan.Cells[t.Cell]
		a := r.Engines.artifact(c.Backend, c.Function)
		rec := trial(abort, a, c, inputs[c.Function][c.Input], t, time.Duration(r.Plan.TimeoutNS))
		if err := r.Record(rec); err != nil {
			return fmt.Errorf("write the record of trial %d: %w", t.Trial, err)
		}
	}
	return nil
}

// trial runs one request and judges it.
func trial(abort context.Context, a backends.Artifact, c experiment.Cell, in experiment.Input, t experiment.Trial, timeout time.Duration) *results.Trial {
	rec := &results.Trial{
		Trial: t.Trial, Block: t.Block, Attempt: 1, Warmup: t.Warmup,
		Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start,
		Requested: time.Now().UTC().Truncate(time.Microsecond),
	}
	req := backends.Request{Trial: t.Trial, Stdin: []byte(in.Stdin), Args: in.Args, Env: in.Env}
	timeline := backends.NewTimeline(backends.Now)
	resp, err := request(abort, a, c.Start, req, timeline, timeout)
	rec.Outcome = outcome(abort, in, resp, err)
	if err != nil {
		rec.Error = err.Error()
	} else {
		rec.ExitCode = &resp.ExitCode
		if rec.Outcome == experiment.Failed {
			rec.Error = string(resp.Stderr)
		}
		sum := sha256.Sum256(resp.Stdout)
		rec.Answer = "sha256:" + hex.EncodeToString(sum[:])
	}
	stamps, source := timeline.Stamps()
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
	if i != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(abort), closing)
		defer cancel()
		if cerr := i.Close(cleanup, t); cerr != nil && err == nil {
			err = cerr
		}
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !decided(err) {
		err = fmt.Errorf("stopped after %s: %w", timeout, context.DeadlineExceeded)
	}
	return resp, err
}

// decided reports whether an error already says how the trial ended.
func decided(err error) bool {
	return errors.Is(err, backends.ErrOutOfMemory) || errors.Is(err, backends.ErrContaminated) ||
		errors.Is(err, backends.ErrCrashed) || errors.Is(err, backends.ErrAnswerTooLong)
}

func outcome(abort context.Context, in experiment.Input, resp backends.Response, err error) experiment.Outcome {
	switch {
	case errors.Is(err, backends.ErrOutOfMemory):
		return experiment.OutOfMemory
	case errors.Is(err, backends.ErrContaminated):
		return experiment.Contaminated
	case errors.Is(err, backends.ErrCrashed), errors.Is(err, backends.ErrAnswerTooLong):
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
