// Package backends is the contract between the runner and the places where
// functions run. A backend opens an engine, prepares artefacts from functions
// and serves one request at a time.
//
// A backend marks events on a Timeline; it never computes a duration, keeps a
// statistic or reads an energy counter, and it never decides what a trial
// was worth: that is the runner's.
package backends

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/experiment"
)

// Options are one backend's settings. The type of a backend is the type of
// its options: the loader decodes an HCL block into them (hcl field tags),
// the plan asks them what they lack, the runner opens them. They are part of
// the plan's hash, so they must encode to JSON.
type Options interface {
	// Check returns what is wrong with the settings. Paths in them are
	// relative to the folder dir.
	Check(dir string) []Problem
	// Lacks says why a function cannot run here from a start, without
	// asking the engine; the empty string says that it can.
	Lacks(experiment.Function, experiment.Start) string
	// Open connects to the engine and checks that it answers. The error is
	// an *Unavailable where the engine is not there.
	Open(context.Context, Session) (Backend, error)
}

// Judge is implemented by options that can tell, from a function's files alone,
// that it will never run here. That is a mistake in the experiment.
type Judge interface {
	// Judge says why, and how to mend it; it builds nothing.
	Judge(experiment.Function) error
}

// Problem is a mistake in a backend's settings.
type Problem struct {
	Attribute string // the HCL attribute at fault
	Summary   string // what is wrong
	Detail    string // how to mend it
}

// Session is what an opened backend may use of the run around it.
type Session struct {
	Owner   Owner
	Scratch string // an empty folder that is removed with the run
	Log     zerolog.Logger
}

// Backend is one engine, opened and checked.
type Backend interface {
	// Prepare builds and loads a function; it is never timed. The error is
	// an *Unavailable where this machine lacks a tool for it, and an
	// *Unsuitable where the function is at fault.
	Prepare(context.Context, experiment.Function) (Artifact, error)
	// Describe gives the facts about the engine that may explain a
	// difference between two runs: versions, drivers, limits.
	Describe() map[string]string
	Close(context.Context) error
}

// Checker is a backend whose engine is another process, which may go away or
// hang in the middle of a run and come back.
type Checker interface {
	// Check returns why the engine does not answer. It changes nothing.
	Check(context.Context) error
	// Sweep removes what ended trials left behind: what they could not remove,
	// and what an engine made after they had given up on it. No trial may be
	// in progress.
	Sweep(context.Context) error
}

// Clocked is a backend whose functions may not run on this machine's clock.
type Clocked interface {
	// ForeignClock says why the stamps of its functions can't be compared with
	// ours, so that their arrivals count instead; it is empty where they can.
	ForeignClock() string
}

// Readier is an artifact that a trial may leave unfit for the next one: one
// whose process had to be killed.
type Readier interface {
	// Ready mends that. It comes before each trial and is part of none.
	Ready(context.Context) error
}

// Artifact is a function made ready for one engine: a module, an image.
type Artifact interface {
	// Start takes the backend to the given start and from there until the
	// function is about to run. An engine that cannot stop between start
	// and invocation without disturbing the measurement may do both here
	// or both in Invoke; the stamps are what counts.
	Start(context.Context, experiment.Start, Request, *Timeline) (Instance, error)
	Describe() experiment.Identity
	Close(context.Context) error
}

// Instance is a started function.
type Instance interface {
	Invoke(context.Context, Request, *Timeline) (Response, error)
	// Close removes everything that the trial created. It must work after
	// a failed or abandoned Invoke.
	Close(context.Context, *Timeline) error
}

// Request is what the function gets.
type Request struct {
	Trial int // for labels
	Stdin []byte
	Args  []string
	Env   map[string]string
	// Window: this is one of the invocations of an energy window, which hold
	// nothing that the function does not need. CPU time is asked for, the peak
	// of memory is not.
	Window bool
}

// Response is what the function did.
type Response struct {
	Stdout   []byte
	Stderr   []byte // its end, without the markers; with an error too
	ExitCode int
	Usage    Usage
}

// Usage is what the kernel or engine accounted to one trial.
type Usage struct {
	CPU        int64 // nanoseconds; 0: not measured
	PeakMemory int64 // bytes; 0: not measured
}

// MaxAnswer is the most that a function may write to standard output. More
// is an ErrAnswerTooLong, so that a function that never stops writing
// cannot fill the memory of the harness.
const MaxAnswer = 64 << 20

// MaxStderr is how much of the end of standard error is kept.
const MaxStderr = 4 << 10

// Errors that decide a trial's outcome. Any other error of Start or Invoke
// means that the engine failed.
var (
	ErrOutOfMemory   = errors.New("out of memory")
	ErrContaminated  = errors.New("not as cold as its cell says")
	ErrCrashed       = errors.New("the function crashed")
	ErrCantStart     = errors.New("the function can't start")            // its own fault or the experiment's, and no engine's
	ErrUnanswered    = errors.New("the engine had not answered in time") // a call that must come before the function
	ErrAnswerTooLong = fmt.Errorf("the answer is longer than %d MiB", MaxAnswer>>20)
)

// Unavailable says that something on this machine is missing, so that some
// cells cannot run, and what would mend it.
type Unavailable struct {
	What   string // "Docker does not answer"
	Remedy string // "start it with: systemctl start docker"
	Err    error  // may be nil
}

// Unsuitable says that a function can't be made ready, and that the fault is its
// own: its source does not compile, or gives something that the engine can't
// run. Its cells are left out; other functions run.
type Unsuitable struct{ Err error }

func (e *Unsuitable) Error() string { return e.Err.Error() }

func (e *Unsuitable) Unwrap() error { return e.Err }

func (e *Unavailable) Error() string {
	s := e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

func (e *Unavailable) Unwrap() error { return e.Err }
