package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
)

// A tree is a fake machine: files and what they hold.
type tree map[string]string

func (x tree) machine(t *testing.T) Machine {
	t.Helper()
	root := t.TempDir()
	for name, text := range x {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: root}
}

const counter = "/sys/class/powercap/intel-rapl:0/energy_uj"

// counting lets the counter of a machine count, until the test ends.
func counting(t *testing.T, m Machine) {
	f, err := os.OpenFile(m.Root+counter, os.O_WRONLY, 0)
	if err != nil {
		return // there is none
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer f.Close()
		for n := 1000; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				f.WriteAt(fmt.Appendf(nil, "%d\n", n), 0)
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-ended })
}

const (
	governor0 = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
	governor1 = "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"
)

func quiet() tree {
	return tree{
		governor0: "performance", governor1: "performance", noTurbo: "1", aslr: "2", smt: "0", clockSource: "tsc",
		"/sys/class/thermal/thermal_zone0/temp": "45000",
		"/proc/meminfo":                         "MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB",
		"/proc/pressure/memory":                 "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00",
		"/proc/cpuinfo":                         "processor : 0\nflags : fpu tsc\nmicrocode : 0x2b",
		counter:                                 "12",
		"/sys/class/powercap/intel-rapl:0/name": "package-0",
		"/sys/devices/system/cpu/vulnerabilities/spectre_v2": "Mitigation: Retpolines",
	}
}

func TestCheck(t *testing.T) {
	fine, disturbing, noted, unknown := experiment.Fine, experiment.Disturbing, experiment.Noted, experiment.Unknown
	tests := map[string]struct {
		change tree
		check  string
		want   experiment.Severity
		found  string
	}{
		"governor":                  {tree{governor1: "powersave"}, "governor", disturbing, "performance on 1 of 2 processors, powersave on 1 of 2 processors"},
		"no governor":               {tree{governor0: "", governor1: ""}, "governor", disturbing, ""},
		"turbo":                     {tree{noTurbo: "0"}, "turbo", disturbing, "on"},
		"boost":                     {tree{noTurbo: "-", boost: "1"}, "turbo", disturbing, "on"},
		"boost is off":              {tree{noTurbo: "-", boost: "0"}, "turbo", fine, "off"},
		"turbo not shown":           {tree{noTurbo: "-"}, "turbo", unknown, ""},
		"smt":                       {tree{smt: "1"}, "smt", noted, "share a core"},
		"hot":                       {tree{"/sys/class/thermal/thermal_zone1/temp": "91000"}, "temperature", disturbing, "91 °C"},
		"swap in use":               {tree{"/proc/meminfo": "SwapTotal: 4096 kB\nSwapFree: 2048 kB"}, "swap", noted, "2 MiB in use"},
		"memory":                    {tree{"/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 99 kB"}, "memory", disturbing, "available"},
		"pressure":                  {tree{"/proc/pressure/memory": "some avg10=3.50 avg60=0"}, "memory pressure", disturbing, "3.5 %"},
		"strange pressure":          {tree{"/proc/pressure/memory": "some avg10=x"}, "memory pressure", unknown, ""},
		"slow clock":                {tree{clockSource: "hpet"}, "clock source", disturbing, "hpet"},
		"virtual":                   {tree{"/proc/cpuinfo": "flags\t\t: fpu hypervisor tsc"}, "hypervisor", noted, "virtual"},
		"no randomisation":          {tree{aslr: "0"}, "address randomisation", noted, "off"},
		"half of it":                {tree{aslr: "1"}, "address randomisation", noted, "in part"},
		"another kind of processor": {tree{"/proc/cpuinfo": "Features\t: fp asimd"}, "hypervisor", unknown, ""},
		"a hot AMD": {tree{"/sys/class/thermal/thermal_zone0/temp": "-", "/sys/class/hwmon/hwmon2/name": "k10temp", "/sys/class/hwmon/hwmon2/temp1_input": "88000",
			"/sys/class/hwmon/hwmon1/name": "nvme", "/sys/class/hwmon/hwmon1/temp1_input": "99000"}, "temperature", disturbing, "88 °C"},
		"a counter that stands still": {tree{}, "energy", noted, "package-0 did not move for 1s"},
		"no RAPL":                     {tree{"/sys/class/powercap/intel-rapl:0/energy_uj": "-"}, "energy", noted, "no counter of a processor package"},
	}
	m := quiet().machine(t)
	counting(t, m)
	for _, f := range m.Check(t.TempDir()) {
		if f.Severity != fine && f.Check != "disk" {
			t.Errorf("on a quiet machine: %+v", f)
		}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := quiet()
			for file, text := range tt.change {
				if x[file] = text; text == "-" {
					delete(x, file)
				}
			}
			m := x.machine(t)
			if name != "a counter that stands still" {
				counting(t, m)
			}
			for _, f := range m.Check(t.TempDir()) {
				if f.Check != tt.check {
					continue
				}
				if f.Severity != tt.want || !strings.Contains(f.Found, tt.found) {
					t.Errorf("%+v, want %s", f, tt.want)
				}
				if f.Severity == disturbing && (f.Why == "" || f.Remedy == "") {
					t.Errorf("no reason or remedy: %+v", f)
				}
				return
			}
			t.Errorf("nothing was said of %s", tt.check)
		})
	}
}

// Of a machine that shows nothing, nothing is fine.
func TestCheckNothing(t *testing.T) {
	for _, f := range (Machine{Root: t.TempDir()}).Check(t.TempDir()) {
		if f.Severity == experiment.Fine && f.Check != "disk" {
			t.Errorf("%+v", f)
		}
	}
	for _, f := range During(Counters{}, Counters{}) {
		if f.Severity != experiment.Unknown {
			t.Errorf("%+v", f)
		}
	}
}

// What may explain a difference between two machines.
func TestFacts(t *testing.T) {
	x := quiet()
	x["/proc/cmdline"], x["/sys/class/dmi/id/product_name"], x["/sys/class/dmi/id/sys_vendor"] = "quiet isolcpus=1", "Model 1", ""
	got := x.machine(t).Facts()
	want := map[string]string{
		"microcode": "0x2b", "clock source": "tsc", "smt": "0", "address randomisation": "2", "turbo": "false",
		"mitigation spectre_v2": "Retpolines", "kernel command line": "quiet isolcpus=1", "model": "Model 1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDuring(t *testing.T) {
	at := func(user, idle, steal, throttled, swapped string) Counters {
		return tree{
			"/proc/stat":   "cpu " + user + " 0 0 " + idle + " 0 0 0 " + steal + " 0 0\ncpu0 1",
			"/proc/vmstat": "pgpgin 5\npswpin " + swapped + "\npswpout 0",
			"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": throttled,
		}.machine(t).Counters()
	}
	severity := func(fs []experiment.Finding, check string) experiment.Severity {
		for _, f := range fs {
			if f.Check == check {
				return f.Severity
			}
		}
		return ""
	}
	before := at("1000", "1000", "0", "3", "7")
	calm := During(before, at("1500", "1490", "10", "3", "7"))
	wild := During(before, at("1500", "1480", "20", "4", "8"))
	for _, check := range []string{"stolen time", "throttling", "swapping"} {
		if severity(calm, check) != experiment.Fine || severity(wild, check) != experiment.Disturbing {
			t.Errorf("%s: calm %s, wild %s", check, severity(calm, check), severity(wild, check))
		}
	}
	if f := idle(before, at("1009", "1091", "0", "0", "0")); f.Severity != experiment.Fine {
		t.Errorf("9 of 100 ticks busy: %+v", f)
	}
	if f := idle(before, at("1020", "1080", "0", "0", "0")); f.Severity != experiment.Disturbing || !strings.Contains(f.Found, "20 %") {
		t.Errorf("20 of 100 ticks busy: %+v", f)
	}
}

func TestChanged(t *testing.T) {
	cool := quiet().machine(t).Check(t.TempDir())
	x := quiet()
	x["/sys/class/thermal/thermal_zone0/temp"] = "90000"
	got := Changed(cool, x.machine(t).Check(t.TempDir()))
	if len(got) != 1 || got[0].Check != "temperature" || got[0].Severity != experiment.Disturbing {
		t.Errorf("%+v", got)
	}
}

// This machine can be looked at, whatever it is.
func TestThisMachine(t *testing.T) {
	var m Machine
	c := m.Counters()
	if !c.known[0] {
		t.Error("/proc/stat can't be read")
	}
	for _, f := range m.Check(t.TempDir()) {
		if f.Check == "" || f.Severity == "" || f.Found == "" {
			t.Errorf("%+v", f)
		}
	}
}

func (m Machine) mustRead(t *testing.T, file string) string {
	t.Helper()
	s, ok := m.read(file)
	if !ok {
		t.Fatalf("no %s", file)
	}
	return s
}

func untuned() tree {
	return tree{governor0: "powersave", governor1: "performance", noTurbo: "0", aslr: "0"}
}

func TestTuneAndRestore(t *testing.T) {
	m := untuned().machine(t)
	journal := filepath.Join(t.TempDir(), "new", "tune.json")
	set, err := m.Tune(journal)
	if err != nil || len(set) != 3 {
		t.Fatalf("%v, %v", set, err)
	}
	for file, want := range map[string]string{governor0: "performance", governor1: "performance", noTurbo: "1", aslr: "2"} {
		if got := m.mustRead(t, file); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
	m.write(governor1, "powersave") // so that there is something to tune
	if _, err := m.Tune(journal); !errors.Is(err, ErrTuned) {
		t.Errorf("tuned twice: %v", err)
	}
	m.write(governor1, "performance")
	if _, err := m.Restore(journal); err != nil {
		t.Fatal(err)
	}
	for file, want := range untuned() {
		if got := m.mustRead(t, file); got != want {
			t.Errorf("after restore, %s is %s, want %s", file, got, want)
		}
	}
	if done, err := m.Restore(journal); done != nil || err != nil {
		t.Errorf("restored twice: %v, %v", done, err)
	}
}

// However far Tune came before it was killed, Restore puts everything back.
func TestRestoreAfterCrash(t *testing.T) {
	whole := untuned().machine(t)
	full := filepath.Join(t.TempDir(), "tune.json")
	settings, err := whole.Tune(full)
	if err != nil {
		t.Fatal(err)
	}
	for came := range len(settings) + 1 {
		m := untuned().machine(t)
		journal := filepath.Join(t.TempDir(), "tune.json")
		if err := writeJournal(journal, settings); err != nil {
			t.Fatal(err)
		}
		for _, s := range settings[:came] {
			if err := m.write(s.File, s.Set); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Restore(journal); err != nil {
			t.Fatal(err)
		}
		for file, want := range untuned() {
			if got := m.mustRead(t, file); got != want {
				t.Errorf("killed after %d settings: %s is %s, want %s", came, file, got, want)
			}
		}
	}
}

// What somebody else has set meanwhile is theirs.
func TestRestoreKeepsTheirs(t *testing.T) {
	m := untuned().machine(t)
	journal := filepath.Join(t.TempDir(), "tune.json")
	if _, err := m.Tune(journal); err != nil {
		t.Fatal(err)
	}
	m.write(governor0, "schedutil")
	done, err := m.Restore(journal)
	if err != nil || m.mustRead(t, governor0) != "schedutil" || m.mustRead(t, noTurbo) != "0" {
		t.Errorf("%v: %s, %s", err, m.mustRead(t, governor0), m.mustRead(t, noTurbo))
	}
	kept := 0
	for _, d := range done {
		if d.Kept != "" {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%+v", done)
	}
}

// After tuning there is nothing left that tune is said to mend.
func TestTuneMendsWhatCheckFinds(t *testing.T) {
	m := untuned().machine(t)
	asked := func() (checks []string) {
		for _, f := range m.Check(t.TempDir()) {
			if f.Remedy == "nebula tune" {
				checks = append(checks, f.Check)
			}
		}
		return checks
	}
	if got := asked(); len(got) != 3 {
		t.Errorf("before: %v", got)
	}
	if _, err := m.Tune(filepath.Join(t.TempDir(), "tune.json")); err != nil {
		t.Fatal(err)
	}
	if got := asked(); len(got) != 0 {
		t.Errorf("after: %v", got)
	}
}

// A setting that can't be written leaves everything as it was.
func TestTuneFails(t *testing.T) {
	m := untuned().machine(t)
	// The last file of all can be read, and nobody can write it.
	if err := errors.Join(os.Remove(m.Root+aslr), os.Symlink("/proc/version", m.Root+aslr)); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(t.TempDir(), "tune.json")
	if _, err := m.Tune(journal); err == nil || !strings.Contains(err.Error(), aslr) {
		t.Errorf("tune: %v", err)
	}
	for file, want := range untuned() {
		if file == aslr {
			continue
		}
		if got := m.mustRead(t, file); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
	if _, err := os.Stat(journal); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal is still there: %v", err)
	}
}

func TestHostileJournal(t *testing.T) {
	m := untuned().machine(t)
	victim := filepath.Join(m.Root, "victim")
	os.WriteFile(victim, []byte("x"), 0o644)
	for _, file := range []string{"/victim", "/sys/devices/system/cpu/cpu0/../../../../../victim", aslr + "/../../../../victim"} {
		journal := filepath.Join(t.TempDir(), "tune.json")
		b, _ := json.Marshal([]Setting{{File: file, Was: "owned", Set: "x"}})
		os.WriteFile(journal, b, 0o644)
		if _, err := m.Restore(journal); err == nil {
			t.Errorf("%s was restored", file)
		}
		if b, _ := os.ReadFile(victim); string(b) != "x" {
			t.Fatalf("%s was written", file)
		}
	}
}

func FuzzCounters(f *testing.F) {
	f.Add("cpu  1 2 3 4 5 6 7 8 9 10\n", "pswpin 1\npswpout 2\n")
	f.Add("cpu x", "pswpin")
	f.Fuzz(func(t *testing.T, stat, vmstat string) {
		m := tree{"/proc/stat": stat, "/proc/vmstat": vmstat}.machine(t)
		c := m.Counters()
		During(c, m.Counters())
		idle(c, c)
	})
}

func TestGovernor(t *testing.T) {
	for want, x := range map[string]tree{
		"":                       {},
		"performance":            {governor0: "performance", governor1: "performance"},
		"performance, powersave": {governor0: "powersave", governor1: "performance"},
	} {
		if got := x.machine(t).Governor(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A processor of another kind than the program's is emulated.
func TestEmulated(t *testing.T) {
	const x86, arm, risc = "processor\t: 0\nvendor_id\t: GenuineIntel\n", "processor\t: 0\nCPU implementer\t: 0x41\n", "processor\t: 0\nhart\t: 1\nisa\t: rv64imafdc\n"
	for _, test := range []struct {
		cpuinfo, goarch string
		want            bool
	}{
		{x86, "amd64", false}, {x86, "386", false}, {x86, "arm64", true}, {x86, "riscv64", true},
		{arm, "arm64", false}, {arm, "amd64", true}, {risc, "riscv64", false}, {risc, "arm64", true}, {"", "arm64", false},
	} {
		if got := emulated(test.cpuinfo, test.goarch); got != test.want {
			t.Errorf("%s on %q: %v", test.goarch, test.cpuinfo, got)
		}
	}
}
