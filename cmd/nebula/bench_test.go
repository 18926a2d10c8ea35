package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/backends/wazero"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// The benchmarks here compare what Nebula reports, and what a trial costs,
// with a bare loop over the engine's API. Both take turns inside one run, so
// that the machine's moods hit both alike; what counts is the ratio.

// harness runs whole trials, records included, of one function on one
// backend from one start.
type harness struct {
	run func(n int) (startups []float64, wall time.Duration)
}

func newHarness(b *testing.B, o backends.Options, f experiment.Function, s experiment.Start) harness {
	b.Helper()
	f.Inputs = []experiment.Input{{Name: "default"}}
	x := &experiment.Experiment{
		Name: "bench", Functions: []experiment.Function{f},
		Backends: []experiment.Backend{{Type: "engine", Label: "x", Starts: []experiment.Start{s}, Options: o}},
		Run:      experiment.Run{Order: experiment.Shuffled, Timeout: time.Minute},
	}
	e, err := runner.Open(b.Context(), x, nil, backendtest.Session(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	plan, err := experiment.NewPlan(x, nil, e.Lacks)
	if err != nil || len(plan.Cells) != 1 {
		b.Fatal(plan.LeftOut, err)
	}
	w, err := results.Create(filepath.Join(b.TempDir(), "runs", "r"), plan, &results.Run{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Close() })
	return harness{run: func(n int) (startups []float64, wall time.Duration) {
		p := *plan
		p.Repetitions = n
		r := runner.Runner{Plan: &p, Engines: e, Record: func(t *results.Trial) error {
			ns, ok := t.At.Metric(experiment.Metrics[0])
			if !ok || t.Outcome != experiment.OK {
				b.Fatalf("trial: %+v", t)
			}
			startups = append(startups, float64(ns))
			return w.Append(t)
		}}
		began := time.Now()
		if err := r.Run(b.Context(), b.Context()); err != nil {
			b.Fatal(err)
		}
		return startups, time.Since(began)
	}}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

func noop(language string) experiment.Function {
	return experiment.Function{Name: "noop", Source: "noop", Path: abs("../../functions/noop"), Language: language}
}

func abs(path string) string {
	p, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return p
}

// readyAt notes when the guest's marker arrives.
type readyAt struct{ at int64 }

func (r *readyAt) Write(p []byte) (int, error) {
	if r.at == 0 {
		r.at = backends.Now()
	}
	return len(p), nil
}

// BenchmarkPreparedNoop: a C noop on wazero, prepared. It should report a
// startup ratio of at most 1.1 and a wall ratio of at most 5.
func BenchmarkPreparedNoop(b *testing.B) {
	testenv.Need(b, "clang")
	h := newHarness(b, &wazero.Options{}, noop("c"), experiment.Prepared)

	ctx := context.Background()
	bin, err := build.Build(ctx, noop("c"), build.Wasm)
	if err != nil {
		b.Fatal(err)
	}
	wasm, err := os.ReadFile(bin.Path)
	if err != nil {
		b.Fatal(err)
	}
	r := engine.NewRuntime(ctx)
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil {
		b.Fatal(err)
	}
	bare := func(n int) (startups []float64, wall time.Duration) {
		began := time.Now()
		for range n {
			stderr := &readyAt{}
			cfg := engine.NewModuleConfig().WithName("").WithStartFunctions().WithStderr(stderr).
				WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(rand.Reader)
			requested := backends.Now()
			m, err := r.InstantiateModule(ctx, compiled, cfg)
			if err != nil {
				b.Fatal(err)
			}
			m.ExportedFunction("_start").Call(ctx)
			m.Close(ctx)
			startups = append(startups, float64(stderr.at-requested))
		}
		return startups, time.Since(began)
	}
	takeTurns(b, 500, h.run, bare)
}

// BenchmarkColdContainer: a Go noop in a container, cold. It should report a
// wall ratio of at most 1.05.
func BenchmarkColdContainer(b *testing.B) {
	testenv.Need(b, "docker")
	h := newHarness(b, &docker.Options{}, noop("go"), experiment.Cold)

	ctx := context.Background()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	a := backendtest.Prepare(b, &docker.Options{}, noop("go"))
	pids := int64(512)
	bare := func(n int) (startups []float64, wall time.Duration) {
		began := time.Now()
		for range n {
			requested := backends.Now()
			made, err := c.ContainerCreate(ctx, &container.Config{
				Image: a.Describe().Digest, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
			}, &container.HostConfig{
				NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}, CapDrop: []string{"ALL"},
				SecurityOpt: []string{"no-new-privileges"}, Resources: container.Resources{PidsLimit: &pids},
			}, nil, nil, "")
			if err != nil {
				b.Fatal(err)
			}
			stream, err := c.ContainerAttach(ctx, made.ID, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
			if err != nil {
				b.Fatal(err)
			}
			exit, _ := c.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
			stderr, copied := &readyAt{}, make(chan struct{})
			go func() {
				stdcopy.StdCopy(io.Discard, stderr, stream.Reader)
				close(copied)
			}()
			if err := c.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
				b.Fatal(err)
			}
			stream.CloseWrite()
			<-copied
			<-exit
			if err := c.ContainerRemove(ctx, made.ID, container.RemoveOptions{RemoveVolumes: true}); err != nil {
				b.Fatal(err)
			}
			stream.Close()
			startups = append(startups, float64(stderr.at-requested))
		}
		return startups, time.Since(began)
	}
	takeTurns(b, 1, h.run, bare)
}

// takeTurns runs batches of both in turn and reports their ratios.
func takeTurns(b *testing.B, batch int, nebula, bare func(int) ([]float64, time.Duration)) {
	nebula(batch) // both warm
	bare(batch)
	var ours, theirs, wallRatios []float64
	for b.Loop() {
		s1, w1 := nebula(batch)
		s2, w2 := bare(batch)
		ours, theirs = append(ours, s1...), append(theirs, s2...)
		wallRatios = append(wallRatios, float64(w1)/float64(w2))
	}
	b.ReportMetric(median(ours)/median(theirs), "startup-ratio")
	b.ReportMetric(median(wallRatios), "wall-ratio")
	b.ReportMetric(median(theirs)/1e3, "bare-startup-µs")
}
