package meter_test

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// EINVAL and ENODEV are what the kernel answers for a zone that is gone; no
// file of ours answers so.
func TestZoneFails(t *testing.T) {
	for _, errno := range []error{syscall.EINVAL, syscall.ENODEV, syscall.ENOENT, syscall.EIO, syscall.ENODATA} {
		for _, total := range []bool{true, false} {
			zones := []simulator.Zone{zone("0", 20), zone("1", 10)}
			if !total {
				zones[0].Name, zones[1].Name = "psys", "package-0"
			}
			s, err := simulator.New(simulator.Options{Dir: t.TempDir(), Zones: zones})
			if err != nil {
				t.Fatal(err)
			}
			c := s.Clock(0)
			src, err := meter.Open(meter.Options{Sysfs: s.Dir()})
			if err != nil {
				t.Fatal(err)
			}
			f := &failing{Source: src}
			m := meter.Watch(f, c)
			before := edge(t, m)
			f.err = errno
			c.Sleep(t.Context(), 5*time.Second)
			during := edge(t, m)
			f.err = nil
			after := edge(t, m)
			c.Sleep(t.Context(), time.Second)
			last := edge(t, m)
			for _, w := range []meter.Window{m.Window(before, during), m.Window(before, after), m.Window(during, after), m.Window(before, last), m.Window(during, last)} {
				d := w.Domains[0]
				if !strings.Contains(d.Invalid, d.Name) || !math.IsNaN(d.Joules) {
					t.Errorf("%v: %v J, %q", errno, d.Joules, d.Invalid)
				}
				if total != (w.Invalid != "") {
					t.Errorf("%v: the window is %q", errno, w.Invalid)
				}
				if !total && math.Abs(w.Joules-10*w.Length) > 3*w.U+30*w.LengthU+1e-3 {
					t.Errorf("%v: beside psys, %v J in %v s", errno, w.Joules, w.Length)
				}
			}
			if w := m.Window(after, last); w.Invalid != "" {
				t.Errorf("%v: the window after is %q", errno, w.Invalid)
			}
			m.Close()
			s.Close()
		}
	}
}

// A file that is held open can fail: those of a process that has ended do.
func TestZoneVanishes(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	sysfs := t.TempDir()
	dir := filepath.Join(sysfs, "class", "powercap", "intel-rapl:0")
	os.MkdirAll(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "name"), []byte("package-0\n"), 0o644)
	// A number, and no file of ours.
	if err := os.Symlink(filepath.Join("/proc", strconv.Itoa(child.Process.Pid), "oom_score"), filepath.Join(dir, "energy_uj")); err != nil {
		t.Fatal(err)
	}
	s, err := meter.Open(meter.Options{Sysfs: sysfs})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Read(0); err != nil {
		t.Fatal(err)
	}
	child.Process.Kill()
	child.Wait()
	if v, err := s.Read(0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("%d, %v", v, err)
	}
	// The folder comes back, with a counter that works.
	if err := os.Remove(filepath.Join(dir, "energy_uj")); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "energy_uj"), []byte("7\n"), 0o644)
	s.Read(0) // still the old one
	if v, err := s.Read(0); v != 7 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

// asNobody runs f with an effective user who owns nothing and may do nothing.
// Only this goroutine's thread becomes him, and it ends with the goroutine.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f() // somebody without rights already
		return
	}
	done := make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocked
		defer close(done)
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), nobody, ^uintptr(0)); errno != 0 {
			t.Error(errno)
			return
		}
		f()
	}()
	<-done
}

// letIn lets everybody into a folder of TempDir's, which has one of its own.
func letIn(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Counters of root's: what is closed, why, and how to open it.
func TestPermission(t *testing.T) {
	s, err := simulator.New(simulator.Options{Dir: t.TempDir(), Zones: []simulator.Zone{zone("0", 20), zone("1", 20)}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	letIn(t, s.Dir())
	counter := filepath.Join(s.Dir(), "class/powercap/intel-rapl:0/energy_uj")
	open := func(domains ...string) (src meter.Source, err error) {
		asNobody(t, func() { src, err = meter.Open(meter.Options{Sysfs: s.Dir(), Source: "powercap", Domains: domains}) })
		return src, err
	}
	os.Chmod(counter, 0)
	_, err = open()
	for _, want := range []string{"package-0 can't be read: it may be read by root only", "chgrp GROUP " + counter, `domains = ["package-1"]`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a total that lacks a package: %v, want %q", err, want)
		}
	}
	src, err := open("package-1")
	if err != nil {
		t.Fatal(err) // the other package is readable, and asked for by its name
	}
	if notes := strings.Join(src.Info().Notes, "\n"); !strings.Contains(notes, "intel-rapl:0 (package-0) can't be read: it may be read by root only") {
		t.Errorf("notes: %s", notes)
	}
	src.Close()
	os.Chmod(strings.Replace(counter, ":0", ":1", 1), 0)
	_, err = open()
	u := (*meter.Unavailable)(nil)
	if !errors.As(err, &u) || len(u.Doors) != 1 {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"root only", "chgrp GROUP " + counter, "/etc/udev/rules.d"} {
		if !strings.Contains(u.Error(), want) {
			t.Errorf("%s: nothing of %q", u, want)
		}
	}
	os.Chmod(filepath.Join(s.Dir(), "class/powercap"), 0)
	if _, err = open(); !errors.As(err, &u) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a closed folder: %v", err)
	}
	os.Chmod(filepath.Join(s.Dir(), "class/powercap"), 0o755)
}

// Events of a processor need a right that nobody has.
func TestPerfPermission(t *testing.T) {
	if b, _ := os.ReadFile("/proc/sys/kernel/perf_event_paranoid"); strings.HasPrefix(string(b), "0") || strings.HasPrefix(string(b), "-") {
		t.Skip("perf_event_paranoid lets everybody count events here")
	}
	sysfs := t.TempDir()
	dir := filepath.Join(sysfs, "bus/event_source/devices/power")
	os.MkdirAll(filepath.Join(dir, "events"), 0o755)
	letIn(t, sysfs)
	for name, text := range map[string]string{"type": "1", "cpumask": "0", "events/energy-pkg": "event=0x00", "events/energy-pkg.scale": "1e-9", "events/energy-pkg.unit": "Joules"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	asNobody(t, func() {
		_, err := meter.Open(meter.Options{Sysfs: sysfs, Source: "perf"})
		u := (*meter.Unavailable)(nil)
		if !errors.As(err, &u) {
			t.Fatalf("%v", err)
		}
		d := u.Doors[0]
		if !strings.Contains(d.Why, "permission denied") || !strings.Contains(d.Remedy, "kernel.perf_event_paranoid=0") || !strings.Contains(d.Remedy, "setcap cap_perfmon+ep") {
			t.Errorf("%+v", d)
		}
	})
}

// Without any door, each is named.
func TestEveryDoor(t *testing.T) {
	_, err := meter.Open(meter.Options{Sysfs: t.TempDir()})
	u := (*meter.Unavailable)(nil)
	if !errors.As(err, &u) || len(u.Doors) != 3 {
		t.Fatalf("%v", err)
	}
	for i, name := range []string{"powercap", "perf", "hwmon"} {
		if !strings.HasPrefix(u.Doors[i].Name, name) || u.Doors[i].Why == "" {
			t.Errorf("%+v", u.Doors[i])
		}
	}
	_, err = meter.Open(meter.Options{Source: "none"})
	if !errors.As(err, &u) || u.Doors[0].Name != "none" {
		t.Errorf("%v", err)
	}
	if _, err = meter.Open(meter.Options{Source: "rapl"}); err == nil || errors.As(err, &u) {
		t.Errorf("%v", err)
	}
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
