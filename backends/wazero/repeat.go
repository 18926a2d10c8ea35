package wazero

import (
	"context"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/system"
)

var _ backends.Repeater = (*artifact)(nil)

// tally answers an order of many trials.
type tally struct {
	Repeated backends.Repeated
	Err      string
	Kind     errorKind
	Last     bool // the child ends with it
}

// repeat runs the trials of an order, and collects garbage between them as
// between others.
func (h *host) repeat(ctx context.Context, o order, collect func()) (t tally) {
	var answers backends.Answers
	cpu := system.ProcessCPU()
	for t.Repeated.N < o.Times {
		rep := h.trial(ctx, o)
		if rep.Err == "" && rep.Response.ExitCode == 0 {
			if err := answers.Add(rep.Response.Stdout); err != nil {
				rep.Err, rep.Kind = err.Error(), engineFailed
			}
		}
		if rep.Err != "" || rep.Response.ExitCode != 0 {
			t.Err, t.Kind, t.Last = rep.Err, rep.Kind, rep.Last
			t.Repeated.ExitCode, t.Repeated.Stderr = rep.Response.ExitCode, rep.Response.Stderr
			break
		}
		t.Repeated.N++
		collect()
	}
	t.Repeated.CPU = system.ProcessCPU() - cpu
	t.Repeated.Answers = answers.All()
	return t
}

// Repeat implements backends.Repeater: one message to the child for all.
func (a *artifact) Repeat(ctx context.Context, s experiment.Start, r backends.Request, n int) (backends.Repeated, error) {
	if err := a.Ready(ctx); err != nil {
		return backends.Repeated{}, err
	}
	release := a.killOnDone(ctx)
	defer release()
	var t tally
	child := a.child
	err := child.send(order{Start: s, Stdin: r.Stdin, Args: r.Args, Env: r.Env, Times: n})
	if err == nil {
		err = child.receive(&t)
	}
	if err != nil {
		err = a.died(ctx, err)
		t.Repeated.Stderr = child.words()
		return t.Repeated, err
	}
	a.ended(t.Last)
	return t.Repeated, asError(t.Err, t.Kind)
}
