package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// Engines are the opened backends of an experiment, with a function made
// ready for each. Where a machine lacks something, the cells that need it
// are left out of the plan and say why.
type Engines struct {
	experiment *experiment.Experiment
	backends   map[string]backends.Backend
	artifacts  map[string]map[string]backends.Artifact // by backend, by function
	missing    map[string]map[string]string            // likewise; function "" stands for all
	unsuitable map[[2]string]bool                      // backend and function: the function is at fault
	frameless  map[[2]string]string                    // backend and function: why there is no warm start
}

// Lacks is what the backends of an experiment can't do by their nature,
// without asking any engine.
func Lacks(f experiment.Function, b experiment.Backend, s experiment.Start) experiment.Lack {
	return experiment.Lack{Reason: b.Options.(backends.Options).Lacks(f, s)}
}

// Open opens the backends that the experiment's cells need and prepares
// their functions; only is as in experiment.NewPlan. The caller closes the
// engines, also after an error.
func Open(ctx context.Context, x *experiment.Experiment, only []string, s backends.Session) (*Engines, error) {
	e := &Engines{
		experiment: x,
		backends:   map[string]backends.Backend{},
		artifacts:  map[string]map[string]backends.Artifact{},
		missing:    map[string]map[string]string{},
		unsuitable: map[[2]string]bool{},
		frameless:  map[[2]string]string{},
	}
	plan, err := experiment.NewPlan(x, only, Lacks)
	if err != nil {
		return e, err
	}
	needed := map[[2]string]bool{}
	warm := map[[2]string][]string{} // the inputs
	for _, c := range plan.Cells {
		key := [2]string{c.Backend, c.Function}
		needed[key] = true
		if c.Start == experiment.Warm {
			warm[key] = append(warm[key], c.Input)
		}
	}
	for i, b := range x.Backends {
		name := b.Name()
		s := s
		s.Scratch = filepath.Join(s.Scratch, strconv.Itoa(i)) // a name could be anything
		for _, f := range x.Functions {
			if !needed[[2]string{name, f.Name}] || e.missing[name][""] != "" {
				continue
			}
			if err := e.prepare(ctx, b, f, s); err != nil {
				return e, err
			}
			if in, ok := warm[[2]string{name, f.Name}]; ok {
				if why := e.tryFrames(ctx, name, f, in, s); why != "" {
					e.frameless[[2]string{name, f.Name}] = why
				}
			}
		}
	}
	return e, nil
}

func (e *Engines) prepare(ctx context.Context, b experiment.Backend, f experiment.Function, s backends.Session) error {
	name := b.Name()
	opened, ok := e.backends[name]
	if !ok {
		var err error
		if opened, err = b.Options.(backends.Options).Open(ctx, s); err != nil {
			return e.miss(name, "", err)
		}
		e.backends[name] = opened
	}
	began := time.Now()
	a, err := opened.Prepare(ctx, f)
	if err != nil {
		return e.miss(name, f.Name, err)
	}
	s.Log.Info().Str("backend", name).Str("function", f.Name).Str("took", time.Since(began).Round(time.Millisecond).String()).Msg("ready")
	if e.artifacts[name] == nil {
		e.artifacts[name] = map[string]backends.Artifact{}
	}
	e.artifacts[name][f.Name] = a
	return nil
}

// mostTries is how many inputs a function is tried with, of which each may take
// the run's timeout.
const mostTries = 3

// tryFrames finds out whether a function can answer more than one request, and
// says why it has no warm start. Only running it tells, and only an answer is a
// proof; where it fails with one input, another may show. What is wrong with an
// engine shows in the trials.
func (e *Engines) tryFrames(ctx context.Context, backend string, f experiment.Function, inputs []string, s backends.Session) (why string) {
	framer, ok := e.artifacts[backend][f.Name].(backends.Framer)
	if !ok {
		return ""
	}
	tries := 0
	for _, in := range f.Inputs {
		if !slices.Contains(inputs, in.Name) || tries == mostTries {
			continue
		}
		tries++
		req := backends.Request{Stdin: []byte(in.Stdin), Args: in.Args, Env: in.Env}
		err := e.askFrames(ctx, framer, req, backend, s.Log)
		if err == nil {
			return ""
		}
		s.Log.Debug().Err(err).Str("backend", backend).Str("function", f.Name).Str("input", in.Name).Msg("tried for a warm start")
		switch {
		case errors.Is(err, backends.ErrNoFrames):
			return backends.ErrNoFrames.Error()
		case ctx.Err() != nil || !failedByItself(err) || e.check(ctx, backend) != nil:
			return ""
		case why == "":
			why = fmt.Sprintf("whether the function speaks frames, which a warm start needs, could not be found out: with input %q, %s", in.Name, err)
		}
	}
	return why
}

// failedByItself reports whether a function failed to answer, and no engine.
func failedByItself(err error) bool {
	return slices.ContainsFunc([]error{
		backends.ErrUntried, backends.ErrCrashed, backends.ErrOutOfMemory, backends.ErrAnswerTooLong, context.DeadlineExceeded,
	}, func(target error) bool { return errors.Is(err, target) })
}

// askFrames tries a function once, or again where its engine hung; a function
// that hangs its engine each time is not tried for ever.
func (e *Engines) askFrames(ctx context.Context, f backends.Framer, req backends.Request, backend string, log zerolog.Logger) error {
	for outages := 0; ; outages++ {
		limited, cancel := context.WithTimeout(ctx, e.experiment.Run.Timeout)
		err := f.Frames(limited, req)
		cancel()
		if err == nil || errors.Is(err, backends.ErrNoFrames) || ctx.Err() != nil {
			return err
		}
		away := e.check(ctx, backend)
		r := Runner{Engines: e, Log: log, patience: patience, retryPause: retryPause}
		if away == nil {
			r.sweep(ctx, backend)
			return err
		}
		if outages == maxOutages || r.cameBack(ctx, backend, away) != nil {
			return err // the trials will say so
		}
	}
}

// miss notes what this machine lacks and which function can't be made ready;
// any other error is the caller's.
func (e *Engines) miss(backend, function string, err error) error {
	u, f := (*backends.Unavailable)(nil), (*backends.Unsuitable)(nil)
	switch {
	case errors.As(err, &u):
	case function != "" && errors.As(err, &f):
		e.unsuitable[[2]string{backend, function}] = true
	default:
		return fmt.Errorf("backend %s: %w", backend, err)
	}
	if e.missing[backend] == nil {
		e.missing[backend] = map[string]string{}
	}
	e.missing[backend][function] = err.Error()
	return nil
}

// Lacks is Lacks with what this machine has been found to lack.
func (e *Engines) Lacks(f experiment.Function, b experiment.Backend, s experiment.Start) experiment.Lack {
	if lack := Lacks(f, b, s); lack.Reason != "" {
		return lack
	}
	if why := e.frameless[[2]string{b.Name(), f.Name}]; why != "" && s == experiment.Warm {
		return experiment.Lack{Reason: why, Tried: true}
	}
	missing := e.missing[b.Name()]
	why := missing[""]
	if why == "" {
		why = missing[f.Name]
	}
	fault := e.unsuitable[[2]string{b.Name(), f.Name}]
	return experiment.Lack{Reason: why, Machine: why != "" && !fault, Fault: fault}
}

// answers bounds how long an engine may take to say that it is there.
const answers = 5 * time.Second

// check reports whether a backend's engine is away or hangs. Of one that
// can't be asked, nothing is known.
func (e *Engines) check(ctx context.Context, backend string) error {
	c, ok := e.backends[backend].(backends.Checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	return c.Check(ctx)
}

// sweep has a backend remove what trials left.
func (e *Engines) sweep(ctx context.Context, backend string) error {
	c, ok := e.backends[backend].(backends.Checker)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	return c.Sweep(ctx)
}

// inputs gives the inputs by function and name.
func (e *Engines) inputs() map[string]map[string]experiment.Input {
	inputs := map[string]map[string]experiment.Input{}
	for _, f := range e.experiment.Functions {
		inputs[f.Name] = map[string]experiment.Input{}
		for _, in := range f.Inputs {
			inputs[f.Name][in.Name] = in
		}
	}
	return inputs
}

// attendants are the names of the processes that work for an engine.
func (e *Engines) attendants() (names []string) {
	for _, b := range e.backends {
		if a, ok := b.(backends.Attended); ok {
			names = append(names, a.Attendants()...)
		}
	}
	return names
}

// lacksWindow says why a cell has no energy window; empty: it can have one.
func (e *Engines) lacksWindow(c experiment.Cell) string {
	if a, ok := e.artifact(c.Backend, c.Function).(backends.LacksWindow); ok {
		return a.LacksWindow(c.Start)
	}
	return ""
}

func (e *Engines) artifact(backend, function string) backends.Artifact {
	return e.artifacts[backend][function]
}

// Describe fills in what run.json says of backends and artefacts.
func (e *Engines) Describe(run *results.Run) {
	run.Backends = map[string]results.BackendFacts{}
	run.Artifacts = map[string]map[string]experiment.Identity{}
	for _, b := range e.experiment.Backends {
		name := b.Name()
		facts := results.BackendFacts{Options: b.Options, Missing: e.missing[name][""], ControlOf: b.ControlOf}
		if opened, ok := e.backends[name]; ok {
			facts.Engine = opened.Describe()
		}
		run.Backends[name] = facts
		for f, a := range e.artifacts[name] {
			if run.Artifacts[name] == nil {
				run.Artifacts[name] = map[string]experiment.Identity{}
			}
			run.Artifacts[name][f] = a.Describe()
		}
	}
}

// Close removes what Open made. It works after the run's context has ended.
func (e *Engines) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	var errs []error
	for name, b := range e.backends {
		away := e.check(ctx, name)
		ctx := ctx
		if away != nil { // it would be waited for in vain
			errs = append(errs, away)
			var cancel func()
			ctx, cancel = context.WithTimeout(ctx, parting)
			defer cancel()
		}
		for _, a := range e.artifacts[name] {
			if err := a.Close(ctx); away == nil {
				errs = append(errs, err)
			}
		}
		errs = append(errs, b.Close(ctx))
	}
	return errors.Join(errs...)
}
