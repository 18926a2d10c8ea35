package reports

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// A fixture is a run that never happened, written the way a real one is.
type fixture struct {
	experiment string
	functions  []string
	inputs     []string
	backends   []experiment.Backend
	repeat     int
	lacks      experiment.Lacks
	state      results.State
	until      int // records; 0: all of the plan; below: none
	change     func(*results.Trial)
	run        func(*results.Run)
	rule       *experiment.Until
	stops      []results.Stop
	energy     experiment.Energy
	exclude    string                                              // an input that docker does not get
	windows    func(*experiment.Plan, func(*results.EnergyWindow)) // nil: none
}

var (
	wasm    = experiment.Backend{Type: "wazero", Label: "wasm", Starts: []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared}}
	scratch = experiment.Backend{Type: "docker", Label: "scratch", Starts: []experiment.Start{experiment.Cold, experiment.Prepared}}
	began   = time.Date(2026, 11, 22, 20, 15, 0, 0, time.UTC)
)

// coldstart is the fixture with the numbers of MEASURING.md.
func coldstart() fixture {
	return fixture{
		experiment: "coldstart", functions: []string{"fibonacci"}, inputs: []string{"n=0", "n=10", "n=20", "n=30"},
		backends: []experiment.Backend{wasm, scratch}, repeat: 30, state: results.Complete,
	}
}

// write stores the run below out and opens it.
func (x fixture) write(t testing.TB, out string) *results.Folder {
	t.Helper()
	e := &experiment.Experiment{
		Name: x.experiment, Description: "How long until a function runs: WebAssembly against containers.",
		Backends: x.backends, Run: experiment.DefaultRun(),
		Matrix: experiment.Matrix{Exclude: []experiment.Rule{{Function: []string{"noop"}, Where: "coldstart.hcl:24"}}},
	}
	if x.exclude != "" {
		e.Matrix.Exclude = append(e.Matrix.Exclude, experiment.Rule{Input: []string{x.exclude}, Backend: []string{"docker.*"}, Where: "coldstart.hcl:28"})
	}
	e.Run.Repetitions, e.Run.Until, e.Energy = x.repeat, x.rule, x.energy
	for _, name := range append(x.functions, "noop") {
		f := experiment.Function{Name: name, Source: "../functions/" + name}
		for _, in := range x.inputs {
			f.Inputs = append(f.Inputs, experiment.Input{Name: in, Stdin: strings.TrimPrefix(in, "n=")})
		}
		e.Functions = append(e.Functions, f)
	}
	lacks := x.lacks
	if lacks == nil {
		lacks = func(experiment.Function, experiment.Backend, experiment.Start) experiment.Lack {
			return experiment.Lack{}
		}
	}
	plan, err := experiment.NewPlan(e, nil, lacks)
	if err != nil {
		t.Fatal(err)
	}
	run := &results.Run{
		ID: "20261122T201500Z-3f9a", Experiment: x.experiment, Title: e.Description,
		File: "experiments/coldstart.hcl", Source: "experiment \"coldstart\" {\n  description = \"…\"\n}\n",
		Command: []string{"/somewhere/bin/nebula", "run", "experiments/coldstart.hcl", "--var", "note=it's"},
		Started: began, State: results.Running, Nebula: "v0.1.0",
		Variables: map[string]string{"repetitions": fmt.Sprint(x.repeat)},
		Host: results.Host{
			Name: "bench", OS: "debian 13, linux/amd64", Kernel: "6.12.9", CPU: "AMD EPYC", Cores: 2,
			Memory: 8 << 30, Hypervisor: "kvm", Go: "go1.26.0", Commit: "175a5dbdf906d8bc0826d097188e008f827f5ef8",
		},
		Backends:  map[string]results.BackendFacts{},
		Artifacts: map[string]map[string]experiment.Identity{},
	}
	for _, b := range x.backends {
		run.Backends[b.Name()] = results.BackendFacts{
			Options: map[string]any{"network": "none"}, Engine: map[string]string{"version": "1.12.0"}, ControlOf: b.ControlOf,
		}
		run.Artifacts[b.Name()] = map[string]experiment.Identity{}
		for _, f := range x.functions {
			run.Artifacts[b.Name()][f] = experiment.Identity{
				Kind: "module", Size: 2_700_000, Toolchain: "go1.26.0",
				Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			}
		}
	}
	if run.Resolved, err = e.Resolved(); err != nil {
		t.Fatal(err)
	}
	if x.run != nil {
		x.run(run)
	}
	dir := results.Dir(out, run.Experiment, run.ID)
	w, err := results.Create(dir, plan, run)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for p := range plan.Trials() {
		if x.until != 0 && p.Trial > x.until {
			break
		}
		r := trial(rng, plan.Cells[p.Cell], p)
		if x.change != nil {
			x.change(r)
		}
		if stopped := slices.ContainsFunc(x.stops, func(s results.Stop) bool { return s.Cell == r.Cell() && s.Block < r.Block }); stopped {
			continue
		}
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range x.stops {
		if err := w.Stop(&s); err != nil {
			t.Fatal(err)
		}
	}
	if x.windows != nil {
		x.windows(plan, func(e *results.EnergyWindow) {
			if err := w.Energy(e); err != nil {
				t.Fatal(err)
			}
		})
	}
	if run.State = x.state; x.state != results.Running {
		ended := began.Add(4*time.Minute + 12*time.Second)
		run.Ended = &ended
	}
	if err := w.Update(run); err != nil {
		t.Fatal(err)
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

// trial makes a record with times like those of a small machine.
func trial(rng *rand.Rand, c experiment.Cell, p experiment.Trial) *results.Trial {
	code := 0
	r := &results.Trial{
		Trial: p.Trial, Block: p.Block, Attempt: 1, Warmup: p.Warmup,
		Function: c.Function, Input: c.Input, Backend: c.Backend, Start: c.Start,
		Outcome: experiment.OK, ExitCode: &code, Requested: began.Add(time.Duration(p.Trial) * 500 * time.Millisecond),
		Answer: "sha256:" + c.Input, At: experiment.NewStamps(), ReadySource: "stamp",
	}
	// Whole numbers only: a golden file must not hang on how a processor
	// rounds. The shape is a hump with a tail.
	about := func(ns int64) int64 {
		permille := 940 + rng.Int64N(60) + rng.Int64N(60)
		if rng.IntN(12) == 0 {
			permille += rng.Int64N(150)
		}
		return ns / 1000 * permille
	}
	var n int
	fmt.Sscanf(c.Input, "n=%d", &n)
	fib, next := int64(0), int64(1)
	for range n {
		fib, next = next, fib+next
	}
	work := 40_000 + 27*fib
	now := int64(0)
	mark := func(e experiment.Event, ns int64) {
		now += ns
		r.At.Set(e, now)
	}
	mark(experiment.Requested, 0)
	r.CPU, r.PeakMemory = work, 2_490_368
	if c.Backend == "docker.scratch" {
		r.CPU, r.PeakMemory = 0, 0
		create := map[experiment.Start]int64{experiment.Cold: 18e6, experiment.Prepared: 9e5}[c.Start]
		mark(experiment.Created, about(create))
		mark(experiment.Ready, about(339e6))
		mark(experiment.Done, about(work))
		mark(experiment.Responded, about(4e5))
		mark(experiment.Exited, about(72e6))
		mark(experiment.Removed, about(14e6))
		return r
	}
	r.ReadySource = "marker"
	mark(experiment.Created, about(map[experiment.Start]int64{experiment.Cold: 1.494e9, experiment.Cached: 54e6, experiment.Prepared: 4e5, experiment.Warm: 1e5}[c.Start]))
	mark(experiment.Started, about(5e5))
	mark(experiment.Ready, about(5.6e6))
	mark(experiment.Done, about(work*19/10))
	mark(experiment.Responded, about(8e3))
	mark(experiment.Exited, about(20e3))
	mark(experiment.Removed, about(60e3))
	return r
}

// hostileNames have broken reports before, ours or others'.
var hostileNames = []string{
	`</script><script>alert(1)</script>`,
	`__f__function(){alert(1)}__f__`,
	`nebula:duration`,
	`"quoted' & <b>bold</b>`,
	"\u202eright to left\u202c",
	`{{.Root}} ${alert(1)}`,
}
