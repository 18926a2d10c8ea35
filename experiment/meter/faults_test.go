package meter_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/meter"
	"github.com/nebula-bench/nebula/experiment/meter/simulator"
)

func zone(n string, watts float64) simulator.Zone {
	return simulator.Zone{Dir: "intel-rapl:" + n, Name: "package-" + n, Watts: watts}
}

// TestWindows puts what goes wrong with counters into a window, through files.
func TestWindows(t *testing.T) {
	const second = time.Second
	wraps, rangeless, coarse := zone("0", 20), zone("0", 20), zone("0", 20)
	wraps.Range = 100_000_000 // 100 J: five seconds at 20 W
	rangeless.NoRange, rangeless.Range = true, 30_000_000
	coarse.Quantum = 1_000_000
	nearEnd := zone("0", 20)
	nearEnd.Start = 100_000_000_000 / 61 * 61
	dead := zone("1", 0)
	tests := map[string]struct {
		zones  []simulator.Zone
		during func(t *testing.T, s *simulator.Simulator, c *simulator.Clock)
		length time.Duration
		joules float64 // of the total; 0: invalid
		wraps  int     // of the first domain
		bad    string
		notes  string
	}{
		"nothing":           {[]simulator.Zone{zone("0", 20)}, nil, second, 20, 0, "", ""},
		"two packages":      {[]simulator.Zone{zone("0", 20), zone("1", 20)}, nil, second, 40, 0, "", ""},
		"a wrap":            {[]simulator.Zone{wraps}, nil, 6 * second, 120, 1, "", ""},
		"many wraps":        {[]simulator.Zone{wraps}, nil, 600 * second, 12000, 120, "", ""}, // the reader in the background sees each
		"one of two wraps":  {[]simulator.Zone{wraps, zone("1", 10)}, nil, 20 * second, 600, 4, "", ""},
		"a step of 1 J":     {[]simulator.Zone{coarse}, nil, 10 * second, 200, 0, "", ""},
		"no range, no wrap": {[]simulator.Zone{rangeless}, nil, second, 20, 0, "", ""},
		"no range, a wrap":  {[]simulator.Zone{rangeless}, nil, 2 * second, 0, 0, "its range can't be read", ""},
		"psys stands beside": {[]simulator.Zone{zone("0", 20), {Dir: "intel-rapl:1", Name: "psys", Watts: 50, Quantum: 1_000_000}},
			nil, second, 20, 0, "", ""},
		"a mirrored die": {[]simulator.Zone{zone("0", 20), zone("1", 20), {Dir: "intel-rapl:2", Name: "package-0-die-1", Like: "intel-rapl:0"}},
			nil, second, 40, 0, "", "package-0-die-1 moves together with package-0"},
		"an mmio twin": {[]simulator.Zone{zone("0", 20), {Dir: "intel-rapl-mmio:0", Name: "package-0", Like: "intel-rapl:0"}},
			nil, second, 20, 0, "", "intel-rapl-mmio:0"},
		"dtpm": {[]simulator.Zone{zone("0", 20), {Dir: "dtpm:0", Name: "package-0", Watts: 20}},
			nil, second, 20, 0, "", ""},
		"a reset": {[]simulator.Zone{nearEnd}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			s.Reset("intel-rapl:0")
		}, second, 0, 0, "set back", ""},
		"a reset of one of two": {[]simulator.Zone{zone("1", 5), nearEnd}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			s.Reset("intel-rapl:0")
		}, second, 0, 0, "set back", ""},
		"a suspend": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			c.Suspend(time.Minute)
		}, second, 0, 0, "suspended for 1m0s", ""},
		"implausible power": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			s.SetWatts("intel-rapl:0", 5000)
		}, second, 0, 0, "set back, or wrapped more than once", ""},
		"a frozen counter": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			s.Stop("intel-rapl:0")
		}, second, 0, 0, "package-0 stood still for 2", ""},
		"a dead counter": {[]simulator.Zone{zone("0", 20), dead}, nil, second, 0, 0, "package-1 stood still", ""},
		"garbage": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			if err := s.Garble("intel-rapl:0", "-12\n"); err != nil {
				t.Fatal(err)
			}
		}, second, 0, 0, `"-12\n" is no count`, ""},
		"nothing in it": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			if err := s.Garble("intel-rapl:0", ""); err != nil {
				t.Fatal(err)
			}
		}, second, 0, 0, "can't be read: EOF", ""},
		"garbage for a while": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			if err := s.Garble("intel-rapl:0", "x"); err != nil {
				t.Fatal(err)
			}
			c.Sleep(t.Context(), 3*second)
			s.Go("intel-rapl:0")
		}, second, 0, 0, "can't be read", ""},
		"gone, after garbage": {[]simulator.Zone{zone("0", 20)}, func(t *testing.T, s *simulator.Simulator, c *simulator.Clock) {
			s.Garble("intel-rapl:0", "x")
			if err := s.Remove("intel-rapl:0"); err != nil {
				t.Fatal(err)
			}
		}, second, 0, 0, "can't be read", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, c, m := simulate(t, simulator.Options{Zones: tt.zones})
			c.Sleep(t.Context(), 50*time.Millisecond)
			from := edge(t, m)
			c.Sleep(t.Context(), tt.length/2)
			if tt.during != nil {
				tt.during(t, s, c)
			}
			c.Sleep(t.Context(), tt.length/2)
			w := m.Window(from, edge(t, m))
			if !strings.Contains(w.Invalid, tt.bad) || (w.Invalid == "") != (tt.bad == "") {
				t.Fatalf("invalid: %q, want %q", w.Invalid, tt.bad)
			}
			if notes := strings.Join(m.Info().Notes, "; "); !strings.Contains(notes, tt.notes) {
				t.Errorf("notes: %q", notes)
			}
			if tt.bad != "" {
				if !math.IsNaN(w.Joules) || !math.IsNaN(w.U) {
					t.Errorf("an invalid window has %v J ± %v", w.Joules, w.U)
				}
				// What comes after is good again, where the counter is.
				if strings.Contains(name, "reset") || strings.Contains(name, "suspend") || strings.Contains(name, "while") {
					from := edge(t, m)
					c.Sleep(t.Context(), time.Second)
					if w := m.Window(from, edge(t, m)); w.Invalid != "" {
						t.Errorf("after: %s", w.Invalid)
					}
				}
				return
			}
			perSecond := tt.joules / tt.length.Seconds()
			if got := w.Joules / w.Length; math.Abs(got-perSecond) > perSecond*1e-3 {
				t.Errorf("%v J in %v s, want %v W", w.Joules, w.Length, perSecond)
			}
			if w.Domains[0].Wraps != tt.wraps {
				t.Errorf("%d wraps, want %d", w.Domains[0].Wraps, tt.wraps)
			}
			if q := m.Info().Domains[0].Quantum; math.Abs(q*1e6-float64(max(61, tt.zones[0].Quantum))) > 1e-6 {
				t.Errorf("a quantum of %v J", q)
			}
		})
	}
}

// A reader that was kept from reading, so long that two wraps could hide,
// says so.
func TestLeftAlone(t *testing.T) {
	s, err := simulator.New(simulator.Options{Dir: t.TempDir(), Zones: []simulator.Zone{{Dir: "intel-rapl:0", Name: "package-0", Watts: 20, Range: 100_000_000}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := deaf{s.Clock(0)}
	src, err := meter.Open(meter.Options{Sysfs: s.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	m := meter.Watch(src, c)
	defer m.Close()
	from := edge(t, m)
	c.Sleep(t.Context(), 10*time.Second) // two wraps
	if w := m.Window(from, edge(t, m)); !strings.Contains(w.Invalid, "wrapped more than once") {
		t.Errorf("%v J, %q", w.Joules, w.Invalid)
	}
}

// deaf is a clock on which nothing happens in the background.
type deaf struct{ *simulator.Clock }

func (deaf) Every(time.Duration, func()) func() { return func() {} }

// failing is a source whose first domain fails at times, as a zone that
// vanishes does.
type failing struct {
	meter.Source
	err error
}

func (f *failing) Read(i int) (uint64, error) {
	if f.err != nil && i == 0 {
		return 0, f.err
	}
	return f.Source.Read(i)
}

// An edge ends with its context.
func TestEdgeIsInterrupted(t *testing.T) {
	_, _, m := simulate(t, simulator.Options{Zones: []simulator.Zone{zone("0", 0)}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Edge(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
