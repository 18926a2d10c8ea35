package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/reports"
)

// simulated is a backend whose functions take times of a known distribution.
// Everything else is real: the runner, the files, the summary.
type simulated struct {
	rng              *rand.Rand
	startup, runtime float64 // medians, nanoseconds
	noise            float64 // of the logarithm
}

func (s *simulated) Check(string) []backends.Problem { return nil }
func (s *simulated) Lacks(experiment.Function, experiment.Start) string {
	return ""
}
func (s *simulated) Open(context.Context, backends.Session) (backends.Backend, error) { return s, nil }
func (s *simulated) Prepare(context.Context, experiment.Function) (backends.Artifact, error) {
	return simulatedArtifact{s}, nil
}
func (s *simulated) Describe() map[string]string { return map[string]string{"engine": "simulated"} }
func (s *simulated) Close(context.Context) error { return nil }

type simulatedArtifact struct{ *simulated }

func (s simulatedArtifact) Describe() experiment.Identity {
	return experiment.Identity{Kind: "simulated"}
}
func (s simulatedArtifact) Start(context.Context, experiment.Start, backends.Request, *backends.Timeline) (backends.Instance, error) {
	return simulatedInstance(s), nil
}

type simulatedInstance struct{ *simulated }

func (s simulatedInstance) Invoke(_ context.Context, _ backends.Request, t *backends.Timeline) (backends.Response, error) {
	at := backends.Now()
	t.MarkAt(experiment.Requested, at)
	t.MarkAt(experiment.Created, at)
	t.MarkAt(experiment.Started, at)
	at += s.draw(s.startup)
	t.Announce(experiment.Ready, at)
	at += s.draw(s.runtime)
	t.Announce(experiment.Done, at)
	t.MarkResponded(at, true)
	return backends.Response{Stdout: []byte("55")}, nil
}
func (s simulatedInstance) Close(context.Context, *backends.Timeline) error { return nil }

// draw gives a time with the given median. One in ten has a tail, as times on
// a real machine do; it is above the median with or without it.
func (s *simulated) draw(median float64) int64 {
	z := s.rng.NormFloat64()
	x := median * math.Exp(s.noise*z)
	if z > 1.28 {
		x *= 1 + s.rng.ExpFloat64()
	}
	return int64(math.Round(x))
}

// TestKnownTruth runs 200 whole experiments on backends of known medians, with
// a fixed number of repetitions and with a stopping rule: from the plan to the
// summary that the report and nebula show print. What they say with 95 %
// intervals must hold the truth in 92 to 98 % of cases.
func TestKnownTruth(t *testing.T) {
	runs := map[string]experiment.Run{
		"repetitions": {Repetitions: 30, Warmup: 1},
		"until": {Repetitions: 400, Warmup: 1,
			Until: &experiment.Until{RelativeError: 0.05, Metrics: []string{"startup", "runtime"}, Min: 10, Max: 400}},
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			run.Order, run.Timeout = experiment.Shuffled, time.Minute
			rng := rand.New(rand.NewPCG(11, 12))
			var medians, ratios coverage
			trials := 0
			for range 200 {
				truth := map[string]*simulated{}
				x := &experiment.Experiment{
					Name: "simulated", Run: run,
					Functions: []experiment.Function{{Name: "f", Inputs: []experiment.Input{{Name: "i", Expect: experiment.ExpectText("55")}}}},
				}
				x.Run.Seed = rng.Uint64()
				for _, label := range []string{"a", "b"} {
					s := &simulated{rng: rng, startup: 1e6 * (1 + 9*rng.Float64()), runtime: 1e6 * (1 + 9*rng.Float64()), noise: 0.05 + 0.2*rng.Float64()}
					truth["fake."+label] = s
					x.Backends = append(x.Backends, experiment.Backend{Type: "fake", Label: label, Starts: []experiment.Start{experiment.Cold}, Options: s})
				}
				sum := simulate(t, x)
				trials += sum.Trials.Ended
				for _, c := range sum.Cells {
					for metric, m := range c.Metrics {
						if want, ok := truth[c.Backend].median(metric); ok {
							medians.add(float64(*m.LowNS), want, float64(*m.HighNS))
						}
					}
				}
				for _, v := range sum.Verdicts {
					for _, p := range v.Comparisons {
						first, ok := truth[p.First.Backend].median(v.Metric)
						other, ok2 := truth[p.Other.Backend].median(v.Metric)
						if ok && ok2 && p.Ratio != nil {
							ratios.add(*p.Low, other/first, *p.High)
						}
					}
				}
			}
			t.Logf("%d trials; medians: %s; ratios: %s", trials, medians, ratios)
			if medians.n != 800 || ratios.n != 400 {
				t.Errorf("%d medians and %d ratios were looked at, want those of 2 metrics, on 2 backends each", medians.n, ratios.n)
			}
			for what, c := range map[string]coverage{"medians": medians, "ratios": ratios} {
				if share := c.share(); share < 0.92 || share > 0.98 {
					t.Errorf("%s: %s", what, c)
				}
			}
		})
	}
}

func (s *simulated) median(metric string) (float64, bool) {
	switch metric {
	case "startup":
		return s.startup, true
	case "runtime":
		return s.runtime, true
	}
	return 0, false // sums, of which nobody knows the median
}

// simulate runs an experiment into a folder and summarises that.
func simulate(t *testing.T, x *experiment.Experiment) *reports.Summary {
	t.Helper()
	e, err := runner.Open(t.Context(), x, nil, backends.Session{Scratch: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p, err := experiment.NewPlan(x, nil, e.Lacks)
	if err != nil {
		t.Fatal(err)
	}
	record := &results.Run{ID: backends.NewRunID(time.Now()), Experiment: x.Name, State: results.Complete}
	e.Describe(record)
	dir := results.Dir(t.TempDir(), x.Name, record.ID)
	w, err := results.Create(dir, p, record)
	if err != nil {
		t.Fatal(err)
	}
	r := runner.Runner{Plan: p, Engines: e, Record: w.Append, Stop: w.Stop}
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := reports.Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	if s.Trials.Bad > 0 || s.Trials.Missing > 0 {
		t.Fatalf("trials %+v", s.Trials)
	}
	return s
}

// coverage counts the intervals that hold the truth.
type coverage struct{ n, held int }

func (c *coverage) add(low, truth, high float64) {
	if c.n++; low <= truth && truth <= high {
		c.held++
	}
}

func (c coverage) share() float64 { return float64(c.held) / float64(c.n) }

func (c coverage) String() string {
	return fmt.Sprintf("%d of %d intervals hold the truth (%.1f %%)", c.held, c.n, 100*c.share())
}
