package stats_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/meter"
	"github.com/nebula-bench/nebula/experiment/meter/simulator"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// bench is a simulated machine on a clock of its own, read by the real meter.
type bench struct {
	s *simulator.Simulator
	c *simulator.Clock
	m *meter.Meter
}

func newBench(t *testing.T, o simulator.Options) *bench {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Clock(0)
	source, err := meter.Open(meter.Options{Sysfs: o.Dir, Source: "powercap"})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{s, c, meter.Watch(source, c)}
}

func (b *bench) close() {
	b.m.Close()
	b.s.Close()
}

// TestEnergyAgainstTruth measures 1,000 random functions on machines whose
// power is known, through the real reader on a real tree. The true net energy
// of an invocation must lie within ±2u in 95 of 100 cases, and u must not
// simply be huge: at most three times the spread of the errors.
func TestEnergyAgainstTruth(t *testing.T) {
	const cases = 1000
	r := rand.New(rand.NewPCG(4, 4))
	within, wraps, below := 0, 0, 0
	var errors []float64 // in u
	for range cases {
		const idle = 4.0
		quantum := []uint64{15, 61, 61, 61, 976}[r.IntN(5)]
		power := 0.05 * math.Pow(1000, r.Float64())                                       // 50 mW to 50 W above idle
		length := time.Duration(float64(20*time.Millisecond) * math.Pow(25, r.Float64())) // to 0.5 s
		noise := []float64{0, 0.01, 0.05, 0.3}[r.IntN(4)] * r.Float64()                   // W, of the idle power from span to span
		drift := 0.02 * r.NormFloat64()                                                   // W from window to window: it grows warmer
		jitter := time.Duration(r.IntN(900_000)) + 1                                      // of an update
		windows, n := 3+r.IntN(6), 1+r.IntN(5000)
		o := simulator.Options{Seed: r.Uint64(), Jitter: jitter, Zones: []simulator.Zone{
			{Dir: "intel-rapl:0", Name: "package-0", Watts: idle, Quantum: quantum, Range: 1_000_000_000},
			{Dir: "intel-rapl:1", Name: "package-1", Watts: 3, Quantum: quantum},
		}}
		expected := (idle + power/2) * length.Seconds() * 3 * float64(windows)
		o.Zones[0].Start = quantum * uint64(max(0, 1000-expected*2*r.Float64())*1e6/float64(quantum))
		b := newBench(t, o)
		at := idle
		level := func() float64 { return max(0.1, at+noise*r.NormFloat64()) }
		var ws []stats.EnergyWindow
		ctx := context.Background()
		var truth float64
		span := func(above float64) stats.EnergySpan {
			p := level()
			from, err := b.m.Edge(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b.s.SetWatts("intel-rapl:0", p+above)
			began := b.c.At()
			// The function takes not quite as long each time.
			b.c.Sleep(ctx, time.Duration(float64(length)*(1+0.01*r.NormFloat64()*min(1, above))))
			if above > 0 {
				truth += above * float64(b.c.At()-began) / 1e9
			}
			b.s.SetWatts("intel-rapl:0", p)
			to, err := b.m.Edge(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w := b.m.Window(from, to)
			if w.Invalid != "" {
				t.Fatal(w.Invalid)
			}
			wraps += w.Domains[0].Wraps
			nan := math.NaN()
			return stats.EnergySpan{Seconds: w.Length, SecondsU: w.LengthU, Joules: w.Joules, U: w.U, Machine: nan, Others: nan}
		}
		for range windows {
			w := stats.EnergyWindow{N: n, Before: span(0), Work: span(power)}
			w.After = span(0)
			ws = append(ws, w)
			at += drift
		}
		truth /= float64(windows * n)
		e := stats.PerInvocation(ws)
		net := e.Net
		switch {
		case e.Status == stats.BelowResolution:
			below++
			if truth < e.Below {
				within++
			}
		case math.Abs(net-truth) <= 2*e.U:
			within++
			fallthrough
		default:
			errors = append(errors, (net-truth)/e.U)
		}
		b.close()
	}
	squares := 0.0
	for _, x := range errors {
		squares += x * x
	}
	rms := math.Sqrt(squares / float64(len(errors)))
	t.Logf("%d of %d within 2u; the errors spread by %.2f u, so u is %.2f times that; %d below resolution; %d wraps", within, cases, rms, 1/rms, below, wraps)
	if within < cases*95/100 {
		t.Errorf("the truth lies within ±2u in %d of %d cases", within, cases)
	}
	if rms < 1./3 {
		t.Errorf("u is %.1f times the spread of the errors", 1/rms)
	}
	if wraps < cases/10 || below > cases/3 || below == 0 {
		t.Errorf("%d wraps, %d below resolution: the cases are not what they should be", wraps, below)
	}
}

func flat(seconds, watts, machine, others float64) stats.EnergySpan {
	return stats.EnergySpan{Seconds: seconds, SecondsU: 1e-5, Joules: seconds * watts, U: 3e-5, Machine: machine, Others: others}
}

func repeat(n int, w stats.EnergyWindow) (ws []stats.EnergyWindow) {
	return slices.Repeat([]stats.EnergyWindow{w}, n)
}

func TestPerInvocation(t *testing.T) {
	nan := math.NaN()
	idle, work := flat(0.2, 10, 0, 0), flat(0.4, 15, 0.4, 0)
	// 10 W for each busy processor; the function keeps one of them busy, and
	// another program comes in half of the windows, and goes after the others.
	var comes []stats.EnergyWindow
	for i := range 6 {
		w := stats.EnergyWindow{N: 100, Before: flat(0.2, 10, 0, 0), Work: flat(0.4, 15, 0.4, 0), After: flat(0.2, 10, 0, 0)}
		if i%2 == 0 {
			w.Work = flat(0.4, 20, 0.8, 0.4)
		} else {
			w.Before, w.After = flat(0.2, 12.5, 0.1, 0.1), flat(0.2, 12.5, 0.1, 0.1)
			w.Work = flat(0.4, 15, 0.4, 0)
		}
		comes = append(comes, w)
	}
	tests := []struct {
		name               string
		ws                 []stats.EnergyWindow
		status             stats.EnergyStatus
		gross, net, others float64
		leastU, mostU      float64
	}{
		{"nothing else runs", repeat(5, stats.EnergyWindow{N: 100, Before: idle, Work: work, After: idle}), stats.Measured, 0.06, 0.02, 0, 1e-8, 2e-6},
		{"CPU time not known", repeat(5, stats.EnergyWindow{N: 100, Before: flat(0.2, 10, nan, nan), Work: work, After: idle}), stats.Measured, 0.06, 0.02, nan, 1e-8, 2e-6},
		{"a quarter is another's", repeat(5, stats.EnergyWindow{N: 100, Before: idle, Work: flat(0.4, 15, 0.4, 0.1), After: idle}), stats.Attributed, 0.055, 0.015, 0.25, 0.0025, 0.0026},
		{"another runs all the time", repeat(5, stats.EnergyWindow{N: 100, Before: flat(0.2, 12, 0.1, 0.1), Work: flat(0.4, 17, 0.6, 0.2), After: flat(0.2, 12, 0.1, 0.1)}), stats.Measured, 0.068, 0.02, 0, 1e-8, 2e-6},
		{"another runs while we idle", repeat(5, stats.EnergyWindow{N: 100, Before: flat(0.2, 11, 0.02, 0.02), Work: work, After: flat(0.2, 11, 0.02, 0.02)}), stats.Attributed, 0.06 + 0.016*0.04/0.36, 0.016 * (1 + 0.04/0.36), 0.04 / 0.36, 0.0008, 0.001},
		{"another comes and goes", comes, stats.Attributed, 0.065, 0.02, 0.6, 0.002, 0.003},
		{"all is another's", repeat(5, stats.EnergyWindow{N: 100, Before: idle, Work: flat(0.4, 15, 0.4, 0.6), After: idle}), stats.BelowResolution, 0.04, nan, 1, 0.0099, 0.011},
		{"less than idle", repeat(5, stats.EnergyWindow{N: 100, Before: idle, Work: flat(0.4, 9.9999, 0, 0), After: idle}), stats.BelowResolution, 0.0399996, nan, 0, 1e-8, 1e-5},
		{"two windows", repeat(2, stats.EnergyWindow{N: 100, Before: idle, Work: work, After: idle}), stats.Unavailable, nan, nan, nan, nan, nan},
		{"none", nil, stats.Unavailable, nan, nan, nan, nan, nan},
		{"no counter", repeat(3, stats.EnergyWindow{N: 1, Before: flat(0.2, nan, 0, 0), Work: flat(0.2, nan, 0, 0), After: flat(0.2, nan, 0, 0)}), stats.Unavailable, nan, nan, nan, nan, nan},
		{"zeros", make([]stats.EnergyWindow, 3), stats.Unavailable, nan, nan, nan, nan, nan},
	}
	same := func(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9 }
	for _, tt := range tests {
		e := stats.PerInvocation(tt.ws)
		if e.Status != tt.status || !same(e.Gross, tt.gross) || !same(e.Net, tt.net) || !same(e.Others, tt.others) {
			t.Errorf("%s: %+v", tt.name, e)
		}
		if e.Status != stats.Unavailable && (e.U < tt.leastU || e.U > tt.mostU) {
			t.Errorf("%s: u is %g", tt.name, e.U)
		}
		if (e.Status == stats.BelowResolution) != (e.Below > 0) {
			t.Errorf("%s: below %g", tt.name, e.Below)
		}
	}
}

// The interval that windows of a known spread give holds the truth as often
// as it says, for few windows too.
func TestEnergySpread(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, windows := range []int{3, 5, 10} {
		hits := 0
		const cases = 2000
		for range cases {
			var ws []stats.EnergyWindow
			for range windows {
				// The load of an operating system's own work: now here, now there.
				idle := flat(0.2, 10, 0, 0)
				w := stats.EnergyWindow{N: 10, Before: idle, Work: flat(0.2, 20+0.5*r.NormFloat64(), 0, 0), After: idle}
				ws = append(ws, w)
			}
			if e := stats.PerInvocation(ws); math.Abs(e.Net-0.2) <= 2*e.U {
				hits++
			}
		}
		if share := float64(hits) / cases; share < 0.94 || share > 0.965 {
			t.Errorf("%d windows: %.1f %% hold the truth", windows, 100*share)
		}
	}
}

func TestEstimateEnergy(t *testing.T) {
	w := stats.EnergyWindow{N: 10, Before: flat(0.5, math.NaN(), 0.1, 0), Work: flat(1, math.NaN(), 1.2, 0), After: flat(0.5, math.NaN(), 0.1, 0)}
	e := stats.EstimateEnergy(repeat(5, w), 20, 60, 4)
	// 10 W for each processor: 1 s beyond idle is 10 J.
	if e.Status != stats.Estimated || math.Abs(e.Net-1) > 1e-9 || math.Abs(e.Gross-3.2) > 1e-9 || !(e.U > 0) {
		t.Errorf("%+v", e)
	}
	w.Work.Machine = 0.2
	if e := stats.EstimateEnergy(repeat(5, w), 20, 60, 4); e.Status != stats.BelowResolution {
		t.Errorf("nothing beyond idle: %+v", e)
	}
	if got := stats.SCI(3.6e6, 250); got != 250 {
		t.Errorf("a kWh at 250 g has %g g", got)
	}
}
