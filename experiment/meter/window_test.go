package meter_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/meter"
	"github.com/nebula-bench/nebula/experiment/meter/simulator"
)

var _ meter.Clock = (*simulator.Clock)(nil)

// simulate gives a meter on a simulated tree, on a clock of their own.
func simulate(t testing.TB, o simulator.Options) (*simulator.Simulator, *simulator.Clock, *meter.Meter) {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := s.Clock(0)
	src, err := meter.Open(meter.Options{Sysfs: o.Dir, Source: "powercap"})
	if err != nil {
		t.Fatal(err)
	}
	m := meter.Watch(src, c)
	t.Cleanup(func() { m.Close() })
	return s, c, m
}

func edge(t testing.TB, m *meter.Meter) meter.Edge {
	t.Helper()
	e, err := m.Edge(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// In 1,000 random cases the energy above an idle power that is known lies
// within twice its uncertainty of the truth, and the uncertainty is not
// simply huge.
func TestWindowsAgainstTruth(t *testing.T) {
	const cases = 1000
	r := rand.New(rand.NewPCG(1, 2))
	within, wraps := 0, 0
	var errors, us float64
	for range cases {
		quantum := []uint64{15, 61, 61, 61, 976, 1_000_000}[r.IntN(6)]
		idle, work := 2+30*r.Float64(), 60*r.Float64()
		length := time.Duration(float64(20*time.Millisecond) * math.Pow(100, r.Float64())) // 20 ms to 2 s
		if quantum == 1_000_000 {
			length *= 10
		}
		o := simulator.Options{Seed: r.Uint64(), Jitter: time.Duration(r.IntN(900_000)) + 1, Zones: []simulator.Zone{
			{Dir: "intel-rapl:0", Name: "package-0", Watts: idle, Quantum: quantum, Range: 200_000_000},
			{Dir: "intel-rapl:1", Name: "package-1", Watts: idle / 2, Quantum: quantum},
		}}
		o.Zones[0].Start = quantum * uint64(max(0, 200-(idle+work)*length.Seconds()*r.Float64()*2)*1e6/float64(quantum))
		s, c, m := simulate(t, o)
		c.Sleep(context.Background(), 100*time.Millisecond)
		from := edge(t, m)
		began := c.At()
		s.SetWatts("intel-rapl:0", idle+work)
		c.Sleep(context.Background(), length)
		s.SetWatts("intel-rapl:0", idle)
		ended := c.At()
		w := m.Window(from, edge(t, m))
		if w.Invalid != "" {
			t.Fatal(w.Invalid)
		}
		wraps += w.Domains[0].Wraps
		truth := work * float64(ended-began) / 1e9
		net, u2 := 0.0, 0.0
		for _, d := range w.Domains {
			p := idle
			if d.Name == "package-1" {
				p /= 2
			}
			net += d.Joules - p*d.Length
			u2 += d.U*d.U + p*p*d.LengthU*d.LengthU
		}
		u := math.Sqrt(u2)
		if math.Abs(net-truth) <= 2*u {
			within++
		}
		errors += (net - truth) * (net - truth) / u2
		us += w.U / w.Joules
		s.Close()
		m.Close()
	}
	spread := math.Sqrt(errors / cases)
	t.Logf("%d of %d within 2u; the errors' spread is %.2f u; %d wraps; u is %.2g of the energy", within, cases, spread, wraps, us/cases)
	if within < 950 || spread < 1./3 || wraps < cases/10 {
		t.Errorf("%d of %d within 2u, the spread is %.2f u, %d wraps", within, cases, spread, wraps)
	}
}

// In real time too, with whatever else this machine does.
func TestWindowsInRealTime(t *testing.T) {
	s, err := simulator.New(simulator.Options{Dir: t.TempDir(), Zones: []simulator.Zone{zone("0", 40), zone("1", 10)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	src, err := meter.Open(meter.Options{Sysfs: s.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	m := meter.Watch(src, nil)
	var off []float64
	for range 15 {
		from := edge(t, m)
		time.Sleep(30 * time.Millisecond)
		w := m.Window(from, edge(t, m))
		if w.Invalid != "" {
			t.Fatal(w.Invalid)
		}
		truth := 0.0
		for i, d := range w.Domains {
			truth += []float64{40, 10}[i] * d.Length
		}
		off = append(off, math.Abs(w.Joules/truth-1))
	}
	m.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.Close()
	slices.Sort(off)
	t.Logf("15 windows of 30 ms are off by %.2g at the median, %.2g at most", off[7], off[14])
	if off[7] > 0.02 {
		t.Errorf("half of all windows are off by %.2g and more", off[7])
	}
}
