package meter

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A tree is a powercap tree: zones and what their files hold.
type tree map[string]map[string]string

func zone(name, energy string) map[string]string {
	return map[string]string{"name": name, "energy_uj": energy, "max_energy_range_uj": "262143328850"}
}

func (x tree) write(t testing.TB) string {
	t.Helper()
	sysfs := t.TempDir()
	for z, files := range x {
		dir := filepath.Join(sysfs, "class", "powercap", z)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return sysfs
}

func open(t testing.TB, sysfs string) Source {
	t.Helper()
	s, err := Open(Options{Sysfs: sysfs, Source: "powercap"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestDiscovery(t *testing.T) {
	rangeless := zone("package-0", "1")
	delete(rangeless, "max_energy_range_uj")
	hex := tree{"intel-rapl:b:0": zone("dram", "1")}
	for i := range 12 {
		hex[fmt.Sprintf("intel-rapl:%x", i)] = zone(fmt.Sprintf("package-%d", i), "1")
	}
	var all []string
	for i := range 12 {
		all = append(all, fmt.Sprintf("package-%d", i))
	}
	tests := map[string]struct {
		tree  tree
		total []string
		other []string
		note  string
	}{
		"one socket":   {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("core", "1"), "intel-rapl:0:1": zone("dram", "1")}, []string{"package-0"}, []string{"dram-0"}, `intel-rapl:0:0: "core" is a part of its package`},
		"two sockets":  {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("package-1", "1"), "intel-rapl:1:0": zone("dram", "1")}, []string{"package-0", "package-1"}, []string{"dram-1"}, ""},
		"two dies":     {tree{"intel-rapl:0": zone("package-0-die-0", "1"), "intel-rapl:1": zone("package-0-die-1", "2")}, []string{"package-0-die-0", "package-0-die-1"}, nil, ""},
		"psys at 1":    {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("psys", "1")}, []string{"package-0"}, []string{"psys"}, ""},
		"mmio twin":    {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl-mmio:0": zone("package-0", "1")}, []string{"package-0"}, nil, "intel-rapl-mmio:0 counts a package that intel-rapl counts too"},
		"dtpm":         {tree{"intel-rapl:0": zone("package-0", "1"), "dtpm:0": zone("package-0", "1"), "dtpm": {}, "intel-rapl": {}}, []string{"package-0"}, nil, ""},
		"AMD":          {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("core", "1")}, []string{"package-0"}, nil, "a part of its package"},
		"no range":     {tree{"intel-rapl:0": rangeless}, []string{"package-0"}, nil, ""},
		"hexadecimal":  {hex, all, []string{"dram-11"}, ""},
		"after psys":   {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("dram", "1"), "intel-rapl:1": zone("psys", "1"), "intel-rapl:2": zone("package-1", "1"), "intel-rapl:2:0": zone("dram", "1")}, []string{"package-0", "package-1"}, []string{"dram-0", "psys", "dram-1"}, ""},
		"a die's":      {tree{"intel-rapl:0": zone("package-0-die-0", "1"), "intel-rapl:1": zone("package-0-die-1", "1"), "intel-rapl:1:0": zone("dram", "1")}, []string{"package-0-die-0", "package-0-die-1"}, []string{"dram-0-die-1"}, ""},
		"of one name":  {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("package-0", "2")}, []string{"package-0", "package-0 (intel-rapl:1)"}, nil, ""},
		"other kinds":  {tree{"intel-rapl:0": zone("package-0", "1"), "arm-scmi:0": zone("soc", "1"), "arm-scmi:1": zone("soc", "1"), "intel-rapl:x": zone("package-1", "1")}, []string{"package-0"}, nil, "what arm-scmi counts is not known here (2 zones)\nwhat intel-rapl counts is not known here (1 zone)"},
		"strange name": {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("gpu", "1")}, []string{"package-0"}, nil, `unknown name "gpu"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := open(t, tt.tree.write(t))
			var total, other []string
			for _, d := range p.Info().Domains {
				if d.Total {
					total = append(total, d.Name)
				} else {
					other = append(other, d.Name)
				}
			}
			if notes := p.Info().Notes; !slices.Equal(total, tt.total) || !slices.Equal(other, tt.other) || !strings.Contains(strings.Join(notes, "\n"), tt.note) {
				t.Errorf("total %v, beside it %v, notes %q", total, other, notes)
			}
		})
	}
}

// A total that lacks a package is no total.
func TestNoTotal(t *testing.T) {
	broken, nameless := zone("package-0", "1"), zone("package-0", "1")
	delete(broken, "energy_uj")
	delete(nameless, "name")
	topology := func(packages ...string) map[string]string {
		texts := map[string]string{}
		for i, p := range packages {
			p, die, _ := strings.Cut(p, ".")
			dir := fmt.Sprintf("devices/system/cpu/cpu%d/topology/", i)
			texts[dir+"physical_package_id"], texts[dir+"die_id"] = p, cmp.Or(die, "0")
		}
		return texts
	}
	one, five := zone("package-1", "1"), zone("package-5", "1")
	die := func(n string) map[string]string { return zone("package-0-die-"+n, "1") }
	tests := map[string]struct {
		tree     tree
		topology map[string]string
		domains  []string
		want     string // in the error; empty: there is a total
	}{
		"a counter is missing":         {tree{"intel-rapl:0": broken, "intel-rapl:1": one}, nil, nil, "would lack a part: package-0 can't be read"},
		"garbage":                      {tree{"intel-rapl:0": zone("package-0", "12x"), "intel-rapl:1": one}, nil, nil, "is no count"},
		"a name is missing":            {tree{"intel-rapl:0": nameless, "intel-rapl:1": one}, nil, nil, "intel-rapl:0 may be a package"},
		"names skip a number":          {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("package-2", "1")}, nil, nil, "package-1 has no counter"},
		"and are right to":             {tree{"intel-rapl:0": one, "intel-rapl:1": five}, topology("1", "1", "5"), nil, ""},
		"a package more than counters": {tree{"intel-rapl:0": zone("package-0", "1")}, topology("0", "1"), nil, "package-1 has no counter"},
		"a die is skipped":             {tree{"intel-rapl:0": die("0"), "intel-rapl:1": die("2")}, nil, nil, "package-0-die-1 has no counter"},
		"a die more than counters":     {tree{"intel-rapl:0": die("0"), "intel-rapl:1": die("1")}, topology("0.0", "0.1", "0.2"), nil, "package-0-die-2 has no counter"},
		"dies with one counter":        {tree{"intel-rapl:0": zone("package-0", "1")}, topology("0.0", "0.1"), nil, ""},
		"in the memory space alone":    {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl-mmio:0": one}, nil, nil, "package-1 is counted by intel-rapl-mmio alone"},
		"every package is asked for":   {tree{"intel-rapl:0": broken, "intel-rapl:1": one}, nil, []string{"package"}, "package-0 can't be read"},
		"the dies of one that lacks":   {tree{"intel-rapl:0": die("0"), "intel-rapl:1": die("2")}, nil, []string{"package-0"}, "package-0-die-1 has no counter"},
		"the other is asked for":       {tree{"intel-rapl:0": broken, "intel-rapl:1": one}, nil, []string{"package-1"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sysfs := tt.tree.write(t)
			for file, text := range tt.topology {
				file = filepath.Join(sysfs, file)
				os.MkdirAll(filepath.Dir(file), 0o755)
				os.WriteFile(file, []byte(text+"\n"), 0o644)
			}
			s, err := Open(Options{Sysfs: sysfs, Source: "powercap", Domains: tt.domains})
			if err == nil {
				s.Close()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), "domains = [") {
				t.Errorf("it does not say what may be measured: %v", err)
			}
		})
	}
}

// TestStandsStill opens counters that never move, beside one that does.
func TestStandsStill(t *testing.T) {
	const patience = 200 * time.Millisecond
	tests := map[string]struct {
		still string
		want  string // in the error
		note  string
	}{
		"the package": {"intel-rapl:0", "package-0 did not move for 200ms", ""},
		"the second":  {"intel-rapl:1", "package-1 did not move for 200ms", ""},
		"memory":      {"intel-rapl:0:0", "", "dram-0 did not move"},
		"none":        {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			zones := map[string]string{"intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:0:0": "dram"}
			x := tree{}
			for z, n := range zones {
				x[z] = zone(n, "1")
			}
			sysfs := x.write(t)
			stop, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(ended)
				for n := 2; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
					}
					for z := range zones {
						if z != tt.still {
							// In place, as the kernel does: never empty for a moment.
							f, _ := os.OpenFile(filepath.Join(sysfs, "class/powercap", z, "energy_uj"), os.O_WRONLY, 0)
							fmt.Fprintf(f, "%d\n", n*1000)
							f.Close()
						}
					}
				}
			}()
			defer func() { close(stop); <-ended }()
			began := time.Now()
			s, err := Open(Options{Sysfs: sysfs, Source: "powercap", Patience: patience})
			if took := time.Since(began); took > 10*patience {
				t.Errorf("it took %s", took)
			}
			if err != nil {
				if tt.want == "" || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				return
			}
			defer s.Close()
			if notes := strings.Join(s.Info().Notes, "; "); tt.want != "" || !strings.Contains(notes, tt.note) {
				t.Errorf("opened, with the notes %q", notes)
			}
			if (len(s.Info().Domains) == 3) != (tt.still == "") {
				t.Errorf("domains %v", s.Info().Domains)
			}
		})
	}
}

func TestUnavailable(t *testing.T) {
	only := tree{"intel-rapl:0": zone("psys", "1")}
	tests := map[string]struct {
		sysfs string
		want  string
	}{
		"no powercap": {t.TempDir(), "has no powercap"},
		"no zones":    {tree{"dtpm": {}}.write(t), "there is no energy counter (load the driver"},
		"psys alone":  {only.write(t), "no energy counter"},
		"garbage":     {tree{"intel-rapl:0": zone("package-0", "-1")}.write(t), "no counter of a processor package is readable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(Options{Sysfs: tt.sysfs})
			if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestChosenDomains(t *testing.T) {
	sysfs := tree{
		"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("dram", "2"),
		"intel-rapl:1": zone("package-1", "3"), "intel-rapl:1:0": zone("dram", "4"), "intel-rapl:2": zone("psys", "5"),
	}.write(t)
	tests := map[string]struct {
		names []string
		want  string // with + those of the total; or the error
	}{
		"all":             {nil, "+package-0=1 dram-0=2 +package-1=3 dram-1=4 psys=5"},
		"every package":   {[]string{"package"}, "+package-0=1 +package-1=3"},
		"a kind beside":   {[]string{"dram", "package"}, "+package-0=1 dram-0=2 +package-1=3 dram-1=4"},
		"one package":     {[]string{"package-1", "psys"}, "+package-1=3 psys=5"},
		"psys by itself":  {[]string{"psys"}, "+psys=5"},
		"counted twice":   {[]string{"psys", "dram-0"}, "their sum may count energy twice"},
		"not there":       {[]string{"package", "uncore"}, `it has no domain "uncore" (it has package-0, dram-0, package-1, dram-1, psys)`},
		"not quite there": {[]string{"pack"}, `no domain "pack"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := Open(Options{Sysfs: sysfs, Source: "powercap", Domains: tt.names})
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				return
			}
			defer s.Close()
			var got []string
			for i, d := range s.Info().Domains {
				v, err := s.Read(i)
				if err != nil {
					t.Fatal(err)
				}
				total := ""
				if d.Total {
					total = "+"
				}
				got = append(got, fmt.Sprintf("%s%s=%d", total, d.Name, v))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
}

func TestRead(t *testing.T) {
	sysfs := tree{"intel-rapl:0": zone("package-0", "5"), "intel-rapl:0:0": zone("dram", "7")}.write(t)
	p := open(t, sysfs)
	file := filepath.Join(sysfs, "class/powercap/intel-rapl:0/energy_uj")
	for _, want := range []uint64{5, 1234567, 9} { // shorter again: no rest of a longer one is read
		if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", want), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Read(0); err != nil || got != want {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	for _, bad := range []string{"", "x", "1 2", "99999999999999999999"} {
		os.WriteFile(file, []byte(bad), 0o644)
		if got, err := p.Read(0); err == nil {
			t.Errorf("%q gave %d", bad, got)
		}
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"1\n", "", "x", "12x", "99999999999999999999", "-1", "1\n2\n", "18446744073709551615"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, ok := parseCount(text)
		if line, _, _ := strings.Cut(string(text), "\n"); ok && strings.TrimLeft(line, "0") != strings.TrimLeft(strconv.FormatUint(v, 10), "0") {
			t.Errorf("%q is %d", text, v)
		}
	})
}
