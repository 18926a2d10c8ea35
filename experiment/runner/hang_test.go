package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// away is a fake whose engine may hang: it answers nothing, removes nothing,
// and the functions in it don't answer either.
type away struct {
	*fake
	hangs  func() bool
	swept  int
	asked  int
	parted time.Duration // for how long a closing was let wait, at most
}

func (f *away) Open(context.Context, backends.Session) (backends.Backend, error) {
	return awayBackend{f}, nil
}

var (
	_ backends.Checker = awayBackend{}
	_ backends.Framer  = awayArtifact{}
	_ backends.Clocked = clockedBackend{}
)

type awayBackend struct{ *away }

func (b awayBackend) Prepare(context.Context, experiment.Function) (backends.Artifact, error) {
	return awayArtifact(b), nil
}
func (b awayBackend) Describe() map[string]string { return nil }
func (b awayBackend) Close(context.Context) error { return nil }

func (b awayBackend) Check(context.Context) error {
	b.asked++
	if b.hangs() {
		return errors.New("no answer")
	}
	return nil
}

func (b awayBackend) Sweep(context.Context) error {
	b.swept++
	return nil
}

type awayArtifact struct{ *away }

func (a awayArtifact) Start(ctx context.Context, s experiment.Start, r backends.Request, t *backends.Timeline) (backends.Instance, error) {
	i, err := fakeArtifact{a.fake}.Start(ctx, s, r, t)
	return awayInstance{i, a.away}, err
}
func (a awayArtifact) Describe() experiment.Identity { return experiment.Identity{} }
func (a awayArtifact) Close(context.Context) error   { return nil }

// Frames answers, or hangs as the engine does.
func (a awayArtifact) Frames(ctx context.Context, r backends.Request) error {
	_, err := awayInstance{nil, a.away}.Invoke(ctx, r, backends.NewTimeline(backends.Now))
	return err
}

type awayInstance struct {
	backends.Instance
	*away
}

func (i awayInstance) Invoke(ctx context.Context, r backends.Request, t *backends.Timeline) (backends.Response, error) {
	if i.hangs() {
		return hangs(ctx, r, t)
	}
	return answer("55")(ctx, r, t)
}

func (i awayInstance) Close(ctx context.Context, t *backends.Timeline) error {
	if i.hangs() {
		began := time.Now()
		<-ctx.Done()
		i.parted = max(i.parted, time.Since(began))
		return ctx.Err()
	}
	return i.Instance.Close(ctx, t)
}

// hanging gives an experiment whose engine hangs for a time from its first
// request, check or probe on that comes after begin has been called.
func hanging(long time.Duration) (f *away, x *experiment.Experiment, begin func()) {
	var until time.Time
	f = &away{fake: &fake{}}
	f.hangs = func() bool { return time.Now().Before(until) }
	x = experimentOn(f.fake)
	x.Backends[0].Options = f
	return f, x, func() { until = time.Now().Add(long) }
}

// A request whose engine hung is nobody's fault: it is made again when the
// engine is back, however often that takes, and what it left is removed.
func TestTrialsOfAnEngineThatHangs(t *testing.T) {
	f, x, begin := hanging(300 * time.Millisecond)
	e, p := open(t, x, "f/*")
	var got []*results.Trial
	r := Runner{Plan: p, Engines: e, retryPause: 10 * time.Millisecond}
	r.Record = func(rec *results.Trial) error {
		if got = append(got, rec); len(got) == 1 {
			begin()
		}
		return nil
	}
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != p.Len()+1 {
		t.Fatalf("%d records of %d trials", len(got), p.Len())
	}
	for i, rec := range got {
		if i == 1 {
			if rec.Outcome != experiment.BackendError || !rec.Again || !strings.Contains(rec.Error, "no answer") || !strings.Contains(rec.Error, "stopped after 50ms") {
				t.Errorf("the hang is on record as %+v", rec)
			}
		} else if rec.Outcome != experiment.OK {
			t.Errorf("record %d: %s %s", i, rec.Outcome, rec.Error)
		}
	}
	if f.swept == 0 || f.parted > closing/2 {
		t.Errorf("swept %d times; a removal was waited for for %s", f.swept, f.parted)
	}
}

// An engine that answers late is not the function's fault either, and one
// that answers at once leaves a timeout what it is.
func TestWhoseTimeoutItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		check time.Duration // how long the engine takes to answer
		err   error         // how the request ends; nil: when its time is over
		want  experiment.Outcome
	}{
		"the function's":            {0, nil, experiment.Timeout},
		"a sluggish engine's":       {sluggish + 50*time.Millisecond, nil, experiment.BackendError},
		"before it had its turn":    {0, fmt.Errorf("%w: create", backends.ErrUnanswered), experiment.BackendError},
		"one that can't be started": {0, fmt.Errorf("%w: no such program", backends.ErrCantStart), experiment.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{invoke: func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
				resp, err := hangs(ctx, r, line)
				if tt.err != nil {
					err = tt.err
				}
				return resp, err
			}}
			d := desk{fakeArtifact{f}, 20 * time.Millisecond, func(context.Context) error { return nil }, backends.NewTimeline}
			if tt.check > 0 {
				b := &away{fake: f, hangs: func() bool { time.Sleep(tt.check); return false }}
				e := &Engines{backends: map[string]backends.Backend{"b": awayBackend{b}}}
				r := Runner{Engines: e, Plan: &experiment.Plan{}}
				d.check = r.desk(experiment.Cell{Backend: "b"}).check
			}
			_, err := d.request(t.Context(), experiment.Cold, backends.Request{}, backends.NewTimeline(backends.Now))
			if got := outcome(t.Context(), experiment.Input{}, backends.Response{}, err); got != tt.want {
				t.Errorf("%s, want %s: %v", got, tt.want, err)
			}
		})
	}
}

// A trial that hangs its engine each time ends all the same.
func TestATrialThatHangsItsEngineEnds(t *testing.T) {
	f, x, _ := hanging(0)
	x.Run.Repetitions, x.Run.Warmup = 1, 0
	n := 0
	f.hangs = func() bool { // the request, the question, the removal; then it is back
		n++
		return n%4 != 0
	}
	e, p := open(t, x, "f/*")
	var got []*results.Trial
	r := Runner{Plan: p, Engines: e, retryPause: time.Millisecond, Record: func(rec *results.Trial) error {
		got = append(got, rec)
		return nil
	}}
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(got) != maxOutages+1 {
		t.Fatalf("%d attempts", len(got))
	}
	for i, rec := range got {
		if rec.Outcome != experiment.BackendError || rec.Again != (i < maxOutages) {
			t.Errorf("attempt %d: %s, again %v", rec.Attempt, rec.Outcome, rec.Again)
		}
	}
}

// Whether a function has a warm start is found out although the engine hangs
// meanwhile.
func TestProbingAnEngineThatHangs(t *testing.T) {
	f, x, begin := hanging(200 * time.Millisecond)
	begin()
	var log bytes.Buffer
	e := &Engines{experiment: x, backends: map[string]backends.Backend{"b": awayBackend{f}}}
	if err := e.askFrames(t.Context(), awayArtifact{f}, backends.Request{}, "b", zerolog.New(&log)); err != nil {
		t.Error(err)
	}
	if f.swept == 0 || !strings.Contains(log.String(), "waiting for the engine to come back") {
		t.Errorf("swept %d times; said %s", f.swept, &log)
	}
}

// Nor is a function tried for ever that hangs its engine each time.
func TestAProbeThatHangsItsEngineEnds(t *testing.T) {
	f, x, _ := hanging(0)
	x.Run.Timeout = time.Millisecond
	n := 0
	f.hangs = func() bool { // the probe, the question; then it is back
		n++
		return n%3 != 0
	}
	e := &Engines{experiment: x, backends: map[string]backends.Backend{"b": awayBackend{f}}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := e.askFrames(ctx, awayArtifact{f}, backends.Request{}, "b", zerolog.Nop()); err == nil || ctx.Err() != nil || f.swept != maxOutages {
		t.Errorf("%v, after the engine came back %d times", err, f.swept)
	}
}

// Energy windows of an engine that hangs are made again, and the function is
// not found to fail in windows.
func TestWindowsOfAnEngineThatHangs(t *testing.T) {
	_, x, begin := hanging(300 * time.Millisecond)
	x.Energy = experiment.Energy{Window: 20 * time.Millisecond, Windows: 2, TargetError: 0.1, Source: "powercap"}
	e, p := open(t, x, "f/*")
	_, sysfs := simulate(t)
	m := &energies{}
	r := m.trials.runner(p, e)
	r.retryPause = 10 * time.Millisecond
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	en, err := OpenEnergy(p, e, sysfs)
	if err != nil {
		t.Fatal(err)
	}
	defer en.Close()
	var got []*results.EnergyWindow
	en.Record = func(w *results.EnergyWindow) error {
		if got = append(got, w); len(got) == 1 {
			begin()
		}
		return nil
	}
	if err := r.Energy(t.Context(), t.Context(), en); err != nil {
		t.Fatal(err)
	}
	final := 0
	for i, w := range got {
		if !w.Again {
			final++
		}
		if i == 1 && (!w.Again || !strings.Contains(w.Invalid, "no answer")) || i > 1 && w.Invalid != "" {
			t.Errorf("record %d: again %v, %s", i, w.Again, w.Invalid)
		}
	}
	if final != 2 || len(got) != 3 {
		t.Errorf("%d records, %d final", len(got), final)
	}
}

// A trial whose removal takes its time takes none of the next one's.
func TestASlowRemovalIsNotTheNextTrials(t *testing.T) {
	f := &fake{}
	x := experimentOn(f)
	x.Backends[0].Options = slowly{f}
	e, p := open(t, x, "f/*")
	var got []*results.Trial
	r := Runner{Plan: p, Engines: e, Record: func(rec *results.Trial) error { got = append(got, rec); return nil }}
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 1 {
			return hangs(ctx, r, line)
		}
		return works(30*time.Millisecond)(ctx, r, line)
	}
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, rec := range got {
		want := experiment.OK
		if i == 0 {
			want = experiment.Timeout
		}
		if rec.Outcome != want {
			t.Errorf("trial %d: %s %s", rec.Trial, rec.Outcome, rec.Error)
		}
	}
}

// slowly takes twice a trial's time to remove what the trial made.
type slowly struct{ *fake }

func (s slowly) Open(context.Context, backends.Session) (backends.Backend, error) {
	return slowBackend{fakeBackend(s)}, nil
}

type slowBackend struct{ fakeBackend }

func (b slowBackend) Prepare(context.Context, experiment.Function) (backends.Artifact, error) {
	return slowArtifact{fakeArtifact{b.fake}}, nil
}

type slowArtifact struct{ fakeArtifact }

func (a slowArtifact) Start(ctx context.Context, s experiment.Start, r backends.Request, t *backends.Timeline) (backends.Instance, error) {
	_, err := a.fakeArtifact.Start(ctx, s, r, t)
	return slowInstance{fakeInstance{a.fake}}, err
}

type slowInstance struct{ fakeInstance }

func (i slowInstance) Close(ctx context.Context, t *backends.Timeline) error {
	time.Sleep(100 * time.Millisecond)
	return i.fakeInstance.Close(ctx, t)
}

// clocked is a fake whose functions run on a clock that happens to stand
// close to ours, or on ours.
type clocked struct {
	*fake
	foreign string
}

func (c clocked) Open(context.Context, backends.Session) (backends.Backend, error) {
	return clockedBackend{fakeBackend{c.fake}, c.foreign}, nil
}

type clockedBackend struct {
	fakeBackend
	foreign string
}

func (b clockedBackend) ForeignClock() string { return b.foreign }

// A stamp of another clock does not count, even where it could be true.
func TestStampsOfAForeignClock(t *testing.T) {
	for foreign, want := range map[string]backends.ReadySource{"": backends.ReadyStamp, "a virtual machine": backends.ReadyMarker} {
		f := &fake{invoke: func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
			time.Sleep(2 * time.Millisecond)
			now := backends.Now()
			line.AnnounceStamped(experiment.Ready, now, now-int64(time.Millisecond))
			line.Mark(experiment.Exited)
			line.MarkResponded(backends.Now(), true)
			return backends.Response{Stdout: []byte("55")}, nil
		}}
		x := experimentOn(f)
		x.Backends[0].Options = clocked{f, foreign}
		e, p := open(t, x, "f/*")
		r := Runner{Plan: p, Engines: e, Record: func(rec *results.Trial) error {
			if rec.Outcome != experiment.OK || rec.ReadySource != string(want) {
				t.Errorf("clock %q: %s, ready from %s, want %s", foreign, rec.Outcome, rec.ReadySource, want)
			}
			return nil
		}}
		if err := r.Run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
