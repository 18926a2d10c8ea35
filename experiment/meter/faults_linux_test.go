package meter_test

import (
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
