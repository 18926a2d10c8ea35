package runner

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// fakeTrial is a counted trial with a startup.
func fakeTrial(c experiment.Cell, startup float64) *results.Trial {
	at := experiment.NewStamps()
	at.Set(experiment.Requested, 0)
	at.Set(experiment.Ready, int64(startup))
	return &results.Trial{Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start, Outcome: experiment.OK, Attempt: 1, At: at}
}

func untilPlan(u experiment.Until, cells ...string) *experiment.Plan {
	p := &experiment.Plan{Warmup: 1, Repetitions: u.Max, Until: &u, Order: experiment.Shuffled}
	for _, name := range cells {
		p.Cells = append(p.Cells, experiment.Cell{Function: name, Input: "i", Backend: "fake.a", Start: experiment.Cold})
	}
	return p
}

// block feeds one block to a rule.
func block(s *stopping, n int, startup func(cell int) float64) []results.Stop {
	for i := range s.cells {
		if !s.stopped(i) {
			s.add(i, fakeTrial(s.cells[i].cell, startup(i)))
		}
	}
	return s.blockEnds(n)
}

// TestStopping runs one quiet and one noisy cell: the quiet one leaves the
// blocks when it is known, the noisy one has all its repetitions.
func TestStopping(t *testing.T) {
	p := untilPlan(experiment.Until{RelativeError: 0.02, Metrics: []string{"startup"}, Min: 10, Max: 60}, "quiet", "noisy")
	s := newStopping(p, 0, time.Now)
	rng := rand.New(rand.NewPCG(1, 1))
	var stops []results.Stop
	for b := 2; b <= p.Warmup+p.Until.Max; b++ {
		stops = append(stops, block(s, b, func(cell int) float64 {
			if cell == 0 {
				return 1e6 * (1 + 0.01*rng.NormFloat64())
			}
			return 1e6 * math.Exp(rng.NormFloat64())
		})...)
	}
	if len(stops) != 2 || !s.done() {
		t.Fatalf("stops %+v", stops)
	}
	quiet, noisy := stops[0], stops[1]
	if quiet.Function != "quiet" || quiet.Reason != results.Precise || quiet.N < 10 || quiet.N > 30 || *quiet.Relative > 0.02 || quiet.Block != quiet.N+1 {
		t.Errorf("the quiet cell: %+v", quiet)
	}
	if noisy.Function != "noisy" || noisy.Reason != results.Repetitions || noisy.N != 60 || *noisy.Relative < 0.02 {
		t.Errorf("the noisy cell: %+v", noisy)
	}
}

func TestStoppingOutOfTime(t *testing.T) {
	now := time.Unix(0, 0)
	p := untilPlan(experiment.Until{RelativeError: 0.001, Metrics: []string{"startup"}, Min: 6, Max: 500, MaxTime: time.Minute}, "f")
	s := newStopping(p, 50*time.Second, func() time.Time { return now })
	rng := rand.New(rand.NewPCG(1, 1))
	noisy := func(int) float64 { return 1e6 * (2 + rng.Float64()) }
	if stops := block(s, 2, noisy); len(stops) > 0 {
		t.Errorf("after 50 s: %+v", stops)
	}
	now = now.Add(11 * time.Second)
	stops := block(s, 3, noisy)
	if len(stops) != 1 || stops[0].Reason != results.OutOfTime || stops[0].Relative != nil {
		t.Errorf("after 61 s: %+v", stops)
	}
}

// TestStoppingIsHonest simulates 1,000 cells with known medians: where the
// rule stops, the interval may miss the truth hardly more often than one
// that is looked at once. A rule that takes the first narrow interval would
// miss far more often.
func TestStoppingIsHonest(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	misses, trials := 0, 0
	const cells = 1000
	for range cells {
		p := untilPlan(experiment.Until{RelativeError: 0.05, Metrics: []string{"startup"}, Min: 10, Max: 500}, "f")
		s := newStopping(p, 0, time.Now)
		for b := 2; !s.done(); b++ {
			block(s, b, func(int) float64 { return 1e6 * math.Exp(0.2*rng.NormFloat64()) })
		}
		xs := s.cells[0].samples[0]
		trials += len(xs)
		if m := stats.Summarise(xs); m.Low > 1e6 || m.High < 1e6 {
			misses++
		}
	}
	t.Logf("%d of %d intervals miss the truth, after %d trials on average", misses, cells, trials/cells)
	if misses > cells*8/100 {
		t.Errorf("%d of %d intervals miss the truth", misses, cells)
	}
}

// recorded gives the startups of a real run in testdata: 250 blocks of ten
// cells, in the order in which they ran, on a virtual machine with two
// processors. Columns are cells, rows are blocks, in nanoseconds.
func recorded(tb testing.TB) (cells []string, blocks [][]float64) {
	tb.Helper()
	f, err := os.Open("testdata/startups.csv")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	for _, row := range rows[1:] {
		var block []float64
		for _, text := range row {
			ns, err := strconv.ParseFloat(text, 64)
			if err != nil {
				tb.Fatal(err)
			}
			block = append(block, ns)
		}
		blocks = append(blocks, block)
	}
	return rows[0], blocks
}

// replay runs the rule over recorded blocks. It gives how many trials each
// cell took, and how many each would have taken at the least: from there on its
// interval is narrow enough, as only somebody knows who has seen them all.
// Cells that the record is too short for take all of it.
func replay(cells []string, blocks [][]float64, relative float64) (took, least []int, precise int) {
	p := untilPlan(experiment.Until{RelativeError: relative, Metrics: []string{"startup"}, Min: 10, Max: len(blocks)}, cells...)
	p.Warmup = 0
	s := newStopping(p, 0, time.Now)
	least = make([]int, len(cells))
	seen := make([][]float64, len(cells))
	for n, row := range blocks {
		for i, ns := range row {
			at, _ := slices.BinarySearch(seen[i], ns)
			if seen[i] = slices.Insert(seen[i], at, ns); halfWidth(seen[i]) > relative {
				least[i] = n + 2
			}
		}
		for _, stop := range block(s, n+1, func(i int) float64 { return row[i] }) {
			if stop.Reason == results.Precise {
				precise++
			}
		}
	}
	for i, c := range s.cells {
		took = append(took, c.n)
		least[i] = min(least[i], len(blocks))
	}
	return took, least, precise
}

// BenchmarkTrialsSaved counts, on recorded data, the trials that the rule
// saves over a number of repetitions that is fixed beforehand and gives every
// cell the same precision. That number is the least that would do, and nobody
// can know it beforehand: what is saved over a guess is more.
func BenchmarkTrialsSaved(b *testing.B) {
	cells, blocks := recorded(b)
	for _, relative := range []float64{0.02, 0.05, 0.10} {
		b.Run(fmt.Sprintf("±%.0f%%", 100*relative), func(b *testing.B) {
			var used, fixed, precise int
			for b.Loop() {
				took, least, n := replay(cells, blocks, relative)
				used, fixed, precise = 0, len(cells)*slices.Max(least), n
				for _, n := range took {
					used += n
				}
			}
			b.ReportMetric(float64(used)/float64(len(cells)), "trials/cell")
			b.ReportMetric(float64(fixed)/float64(len(cells)), "fixed/cell")
			b.ReportMetric(100*(1-float64(used)/float64(fixed)), "%saved")
			b.ReportMetric(float64(precise), "precise-cells")
		})
	}
}

// On recorded data the rule takes fewer trials than a fixed number of the same
// precision, and where it stops it has that precision.
func TestTrialsSaved(t *testing.T) {
	cells, blocks := recorded(t)
	took, least, precise := replay(cells, blocks, 0.05)
	used := 0
	for i, n := range took {
		used += n
		if n < len(blocks) && n < 10 {
			t.Errorf("%s stopped after %d trials", cells[i], n)
		}
	}
	fixed := len(cells) * slices.Max(least)
	t.Logf("%d trials, and %d with a fixed number; %d of %d cells are known to ±5 %%", used, fixed, precise, len(cells))
	if len(blocks) != 250 || precise < len(cells)/2 || used > fixed*3/4 {
		t.Errorf("%d trials of %d, %d cells are precise", used, fixed, precise)
	}
}

// memory keeps the records of a run as a folder does.
type memory struct {
	trials []*results.Trial
	stops  []results.Stop
}

func (m *memory) runner(p *experiment.Plan, e *Engines) *Runner {
	return &Runner{
		Plan: p, Engines: e, retryPause: time.Nanosecond,
		Record: func(t *results.Trial) error { m.trials = append(m.trials, t); return nil },
		Stop:   func(s *results.Stop) error { m.stops = append(m.stops, *s); return nil },
	}
}

// folder writes what is in memory, as a killed run leaves it.
func (m *memory) folder(t *testing.T, p *experiment.Plan) *results.Folder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	w, err := results.Create(dir, p, &results.Run{ID: "run", Experiment: "x", State: results.Running, Sessions: []results.Session{{Started: time.Now()}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range m.trials {
		if err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range m.stops {
		if err := w.Stop(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestResumeAnywhere stops a run after each of its records in turn: the
// resumed run has the records, and the stops, of one that nobody stopped.
func TestResumeAnywhere(t *testing.T) {
	// Startups that depend on the trial alone, so that every run of the plan
	// sees the same.
	f := &fake{}
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		zero := backends.Now()
		line.MarkAt(experiment.Requested, zero)
		line.MarkAt(experiment.Created, zero)
		line.MarkAt(experiment.Started, zero)
		ns := zero + int64(1e6+1e4*math.Sin(float64(r.Trial)))
		line.Announce(experiment.Ready, ns)
		line.MarkResponded(ns+1, true)
		return backends.Response{Stdout: []byte("55")}, nil
	}
	x := experimentOn(f)
	x.Run = experiment.Run{
		Repetitions: 30, Warmup: 1, Order: experiment.Shuffled, Timeout: time.Second,
		Until: &experiment.Until{RelativeError: 0.01, Metrics: []string{"startup"}, Min: 8, Max: 30},
	}
	e, p := open(t, x)
	var whole memory
	if err := whole.runner(p, e).Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(whole.stops) != 2 || whole.stops[0].Reason != results.Precise || len(whole.trials) == p.Len() {
		t.Fatalf("the rule never stopped a cell early: %+v", whole.stops)
	}
	full := errors.New("the disk is full")
	for cut := range whole.trials {
		var m memory
		first := m.runner(p, e)
		first.Record = func(rec *results.Trial) error {
			if len(m.trials) == cut {
				return full
			}
			m.trials = append(m.trials, rec)
			return nil
		}
		if err := first.Run(t.Context(), t.Context()); !errors.Is(err, full) {
			t.Fatal(err)
		}
		prior, err := NewPrior(m.folder(t, p))
		if err != nil {
			t.Fatal(err)
		}
		second := m.runner(p, e)
		second.Prior = prior
		if err := second.Run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := trialsOf(m.trials), trialsOf(whole.trials); !slices.Equal(got, want) {
			t.Fatalf("stopped after %d records: trials %v, want %v", cut, got, want)
		}
		if got, want := fmt.Sprint(stopsOf(m.stops)), fmt.Sprint(stopsOf(whole.stops)); got != want {
			t.Fatalf("stopped after %d records: stops %s, want %s", cut, got, want)
		}
	}
}

func trialsOf(ts []*results.Trial) (ns []int) {
	for _, t := range ts {
		if t.Final() {
			ns = append(ns, t.Trial)
		}
	}
	return ns
}

func stopsOf(stops []results.Stop) (out []string) {
	for _, s := range stops {
		out = append(out, fmt.Sprintf("%s %d %d %s", s.Cell, s.Block, s.N, s.Reason))
	}
	return out
}

// TestAttempts: a trial that the user cut short, or whose engine failed, has
// another attempt; it is numbered on after a resume, and in the end every
// trial has one final record.
func TestAttempts(t *testing.T) {
	f := &fake{invoke: answer("55")}
	e, p := open(t, experimentOn(f), "f/*")
	var m memory
	abort, cancel := context.WithCancel(t.Context())
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 2 {
			cancel()
			return hangs(ctx, r, line)
		}
		return answer("55")(ctx, r, line)
	}
	if err := m.runner(p, e).Run(t.Context(), abort); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	prior, err := NewPrior(m.folder(t, p))
	if err != nil || prior.Done() != 1 {
		t.Fatal(prior, err)
	}
	failures := 2
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if failures > 0 {
			failures--
			return backends.Response{}, errors.New("the engine stumbled")
		}
		return answer("55")(ctx, r, line)
	}
	again := m.runner(p, e)
	again.Prior = prior
	if err := again.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.trials {
		got = append(got, fmt.Sprintf("%d.%d %s %v", r.Trial, r.Attempt, r.Outcome, r.Final()))
	}
	want := []string{"1.1 ok true", "2.1 interrupted false", "2.2 backend_error false", "2.3 backend_error false", "2.4 ok true", "3.1 ok true"}
	if !slices.Equal(got, want) {
		t.Errorf("records %q, want %q", got, want)
	}
}

// TestOutage: while the engine is away nothing counts against the trial, and
// when it does not come back the run ends and can be resumed.
func TestOutage(t *testing.T) {
	f := &fake{}
	e, p := open(t, experimentOn(f), "f/*")
	var away atomic.Bool
	e.backends["fake.a"] = checked{e.backends["fake.a"], &away}
	calls := 0
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 2 && calls < 7 {
			calls++
			away.Store(true)
			time.AfterFunc(time.Millisecond, func() { away.Store(false) })
			return backends.Response{}, errors.New("connection lost")
		}
		return answer("55")(ctx, r, line)
	}
	var m memory
	r := m.runner(p, e)
	r.retryPause = 5 * time.Millisecond
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	// A function that its engine took with it has not failed by itself.
	calls = 0
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 2 && calls == 0 {
			calls++
			away.Store(true)
			time.AfterFunc(time.Millisecond, func() { away.Store(false) })
			return backends.Response{ExitCode: 143}, nil
		}
		if r.Trial == 3 { // this one has
			return backends.Response{ExitCode: 3}, nil
		}
		return answer("55")(ctx, r, line)
	}
	var killed memory
	if err := killed.runner(p, e).Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	var ends []string
	for _, r := range killed.trials {
		ends = append(ends, fmt.Sprintf("%d.%d %s %v", r.Trial, r.Attempt, r.Outcome, r.Final()))
	}
	if want := []string{"1.1 ok true", "2.1 backend_error false", "2.2 ok true", "3.1 failed true"}; !slices.Equal(ends, want) {
		t.Errorf("records %q, want %q", ends, want)
	}
	if got := trialsOf(m.trials); len(m.trials) != 3+7 || !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("%d records, final ones of %v", len(m.trials), got)
	}

	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		away.Store(true)
		return backends.Response{}, errors.New("connection lost")
	}
	m = memory{}
	r = m.runner(p, e)
	r.patience, r.retryPause = 20*time.Millisecond, time.Millisecond
	if err := r.Run(t.Context(), t.Context()); !errors.Is(err, ErrAway) {
		t.Errorf("error %v", err)
	}
	if len(m.trials) != 1 || m.trials[0].Final() {
		t.Errorf("%d records", len(m.trials))
	}
}

var _ backends.Checker = checked{}

type checked struct {
	backends.Backend
	away *atomic.Bool
}

func (c checked) Check(context.Context) error {
	if c.away.Load() {
		return errors.New("no answer")
	}
	return nil
}

func (c checked) Sweep(context.Context) error { return nil }

// TestPause: the pause comes before every trial and can be interrupted.
func TestPause(t *testing.T) {
	f := &fake{invoke: answer("55")}
	e, p := open(t, experimentOn(f), "f/*")
	p.PauseNS = (20 * time.Millisecond).Nanoseconds()
	var m memory
	began := time.Now()
	if err := m.runner(p, e).Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < time.Duration(3*p.PauseNS) {
		t.Errorf("three trials with their pauses took %s", took)
	}
	p.PauseNS = time.Hour.Nanoseconds()
	stop, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := m.runner(p, e).Run(stop, t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
