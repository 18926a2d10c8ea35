package simulator

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

func count(t testing.TB, s *Simulator, dir string) uint64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.powercap(), dir, "energy_uj"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func run(t *testing.T, s *Simulator) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCountersFollowTheTruth(t *testing.T) {
	s, err := New(Options{Dir: t.TempDir(), Zones: []Zone{
		{Dir: "intel-rapl:0", Name: "package-0", Watts: 30, Quantum: 61, Range: 1_000_000},
		{Dir: "intel-rapl:1", Name: "package-0", Like: "intel-rapl:0"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := s.Clock(0)
	began := c.At()
	for i := range 2000 {
		s.SetWatts("intel-rapl:0", float64(i%40))
		c.Sleep(t.Context(), time.Duration(i)*time.Microsecond)
		now := c.Now()
		truth := uint64(s.Joules("intel-rapl:0", began, now)*1e6) % (1_000_000/61*61 + 61)
		got := count(t, s, "intel-rapl:0")
		// It lags by a period and its jitter at most, and by a quantum.
		if lag := int64(truth) - int64(got); lag > 40*1300+61 || lag < 0 && lag > -900_000 {
			t.Fatalf("after %v it shows %d, and the truth is %d", time.Duration(now-began), got, truth)
		}
		if got%61 != 0 || count(t, s, "intel-rapl:1") != got {
			t.Fatalf("%d, and its mirror %d", got, count(t, s, "intel-rapl:1"))
		}
	}
}

// In real time counters go by time, not by steps, also where there is no
// processor left for them.
func TestRealTime(t *testing.T) {
	s, err := New(Options{Dir: filepath.Join(t.TempDir(), "new"), Zones: []Zone{{Dir: "intel-rapl:0", Name: "package-0", Watts: 100}}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	var stop atomic.Bool
	defer stop.Store(true)
	for range 2 * runtime.NumCPU() {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	start := system.Monotonic()
	first := count(t, s, "intel-rapl:0")
	for system.Monotonic()-start < int64(500*time.Millisecond) {
		time.Sleep(10 * time.Millisecond)
	}
	got := float64(count(t, s, "intel-rapl:0")-first) / 1e6
	if want := s.Joules("intel-rapl:0", start, system.Monotonic()); math.Abs(got/want-1) > 0.2 {
		t.Errorf("the counter went on by %v J, and %v J were taken", got, want)
	}
}

// With the processors' part, a busy machine takes more.
func TestProcessors(t *testing.T) {
	s, err := New(Options{Dir: t.TempDir(), Zones: []Zone{{Dir: "intel-rapl:0", Name: "package-0", Watts: 10, PerCPU: 100}}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	time.Sleep(50 * time.Millisecond)
	start := system.Monotonic()
	for system.Monotonic()-start < int64(400*time.Millisecond) { // one of them is busy
	}
	end := system.Monotonic()
	time.Sleep(20 * time.Millisecond)
	watts := s.Joules("intel-rapl:0", start, end) / (float64(end-start) / 1e9)
	if most := 10 + 100*1.1*float64(runtime.NumCPU()); watts < 10+100*0.25 || watts > most {
		t.Errorf("%.1f W with at least a share of one processor busy; at most %.1f", watts, most)
	}
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: filepath.Join(dir, "sys"), Zones: []Zone{{Dir: "intel-rapl:0", Name: "package-0", Start: 61 * 5, NoRange: true}}}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := count(t, s, "intel-rapl:0"); got != 305 {
		t.Errorf("it begins with %d", got)
	}
	if _, err := os.Stat(filepath.Join(s.powercap(), "intel-rapl:0/max_energy_range_uj")); err == nil {
		t.Error("there is a range")
	}
	// One that was killed left its tree behind: it is replaced.
	again, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("the tree is still there")
	}
	// Somebody's folder is left alone.
	theirs := filepath.Join(dir, "class", "powercap", "intel-rapl:0")
	os.MkdirAll(theirs, 0o755)
	if _, err := New(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("%v", err)
	}
	for _, z := range []Zone{{Dir: "../x"}, {Dir: "a/b"}, {Dir: ""}, {Dir: "a", Like: "b"}} {
		dir := filepath.Join(t.TempDir(), "x")
		if _, err := New(Options{Dir: dir, Zones: []Zone{z}}); err == nil {
			t.Errorf("%+v was made", z)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%+v left something behind", z)
		}
	}
}

func TestBusySeconds(t *testing.T) {
	tests := map[string]float64{
		"cpu  100 20 30 5000 7 1 2 9 50 0\ncpu0 1": 1.53,
		"cpu  1 2 3 4 5 6 7":                       0.19,
		"":                                         -1,
		"cpu":                                      -1,
		"cpu0 1 2 3 4 5 6 7":                       -1,
		"cpu 1 2 3 4 5 6 x":                        -1,
	}
	for text, want := range tests {
		if got, err := busySeconds(text); want < 0 && err == nil || want >= 0 && math.Abs(got-want) > 1e-9 {
			t.Errorf("%q is %v s, %v", text, got, err)
		}
	}
}
