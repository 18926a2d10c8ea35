//go:build linux

package meter

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nebula-bench/nebula/internal/testenv"
)

// files writes a tree.
func files(t testing.TB, texts map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range texts {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// with gives a copy with some files changed; "-" takes one away.
func with(base, change map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{base, change} {
		for k, v := range m {
			if out[k] = v; v == "-" {
				delete(out, k)
			}
		}
	}
	return out
}

const pmu = "bus/event_source/devices/power/"

// watt is a power PMU that is really the kernel's software PMU: its cpu-clock
// counts the nanoseconds of a processor, so that by a scale of 1e-9 it shows
// one watt for ever, through the true perf_event_open.
var watt = map[string]string{
	pmu + "type":                    "1",
	pmu + "cpumask":                 "0",
	pmu + "events/energy-pkg":       "event=0x00",
	pmu + "events/energy-pkg.scale": "1e-9",
	pmu + "events/energy-pkg.unit":  "Joules",
}

// mayOpen reports whether this process may count events of a processor.
func mayOpen() bool {
	fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	unix.Close(fd)
	return err == nil
}

func TestPerf(t *testing.T) {
	s, err := Open(Options{Sysfs: files(t, watt), Source: "perf"})
	if !mayOpen() {
		if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "perf_event_paranoid") {
			t.Fatalf("without the right to: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m := Watch(s, nil)
	defer m.Close()
	from, err := m.Edge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	to, err := m.Edge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := m.Window(from, to)
	if w.Invalid != "" || math.Abs(w.Joules/w.Length-1) > 0.01 || w.Domains[0].Name != "package-0" {
		t.Errorf("%+v", w)
	}
}

func TestPerfDomains(t *testing.T) {
	testenv.Need(t, "perf")
	more := map[string]string{}
	for _, e := range []string{"energy-ram", "energy-psys"} {
		for _, end := range []string{"", ".scale", ".unit"} {
			more[pmu+"events/"+e+end] = watt[pmu+"events/energy-pkg"+end]
		}
	}
	topology := func(cpu, p, die string) map[string]string {
		dir := "devices/system/cpu/cpu" + cpu + "/topology/"
		return map[string]string{dir + "physical_package_id": p, dir + "die_id": die}
	}
	two := with(with(watt, more), map[string]string{pmu + "cpumask": "0-1"})
	tests := map[string]struct {
		tree map[string]string
		want string
	}{
		"one package":          {with(with(watt, more), topology("0", "0", "0")), "package-0 dram-0 psys"},
		"without a topology":   {two, "package-0 package-1 dram-0 dram-1 psys"},
		"two packages":         {with(with(two, topology("0", "3", "0")), topology("1", "5", "0")), "package-3 package-5 dram-3 dram-5 psys"},
		"two dies":             {with(with(two, topology("0", "0", "0")), topology("1", "0", "1")), "package-0-die-0 package-0-die-1 dram-0-die-0 dram-0-die-1 psys"},
		"a strange event more": {with(two, map[string]string{pmu + "events/energy-ram": "umask=1"}), "package-0 package-1 psys"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Open(Options{Sysfs: files(t, tt.tree), Source: "perf"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var names []string
			for i, d := range s.Info().Domains {
				names = append(names, d.Name)
				if d.Total != strings.HasPrefix(d.Name, "package") {
					t.Errorf("%+v", d)
				}
				if _, err := s.Read(i); err != nil {
					t.Error(err)
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestPerfIsClosed(t *testing.T) {
	tests := map[string]struct{ file, text, want string }{
		"no PMU":          {"type", "-", "no power events"},
		"strange type":    {"type", "x", "is no number"},
		"no mask":         {"cpumask", "-", "cpumask"},
		"strange mask":    {"cpumask", "3-1", "is no list of processors"},
		"no event":        {"events/energy-pkg", "-", "energy-pkg"},
		"strange event":   {"events/energy-pkg", "config=2", "is no event"},
		"strange scale":   {"events/energy-pkg.scale", "-1", "is no scale"},
		"no number":       {"events/energy-pkg.scale", "NaN", "is no scale"},
		"another unit":    {"events/energy-pkg.unit", "Watts", "not Joules"},
		"unknown to perf": {"type", "4294967295", "energy-pkg on processor 0: no such file or directory"},
		"no such cpu":     {"cpumask", "4095", "energy-pkg on processor 4095"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(Options{Sysfs: files(t, with(watt, map[string]string{pmu + tt.file: tt.text})), Source: "perf"})
			if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) && (mayOpen() || !strings.Contains(err.Error(), "denied")) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

var board = map[string]string{
	"class/hwmon/hwmon0/name":            "coretemp",
	"class/hwmon/hwmon0/temp1_input":     "40000",
	"class/hwmon/hwmon1/name":            "ina226",
	"class/hwmon/hwmon1/power1_input":    "2500000",
	"class/hwmon/hwmon1/update_interval": "20",
	"class/hwmon/hwmon2/name":            "ina226",
	"class/hwmon/hwmon2/power1_input":    "1500000",
	"class/hwmon/hwmon2/power2_input":    "500000",
	"class/hwmon/hwmon2/power2_label":    "VDD <CPU>",
}

func TestHwmon(t *testing.T) {
	amd := map[string]string{
		"class/hwmon/hwmon4/name": "amd_energy", "class/hwmon/hwmon4/energy1_input": "17", "class/hwmon/hwmon4/energy1_label": "Ecore000",
		"class/hwmon/hwmon4/energy2_input": "99", "class/hwmon/hwmon4/energy2_label": "Esocket0",
	}
	acpi := map[string]string{
		"class/hwmon/hwmon4/name": "power_meter", "class/hwmon/hwmon4/power1_average": "98000000", "class/hwmon/hwmon4/power1_input": "1",
		"class/hwmon/hwmon4/power1_average_interval": "300",
	}
	tests := map[string]struct {
		tree  map[string]string
		names []string
		want  string // the domains, or the error
	}{
		"of the package": {with(board, amd), nil, "amd_energy/Esocket0"},
		"of the machine": {with(board, acpi), nil, "power_meter/power1 300ms integrated"},
		"by name":        {board, []string{"ina226/power1"}, "ina226/power1 20ms integrated"},
		"several":        {board, []string{"ina226/power1", "ina226/VDD <CPU>"}, "ina226/power1 20ms integrated, ina226/VDD <CPU> 1s integrated"},
		"the same name":  {board, []string{"hwmon2/ina226/power1"}, "hwmon2/ina226/power1 1s integrated"},
		"not named":      {board, nil, `domains = [...], one or more of ina226/power1, hwmon2/ina226/power1, ina226/VDD <CPU>`},
		"misspelt":       {board, []string{"ina226/power3"}, "one or more of ina226/power1"},
		"half misspelt":  {board, []string{"ina226/power3", "ina226/power1"}, `no domain "ina226/power3"`},
		"none":           {with(board, map[string]string{"class/hwmon/hwmon1/power1_input": "-", "class/hwmon/hwmon2/power1_input": "-", "class/hwmon/hwmon2/power2_input": "-"}), nil, "no sensor of energy or power"},
		"garbage":        {with(board, map[string]string{"class/hwmon/hwmon1/power1_input": "-5"}), []string{"ina226/power1"}, "is no count"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Open(Options{Sysfs: files(t, tt.tree), Source: "hwmon", Domains: tt.names})
			if err != nil {
				if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				return
			}
			defer s.Close()
			var got []string
			for _, d := range s.Info().Domains {
				text := d.Name
				if d.Integrated {
					text += " " + d.Period.String() + " integrated"
				}
				if !d.Total {
					text += " beside"
				}
				got = append(got, text)
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A power is summed up over time.
func TestHwmonIsIntegrated(t *testing.T) {
	s, err := Open(Options{Sysfs: files(t, board), Source: "hwmon", Domains: []string{"ina226/power1"}})
	if err != nil {
		t.Fatal(err)
	}
	m := Watch(s, nil)
	defer m.Close()
	from, _ := m.Edge(t.Context())
	time.Sleep(200 * time.Millisecond)
	to, _ := m.Edge(t.Context())
	w := m.Window(from, to)
	if w.Invalid != "" || math.Abs(w.Joules-2.5*w.Length) > 1e-6 || w.U < 2.5*0.02/4 || w.U > 2.5*0.02 {
		t.Errorf("%+v", w)
	}
	if w := m.Window(from, from); w.Invalid == "" {
		t.Errorf("a window of nothing has %v J", w.Joules)
	}
	time.Sleep(5 * time.Millisecond)
	short, _ := m.Edge(t.Context())
	if w := m.Window(to, short); !strings.Contains(w.Invalid, "has a new value every 20ms") {
		t.Errorf("a window shorter than the sensor's period is %q", w.Invalid)
	}
}

func TestCommand(t *testing.T) {
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	tests := map[string]struct {
		argv []string
		want string // the error; empty: it runs
	}{
		"watts":        {sh(`while echo 12.5 W; do sleep 0.02; done`), ""},
		"joules":       {sh(`n=0; while echo $n.5J; do n=$((n+1)); sleep 0.02; done`), ""},
		"no program":   {[]string{"/nowhere/meter"}, "no such file"},
		"nothing":      {nil, "no command is given"},
		"garbage":      {sh(`echo hello; sleep 9`), `"hello" is no energy and no power`},
		"no unit":      {sh(`echo 12; sleep 9`), `"12" is no energy`},
		"negative":     {sh(`echo -12 W; sleep 9`), `"-12 W" is no energy`},
		"not a number": {sh(`echo NaN W; sleep 9`), `"NaN W" is no energy`},
		"two units":    {sh(`echo 1 W; echo 1 J; sleep 9`), `"1 J" is in J, and what came before in W`},
		"ends":         {sh(`echo 1 W; echo cable? >&2; exit 3`), `it ended: exit status 3, saying "cable?"`},
		"silent":       {sh(`sleep 9`), "did not give three values, one by one, within 600ms"},
		"no lines":     {sh(`cat /dev/zero`), "token too long"},
		"stubborn":     {sh(`trap "" TERM; echo x; sleep 9; sleep 9`), `"x" is no energy`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silence := 5 * time.Second
			if name == "silent" {
				silence = 300 * time.Millisecond
			}
			began := time.Now()
			s, err := openCommand(tt.argv, silence)
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
			if tt.want != "" {
				if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c := s.(*command)
			if v, err := s.Read(0); err != nil || v == 0 {
				t.Errorf("%d, %v", v, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			// What it has started is dead at once, and buried by its new parent.
			for until := time.Now().Add(5 * time.Second); !errors.Is(unix.Kill(-c.cmd.Process.Pid, 0), unix.ESRCH); time.Sleep(time.Millisecond) {
				if time.Now().After(until) {
					t.Error("something of it runs on")
					break
				}
			}
			if _, err := s.Read(0); err == nil || !strings.Contains(err.Error(), "it ended") {
				t.Errorf("after its end: %v", err)
			}
		})
	}
}

// A program's power is energy over time, and its silence is no power.
func TestCommandIsIntegrated(t *testing.T) {
	s, err := openCommand([]string{"sh", "-c", `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo 40 W; sleep 0.02; done; exec sleep 9`}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	m := Watch(s, nil)
	defer m.Close()
	from, _ := m.Edge(t.Context())
	time.Sleep(200 * time.Millisecond)
	to, _ := m.Edge(t.Context())
	if w := m.Window(from, to); w.Invalid != "" || math.Abs(w.Joules-40*w.Length) > 1e-6 {
		t.Errorf("%+v", w)
	}
	time.Sleep(1500 * time.Millisecond)
	late, _ := m.Edge(t.Context())
	if w := m.Window(to, late); !strings.Contains(w.Invalid, "there was no value for") {
		t.Errorf("%v J, %q", w.Joules, w.Invalid)
	}
}

func FuzzMeasure(f *testing.F) {
	for _, s := range []string{"12.3 W", "1234.5J", " 7 W\r", "1e9 W", "-1 W", "NaN J", "999999999999999.9 J", ".5 W", "1 kW"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		v, unit, err := parseMeasure(line)
		if err == nil && (v > 1e18 || unit != "W" && unit != "J" || !strings.Contains(line, unit)) {
			t.Errorf("%q is %d %s", line, v, unit)
		}
	})
}

func FuzzCPUs(f *testing.F) {
	for _, s := range []string{"0", "0,18-19", "0-1", "3-1", "-1", "", "0-70000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if cpus, err := parseCPUs(list); err == nil && len(cpus) == 0 {
			t.Errorf("%q is no processor", list)
		}
	})
}
