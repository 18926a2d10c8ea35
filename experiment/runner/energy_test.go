package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/meter/simulator"
	"github.com/nebula-bench/nebula/experiment/results"
)

// simulate runs a tree of counters in real time and gives its root.
func simulate(t *testing.T, zones ...simulator.Zone) (*simulator.Simulator, string) {
	t.Helper()
	dir := t.TempDir()
	if len(zones) == 0 {
		zones = []simulator.Zone{{Dir: "intel-rapl:0", Name: "package-0", Watts: 10}}
	}
	s, err := simulator.New(simulator.Options{Dir: dir, Zones: zones})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; s.Close() })
	return s, dir
}

func energetic(f *fake) *experiment.Experiment {
	x := experimentOn(f)
	x.Energy = experiment.Energy{Window: 20 * time.Millisecond, Windows: 3, TargetError: 0.1, Source: "powercap"}
	x.Run.Timeout = time.Second
	return x
}

// works answers after a time of its own.
func works(d time.Duration) invoke {
	return func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		time.Sleep(d)
		return answer("55")(ctx, r, line)
	}
}

type energies struct {
	trials  memory
	windows []*results.EnergyWindow
}

// run runs trials and windows of a plan; cut ends it after so many windows.
func (m *energies) run(t *testing.T, e *Engines, p *experiment.Plan, sysfs string, prior *Prior, cut int) (*Energy, error) {
	t.Helper()
	r := m.trials.runner(p, e)
	r.Prior = prior
	if err := r.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	en, err := OpenEnergy(p, e, sysfs)
	if err != nil {
		t.Fatal(err)
	}
	defer en.Close()
	en.Record = func(w *results.EnergyWindow) error {
		if cut >= 0 && len(m.windows) == cut {
			return errors.New("the disk is full")
		}
		m.windows = append(m.windows, w)
		return nil
	}
	return en, r.Energy(t.Context(), t.Context(), en)
}

func TestEnergyWindows(t *testing.T) {
	f := &fake{invoke: works(2 * time.Millisecond)}
	e, p := open(t, energetic(f))
	_, sysfs := simulate(t, simulator.Zone{Dir: "intel-rapl:0", Name: "package-0", Watts: 10}, simulator.Zone{Dir: "intel-rapl:0:0", Name: "dram", Watts: 1})
	var m energies
	en, err := m.run(t, e, p, sysfs, nil, -1)
	if err != nil {
		t.Fatal(err)
	}
	facts := en.Facts()
	if facts.Source != "powercap" || !facts.Simulated || len(facts.Domains) != 2 || !facts.Domains[0].InTotal || facts.Domains[1].InTotal || facts.Processors < 1 {
		t.Errorf("facts %+v", facts)
	}
	if len(m.windows) != 6 {
		t.Fatalf("%d windows", len(m.windows))
	}
	for i, w := range m.windows {
		if w.Window != i+1 || w.Block != i/2+1 || w.Attempt != 1 || w.Invalid != "" || !w.Simulated {
			t.Errorf("window %+v", w)
		}
		if w.Invocations < 1 || w.Work.NS < int64(19*time.Millisecond) || w.Before.NS < int64(19*time.Millisecond) || w.After.NS < int64(19*time.Millisecond) {
			t.Errorf("window %d: %d invocations in %d ns, idle %d and %d ns", w.Window, w.Invocations, w.Work.NS, w.Before.NS, w.After.NS)
		}
		for _, s := range []*results.EnergySpan{w.Before, w.Work, w.After} {
			if p := s.Total.Joules / s.Total.Seconds; math.Abs(p-10) > 0.5 || len(s.Domains) != 2 || s.Domains[0].Last <= s.Domains[0].First {
				t.Errorf("window %d took %g W, %+v", w.Window, p, s.Domains)
			}
			if s.CPU.Harness == nil || s.CPU.Machine == nil || s.CPU.Others == nil {
				t.Errorf("window %d: CPU time %+v", w.Window, s.CPU)
			}
		}
		if w.Work.CPU.Function == nil || *w.Work.CPU.Function != int64(5*w.Invocations) {
			t.Errorf("window %d: the function's CPU time is %v", w.Window, w.Work.CPU.Function)
		}
		// Neighbours in a block share the idle span between them, but for the
		// first block, where trying comes between; those of a cell, in two
		// blocks, never do.
		if shared := i > 0 && m.windows[i-1].After == w.Before; shared != (i > 1 && i%2 == 1) {
			t.Errorf("window %d shares its idle span: %t", w.Window, shared)
		}
	}
}

// TestEnergyResume stops a run after each window in turn: the resumed run has
// the windows of one that nobody stopped.
func TestEnergyResume(t *testing.T) {
	f := &fake{invoke: works(time.Millisecond)}
	e, p := open(t, energetic(f))
	_, sysfs := simulate(t)
	for _, cut := range []int{0, 1, 3, 5} {
		var m energies
		if _, err := m.run(t, e, p, sysfs, nil, cut); err == nil || len(m.windows) != cut {
			t.Fatalf("%d windows, %v", len(m.windows), err)
		}
		folder := m.folder(t, p)
		prior, err := NewPrior(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.run(t, e, p, sysfs, prior, -1); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, w := range m.windows {
			if w.Invalid == "" {
				got = append(got, w.Window)
			}
		}
		if !slices.Equal(got, []int{1, 2, 3, 4, 5, 6}) || len(m.trials.trials) != p.Len() {
			t.Errorf("cut after %d: windows %v and %d trials", cut, got, len(m.trials.trials))
		}
	}
}

func (m *energies) folder(t *testing.T, p *experiment.Plan) *results.Folder {
	t.Helper()
	dir := m.trials.folder(t, p).Dir
	w, err := results.Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.windows {
		if err := w.Energy(e); err != nil {
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

// What goes wrong in a window makes it invalid, and it is made again.
func TestEnergyFailures(t *testing.T) {
	f := &fake{invoke: works(time.Millisecond)}
	x := energetic(f)
	e, p := open(t, x, "f/*")
	calls, from := 0, 0
	fine := works(time.Millisecond)
	tests := []struct {
		name    string
		invoke  invoke // from the calibration on
		invalid string
		records int
	}{
		{"a wrong answer", answer("56"), `a wrong answer: "56"`, 3 + 1 + 1},
		{"an exit code", func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
			return backends.Response{ExitCode: 3, Stderr: []byte("no")}, nil
		}, "ended with exit code 3: no", 3 + 1 + 1},
		{"last words without end", func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
			return backends.Response{ExitCode: 3, Stderr: []byte(strings.Repeat("a frame\n", 400) + "\xffTHE REASON")}, nil
		}, "THE REASON", 3 + 1 + 1},
		{"an engine that fails", fails(errors.New("the engine stumbled")), "the engine stumbled", 3 + 1 + 1},
		{"once only", func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
			if calls == from+40 { // in a window, after the calibration
				return backends.Response{Stdout: []byte("57")}, nil
			}
			return fine(ctx, r, line)
		}, `a wrong answer: "57"`, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, sysfs := simulate(t)
			var m energies
			trials := p.Len()
			calls, from = 0, trials
			f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
				if calls++; calls > trials {
					return tt.invoke(ctx, r, line)
				}
				return fine(ctx, r, line)
			}
			if _, err := m.run(t, e, p, sysfs, nil, -1); err != nil {
				t.Fatal(err)
			}
			invalid, final := 0, 0
			for _, w := range m.windows {
				if w.Invalid != "" {
					invalid++
					if !strings.Contains(w.Invalid, tt.invalid) {
						t.Errorf("window %d.%d: %q", w.Window, w.Attempt, w.Invalid)
					}
				}
				if w.Final() {
					final++
				}
			}
			if final != 3 || invalid == 0 || tt.name != "once only" && len(m.windows) > 5 || tt.name == "once only" && (invalid != 1 || len(m.windows) != 4) {
				t.Errorf("%d records, %d invalid, %d final", len(m.windows), invalid, final)
			}
			m.folder(t, p) // they can be written and read
		})
	}
}

// A counter that is set back in a window makes it invalid, not negative.
func TestEnergyReset(t *testing.T) {
	s, sysfs := simulate(t)
	resets := 0
	f := &fake{}
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if r.Trial == 0 && resets < 2 {
			resets++
			s.Reset("intel-rapl:0")
		}
		return works(5*time.Millisecond)(ctx, r, line)
	}
	x := energetic(f)
	x.Energy.Window = 50 * time.Millisecond
	e, p := open(t, x, "f/*")
	var m energies
	if _, err := m.run(t, e, p, sysfs, nil, -1); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, w := range m.windows {
		if w.Invalid == "" {
			valid++
		}
	}
	if valid != 3 {
		t.Errorf("%d valid windows", valid)
	}
}

// A counter that stands still is found dead once, for all cells, and within
// seconds; the facts say so.
func TestEnergyOfAStillCounter(t *testing.T) {
	sysfs := t.TempDir()
	zone := filepath.Join(sysfs, "class", "powercap", "intel-rapl:0")
	if err := os.MkdirAll(zone, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"name": "package-0", "energy_uj": "123456789", "max_energy_range_uj": "262143328850"} {
		if err := os.WriteFile(filepath.Join(zone, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, p := open(t, energetic(&fake{invoke: works(time.Millisecond)}))
	var m energies
	began := time.Now()
	en, err := m.run(t, e, p, sysfs, nil, -1)
	if took := time.Since(began); err != nil || len(m.windows) != 0 || took > 20*time.Second {
		t.Errorf("%d windows in %s, %v", len(m.windows), took, err)
	}
	if d := en.Facts().Doors; len(d) == 0 || !strings.Contains(d[0].Why, "package-0 did not move for 2s") {
		t.Errorf("doors %+v", d)
	}
}

// Cells that never ended well have no window, a machine without counters has
// none at all, and an estimate gives it some without joules.
func TestEnergyWithout(t *testing.T) {
	f := &fake{invoke: works(time.Millisecond)}
	x := energetic(f)
	nowhere := filepath.Join(t.TempDir(), "nothing")
	e, p := open(t, x)
	var m energies
	en, err := m.run(t, e, p, nowhere, nil, -1)
	if err != nil || len(m.windows) != 0 || len(en.Facts().Doors) == 0 || en.Facts().Doors[0].Why == "" {
		t.Errorf("without counters: %d windows, %+v, %v", len(m.windows), en.Facts(), err)
	}

	x.Energy.Estimate = &experiment.Estimate{Model: experiment.CPUTime, WattsIdle: 5, WattsFull: 10}
	e, p = open(t, x)
	m = energies{}
	if _, err = m.run(t, e, p, nowhere, nil, -1); err != nil || len(m.windows) != 6 {
		t.Fatalf("estimated: %d windows, %v", len(m.windows), err)
	}
	for _, w := range m.windows {
		if w.Source != "" || w.Work.Total != nil || w.Work.CPU.Machine == nil || w.Invalid != "" {
			t.Errorf("window %+v", w)
		}
	}
	m.folder(t, p)

	f.invoke = answer("56") // which f must not answer, and g may
	x.Energy.Estimate = nil
	_, sysfs := simulate(t)
	e, p = open(t, x)
	m = energies{}
	if _, err := m.run(t, e, p, sysfs, nil, -1); err != nil {
		t.Fatal(err)
	}
	for _, w := range m.windows {
		if w.Function != "g" {
			t.Errorf("a window of %s, no trial of which ended well", w.Cell)
		}
	}
	if len(m.windows) != 3 {
		t.Errorf("%d windows", len(m.windows))
	}

	x.Energy.Source = experiment.NoSource
	_, p = open(t, x)
	if en, err := OpenEnergy(p, e, sysfs); en != nil || err != nil || en.Facts() != nil || en.Close() != nil {
		t.Errorf("nobody asked: %v, %v", en, err)
	}
}

// A coarse counter makes windows longer: 100 steps of the idle machine.
func TestEnergyLength(t *testing.T) {
	_, sysfs := simulate(t, simulator.Zone{Dir: "intel-rapl:0", Name: "package-0", Watts: 20, Quantum: 30_000})
	e, p := open(t, energetic(&fake{}), "g/*")
	en, err := OpenEnergy(p, e, sysfs)
	if err != nil {
		t.Fatal(err)
	}
	defer en.Close()
	if err := en.size(t.Context(), p.Energy); err != nil {
		t.Fatal(err)
	}
	// 100 × 0.03 J at 20 W take 150 ms.
	if en.length < 140*time.Millisecond || en.length > 400*time.Millisecond {
		t.Errorf("windows last %s", en.length)
	}
}

// The user's stop ends a window without a record.
func TestEnergyStop(t *testing.T) {
	f := &fake{}
	e, p := open(t, energetic(f), "f/*")
	_, sysfs := simulate(t)
	en, err := OpenEnergy(p, e, sysfs)
	if err != nil {
		t.Fatal(err)
	}
	defer en.Close()
	stop, cancel := context.WithCancel(t.Context())
	var m memory
	r := m.runner(p, e)
	f.invoke = works(time.Millisecond)
	if err := r.Run(stop, t.Context()); err != nil {
		t.Fatal(err)
	}
	calls, records := 0, 0
	f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
		if records == 1 { // within the second window
			calls++
			cancel()
		}
		return works(time.Millisecond)(ctx, r, line)
	}
	en.Record = func(*results.EnergyWindow) error { records++; return nil }
	if err := r.Energy(stop, t.Context(), en); !errors.Is(err, context.Canceled) || records != 1 || calls != 1 {
		t.Errorf("%v, after %d records and %d more calls", err, records, calls)
	}
}

func TestFill(t *testing.T) {
	for each, want := range map[time.Duration]int{20 * time.Microsecond: 2200, 3 * time.Millisecond: 15, 100 * time.Millisecond: 1} {
		clock, calls := int64(0), 0
		n, takes, err := fill(experiment.Warm, 40*time.Millisecond, func() int64 { return clock }, func(n int, _ time.Duration) (int64, error) {
			clock += int64(n) * int64(each)
			if calls++; calls == 1 {
				clock += int64(time.Second) // it makes the live instance
			}
			return 0, nil
		})
		if err != nil || n != want || takes != time.Duration(n)*each || calls > 5 {
			t.Errorf("%s each: %d invocations in %s after %d calls, %v; want %d", each, n, takes, calls, err, want)
		}
	}
}

func TestParseCPU(t *testing.T) {
	ns, n, err := parseMachine("cpu  1 2 3 900 50 4 5 100 7 8\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 5\n")
	if err != nil || ns != 15*tick || n != 2 {
		t.Errorf("%d ns, %d processors, %v", ns, n, err)
	}
	if _, _, err := parseMachine("intr 5\n"); err == nil {
		t.Error("no processors, and no error")
	}
	p, err := parseProcess("42 (a) (b c) S 7 1 1 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 12345 1 1")
	if want := (process{parent: 7, name: "a) (b c", began: "12345", own: 30 * tick, waited: 70 * tick}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []string{"", "42", "42 (x) S", "42 )x( S 1", "42 (x) S y 1 1 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 12345 1 1"} {
		if _, err := parseProcess(bad); err == nil {
			t.Errorf("%q is a process", bad)
		}
	}
}

func TestOthers(t *testing.T) {
	ps := func(lines ...string) (r cpuReading) {
		r.processes = map[int]process{}
		for _, l := range lines {
			var pid int
			var p process
			var own, waited int64
			if _, err := fmt.Sscanf(l, "%d %d %s %s %d %d", &pid, &p.parent, &p.name, &p.began, &own, &waited); err != nil {
				t.Fatal(l, err)
			}
			p.own, p.waited = own*tick, waited*tick
			r.processes[pid] = p
		}
		return r
	}
	base := []string{"1 0 init 1 10 900", "2 0 kthreadd 1 0 0", "9 2 kworker 1 5 0", "50 1 nebula 1 10 0", "51 50 child 1 10 0",
		"60 1 dockerd 1 10 5", "61 60 runc 1 1 0", "70 1 shell 1 5 50", "71 70 cc 3 20 0", "72 71 as 4 30 0"}
	before := ps(base...)
	before.machine = -1
	tests := map[string]struct {
		change map[int]string
		want   int64 // ticks
	}{
		"nothing":                   {nil, 0},
		"ours and engine's":         {map[int]string{50: "50 1 nebula 1 90 0", 51: "51 50 child 1 90 0", 60: "60 1 dockerd 1 99 99", 61: "", 9: "9 2 kworker 1 80 0"}, 0},
		"a shell works":             {map[int]string{70: "70 1 shell 1 12 50"}, 7},
		"a child ends":              {map[int]string{71: "71 70 cc 3 20 32", 72: ""}, 2},
		"a child and its child end": {map[int]string{70: "70 1 shell 1 5 105", 71: "", 72: ""}, 5},
		"a child of init":           {map[int]string{1: "1 0 init 1 10 990"}, 0},
		"a new one":                 {map[int]string{80: "80 70 make 9 3 4"}, 3},
		"a number again":            {map[int]string{71: "71 70 ld 8 2 0", 70: "70 1 shell 1 5 101", 72: ""}, 2 + 51 - 50},
		"an engine's orphan":        {map[int]string{90: "90 1 containerd-shim 9 3 4", 91: "91 90 function 9 50 0"}, 0},
	}
	for name, tt := range tests {
		lines := slices.Clone(base)
		for pid, l := range tt.change {
			prefix := fmt.Sprintf("%d ", pid)
			lines = slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, prefix) })
			if l != "" {
				lines = append(lines, l)
			}
		}
		if got := ps(lines...).othersSince(before, 50, []string{"dockerd", "runc", "containerd-shim"}); got != tt.want*tick {
			t.Errorf("%s: %d ticks, want %d", name, got/tick, tt.want)
		}
	}
}

// The readings of this machine see a program that has no part in a run, and
// take a child for what it is.
func TestReadCPU(t *testing.T) {
	burn := exec.Command("sh", "-c", "while :; do :; done")
	before := readCPU("/proc")
	if err := burn.Start(); err != nil {
		t.Fatal(err)
	}
	after := before
	for deadline := time.Now().Add(10 * time.Second); after.processes[burn.Process.Pid].own < 10*tick && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		after = readCPU("/proc")
	}
	burn.Process.Kill()
	burn.Wait()
	child := after.processes[burn.Process.Pid].own
	if child < 5*tick || after.machine-before.machine < child/2 {
		t.Fatalf("the child took %d ns, the machine %d", child, after.machine-before.machine)
	}
	asOurs := after.othersSince(before, os.Getpid(), nil)
	asOthers := after.othersSince(before, -1, nil)
	if asOthers-asOurs < child/2 {
		t.Errorf("others took %d ns with it and %d without, and it took %d", asOthers, asOurs, child)
	}
	if r := readCPU(t.TempDir()); r.machine >= 0 || len(r.processes) > 0 {
		t.Errorf("of nothing: %+v", r)
	}
}
