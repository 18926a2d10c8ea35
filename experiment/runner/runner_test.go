package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// fake is a backend, an artefact and an instance whose every step the test
// decides.
type fake struct {
	openErr, prepareErr, startErr, closeErr error
	invoke                                  func(context.Context, backends.Request, *backends.Timeline) (backends.Response, error)
	prepared                                []string
	started, closed                         int
}

func (f *fake) Check(string) []backends.Problem { return nil }
func (f *fake) Lacks(_ experiment.Function, s experiment.Start) string {
	if s == experiment.Warm {
		return "never warm"
	}
	return ""
}
func (f *fake) Open(context.Context, backends.Session) (backends.Backend, error) {
	return fakeBackend{f}, f.openErr
}

type fakeBackend struct{ *fake }

func (f fakeBackend) Prepare(_ context.Context, fn experiment.Function) (backends.Artifact, error) {
	f.prepared = append(f.prepared, fn.Name)
	return fakeArtifact(f), f.prepareErr
}
func (f fakeBackend) Describe() map[string]string { return map[string]string{"engine": "fake"} }
func (f fakeBackend) Close(context.Context) error { return nil }

type fakeArtifact struct{ *fake }

func (f fakeArtifact) Start(_ context.Context, _ experiment.Start, _ backends.Request, t *backends.Timeline) (backends.Instance, error) {
	f.started++
	t.Mark(experiment.Created)
	t.Mark(experiment.Started)
	return fakeInstance(f), f.startErr
}
func (f fakeArtifact) Describe() experiment.Identity { return experiment.Identity{Kind: "fake"} }
func (f fakeArtifact) Close(context.Context) error   { return nil }

type fakeInstance struct{ *fake }

func (f fakeInstance) Invoke(ctx context.Context, r backends.Request, t *backends.Timeline) (backends.Response, error) {
	if f.invoke == nil {
		return answer("")(ctx, r, t)
	}
	return f.invoke(ctx, r, t)
}

func (f fakeInstance) Close(ctx context.Context, t *backends.Timeline) error {
	if ctx.Err() != nil {
		return fmt.Errorf("closed with a dead context: %w", ctx.Err())
	}
	f.closed++
	t.Mark(experiment.Removed)
	return f.closeErr
}

type invoke = func(context.Context, backends.Request, *backends.Timeline) (backends.Response, error)

func answer(s string) invoke {
	return func(_ context.Context, _ backends.Request, t *backends.Timeline) (backends.Response, error) {
		t.Announce(experiment.Ready, backends.Now())
		t.Mark(experiment.Exited)
		t.MarkResponded(backends.Now(), true)
		return backends.Response{Stdout: []byte(s), Usage: backends.Usage{CPU: 5}}, nil
	}
}

func fails(err error) invoke {
	return func(context.Context, backends.Request, *backends.Timeline) (backends.Response, error) {
		return backends.Response{}, err
	}
}

func hangs(ctx context.Context, _ backends.Request, _ *backends.Timeline) (backends.Response, error) {
	<-ctx.Done()
	return backends.Response{}, ctx.Err()
}

func experimentOn(f *fake) *experiment.Experiment {
	return &experiment.Experiment{
		Name: "x",
		Functions: []experiment.Function{
			{Name: "f", Inputs: []experiment.Input{{Name: "i", Stdin: "10", Expect: experiment.ExpectText("55")}}},
			{Name: "g", Inputs: []experiment.Input{{Name: "i"}}},
		},
		Backends: []experiment.Backend{{Type: "fake", Label: "a", Starts: []experiment.Start{experiment.Cold}, Options: f}},
		Run:      experiment.Run{Repetitions: 2, Warmup: 1, Order: experiment.Interleaved, Timeout: 50 * time.Millisecond},
	}
}

func open(t testing.TB, x *experiment.Experiment, only ...string) (*Engines, *experiment.Plan) {
	t.Helper()
	e, err := Open(t.Context(), x, only, backends.Session{Scratch: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	p, err := experiment.NewPlan(x, only, e.Lacks)
	if err != nil {
		t.Fatal(err)
	}
	return e, p
}

func TestOutcomes(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("engine: %w", err) }
	tests := map[string]struct {
		fake  fake
		want  experiment.Outcome
		error string
		exit  int // -1: none
	}{
		"the expected answer": {fake{invoke: answer("55\n")}, experiment.OK, "", 0},
		"another answer":      {fake{invoke: answer("56")}, experiment.WrongOutput, "", 0},
		"an exit code": {fake{invoke: func(context.Context, backends.Request, *backends.Timeline) (backends.Response, error) {
			return backends.Response{Stdout: []byte("55"), Stderr: []byte("no"), ExitCode: 3}, nil
		}}, experiment.Failed, "no", 3},
		"a crash":              {fake{invoke: fails(wrapped(backends.ErrCrashed))}, experiment.Failed, "crashed", -1},
		"what can't start":     {fake{startErr: wrapped(backends.ErrCantStart)}, experiment.Failed, "can't start", -1},
		"an endless answer":    {fake{invoke: fails(backends.ErrAnswerTooLong)}, experiment.Failed, "longer than", -1},
		"no memory":            {fake{invoke: fails(wrapped(backends.ErrOutOfMemory))}, experiment.OutOfMemory, "out of memory", -1},
		"not cold":             {fake{invoke: fails(wrapped(backends.ErrContaminated))}, experiment.Contaminated, "cold", -1},
		"no end":               {fake{invoke: hangs}, experiment.Timeout, "stopped after 50ms", -1},
		"an engine that fails": {fake{invoke: fails(errors.New("gone"))}, experiment.BackendError, "gone", -1},
		"a start that fails":   {fake{startErr: errors.New("no start")}, experiment.BackendError, "no start", -1},
		"what it made can't be removed": {fake{invoke: answer("55"), closeErr: errors.New("stuck")},
			experiment.BackendError, "stuck", -1},
		"a removal that takes too long": {fake{invoke: answer("55"), closeErr: wrapped(context.DeadlineExceeded)},
			experiment.BackendError, "remove what the trial made: ", -1},
		"an engine that gives up": {fake{invoke: fails(wrapped(context.DeadlineExceeded))}, experiment.BackendError, "deadline", -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := tt.fake
			e, p := open(t, experimentOn(&f), "f/*")
			var got []*results.Trial
			r := Runner{Plan: p, Engines: e, Record: func(rec *results.Trial) error { got = append(got, rec); return nil }}
			r.retryPause = time.Nanosecond
			if err := r.Run(t.Context(), t.Context()); err != nil {
				t.Fatal(err)
			}
			attempts := 1
			if tt.want == experiment.BackendError {
				attempts = maxAttempts
			}
			if len(got) != 3*attempts || !got[0].Warmup || got[len(got)-1].Warmup {
				t.Fatalf("%d records", len(got))
			}
			if f.started != len(got) || f.closed != len(got) {
				t.Errorf("%d were started, %d closed", f.started, f.closed)
			}
			for i, rec := range got {
				if rec.Attempt != 1+i%attempts || rec.Final() != (rec.Attempt == attempts) {
					t.Errorf("record %d is attempt %d, final: %v", i, rec.Attempt, rec.Final())
				}
			}
			rec := got[len(got)-1]
			if rec.Outcome != tt.want || !strings.Contains(rec.Why(), tt.error) || (rec.Why() == "") != (tt.error == "") {
				t.Errorf("%s %q, want %s %q", rec.Outcome, rec.Why(), tt.want, tt.error)
			}
			if tt.exit == -1 && rec.ExitCode != nil || tt.exit >= 0 && (rec.ExitCode == nil || *rec.ExitCode != tt.exit) {
				t.Errorf("exit code %v, want %d", rec.ExitCode, tt.exit)
			}
			if zero, ok := rec.At.Get(experiment.Requested); !ok || zero != 0 {
				t.Errorf("the stamps do not count from the request: %v", rec.At)
			}
			if _, ok := rec.At.Get(experiment.Removed); !ok {
				t.Error("removed was not marked")
			}
		})
	}
}

func TestStopFinishesTheTrialInFlight(t *testing.T) {
	stop, cancel := context.WithCancel(t.Context())
	f := &fake{}
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 3 {
			cancel()
		}
		return answer("55")(ctx, r, line)
	}
	e, p := open(t, experimentOn(f))
	var got []experiment.Outcome
	r := Runner{Plan: p, Engines: e, Record: func(rec *results.Trial) error { got = append(got, rec.Outcome); return nil }}
	if err := r.Run(stop, t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(got, []experiment.Outcome{experiment.OK, experiment.OK, experiment.OK}) {
		t.Errorf("records %v", got)
	}
}

func TestAbortCutsTheTrialInFlightShort(t *testing.T) {
	abort, cancel := context.WithCancel(t.Context())
	f := &fake{}
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		cancel()
		return hangs(ctx, r, line)
	}
	e, p := open(t, experimentOn(f))
	var got []experiment.Outcome
	r := Runner{Plan: p, Engines: e, Record: func(rec *results.Trial) error { got = append(got, rec.Outcome); return nil }}
	if err := r.Run(t.Context(), abort); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(got, []experiment.Outcome{experiment.Interrupted}) || f.closed != 1 {
		t.Errorf("records %v, %d closed", got, f.closed)
	}
}

func TestARecordThatCannotBeWrittenEndsTheRun(t *testing.T) {
	f := &fake{}
	e, p := open(t, experimentOn(f))
	full := errors.New("no space left on device")
	r := Runner{Plan: p, Engines: e, Record: func(*results.Trial) error { return full }}
	if err := r.Run(t.Context(), t.Context()); !errors.Is(err, full) || f.started != 1 {
		t.Errorf("after %d trials: %v", f.started, err)
	}
}

func TestWhatIsMissingIsLeftOut(t *testing.T) {
	gone := &backends.Unavailable{What: "no engine", Remedy: "start it"}
	good, noEngine, noTool := &fake{}, &fake{openErr: gone}, &fake{prepareErr: gone}
	x := experimentOn(good)
	for name, f := range map[string]*fake{"engine": noEngine, "tool": noTool} {
		x.Backends = append(x.Backends, experiment.Backend{Type: "fake", Label: name, Starts: []experiment.Start{experiment.Cold}, Options: f})
	}
	e, p := open(t, x)
	for _, c := range p.Cells {
		if c.Backend != "fake.a" {
			t.Errorf("cell %s is in the plan", c)
		}
	}
	if len(p.Cells) != 2 || len(p.LeftOut) != 4 {
		t.Errorf("%d cells, left out %+v", len(p.Cells), p.LeftOut)
	}
	for _, l := range p.LeftOut {
		if l.Reason != "no engine (start it)" || l.Chosen {
			t.Errorf("left out: %+v", l)
		}
	}
	var run results.Run
	e.Describe(&run)
	if run.Backends["fake.engine"].Missing == "" || run.Backends["fake.a"].Engine["engine"] != "fake" || run.Artifacts["fake.a"]["g"].Kind != "fake" {
		t.Errorf("described as %+v", run)
	}
}

func TestOnlyWhatIsNeededIsPrepared(t *testing.T) {
	f := &fake{}
	open(t, experimentOn(f), "g/*")
	if !slices.Equal(f.prepared, []string{"g"}) {
		t.Errorf("prepared %v", f.prepared)
	}
}

func TestAnyOtherErrorOfAnEngineEndsTheRun(t *testing.T) {
	broken := errors.New("broken")
	for _, f := range []*fake{{openErr: broken}, {prepareErr: broken}} {
		e, err := Open(t.Context(), experimentOn(f), nil, backends.Session{Log: zerolog.Nop()})
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		e.Close()
	}
}

// A run's memory does not grow with its number of trials.
func TestMemoryDoesNotGrow(t *testing.T) {
	f := &fake{invoke: answer("55")}
	e, p := open(t, experimentOn(f), "f/*")
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	p.Repetitions = 50_000
	n, early := 0, uint64(0)
	r := Runner{Plan: p, Engines: e, Record: func(*results.Trial) error {
		if n++; n == 1000 {
			early = heap()
		}
		return nil
	}}
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if late := heap(); late > early+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes in %d trials", early, late, n)
	}
}
