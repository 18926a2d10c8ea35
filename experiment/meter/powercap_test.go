package meter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

func TestDiscovery(t *testing.T) {
	broken := zone("package-0", "1")
	delete(broken, "energy_uj")
	rangeless := zone("package-0", "1")
	delete(rangeless, "max_energy_range_uj")
	tests := map[string]struct {
		tree  tree
		total []string
		other []string
		note  string
	}{
		"one socket":    {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("core", "1"), "intel-rapl:0:1": zone("dram", "1")}, []string{"package-0"}, []string{"dram-0"}, "intel-rapl:0:0 is a part of its package"},
		"two sockets":   {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("package-1", "1"), "intel-rapl:1:0": zone("dram", "1")}, []string{"package-0", "package-1"}, []string{"dram-1"}, ""},
		"two dies":      {tree{"intel-rapl:0": zone("package-0-die-0", "1"), "intel-rapl:1": zone("package-0-die-1", "2")}, []string{"package-0-die-0", "package-0-die-1"}, nil, ""},
		"psys at 1":     {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("psys", "1")}, []string{"package-0"}, []string{"psys"}, ""},
		"mmio twin":     {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl-mmio:0": zone("package-0", "1")}, []string{"package-0"}, nil, "intel-rapl-mmio:0 counts a package that intel-rapl counts too"},
		"dtpm":          {tree{"intel-rapl:0": zone("package-0", "1"), "dtpm:0": zone("package-0", "1"), "dtpm": {}, "intel-rapl": {}}, []string{"package-0"}, nil, ""},
		"AMD":           {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:0:0": zone("core", "1")}, []string{"package-0"}, nil, "a part of its package"},
		"no range":      {tree{"intel-rapl:0": rangeless}, []string{"package-0"}, nil, ""},
		"one is broken": {tree{"intel-rapl:0": broken, "intel-rapl:1": zone("package-1", "1")}, []string{"package-1"}, nil, "intel-rapl:0 can't be read"},
		"garbage":       {tree{"intel-rapl:0": zone("package-0", "12x"), "intel-rapl:1": zone("package-1", "1")}, []string{"package-1"}, nil, "is no counter"},
		"strange name":  {tree{"intel-rapl:0": zone("package-0", "1"), "intel-rapl:1": zone("gpu", "1")}, []string{"package-0"}, nil, `unknown name "gpu"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := OpenPowercap(tt.tree.write(t))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var total, other []string
			for _, z := range p.Zones {
				if z.Total {
					total = append(total, z.Name)
				} else {
					other = append(other, z.Name)
				}
			}
			if !slices.Equal(total, tt.total) || !slices.Equal(other, tt.other) || !strings.Contains(strings.Join(p.Notes, "\n"), tt.note) {
				t.Errorf("total %v, beside it %v, notes %v", total, other, p.Notes)
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
			_, err := OpenPowercap(tt.sysfs)
			if u := (*Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	t.Run("root only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may read everything")
		}
		sysfs := tree{"intel-rapl:0": zone("package-0", "1")}.write(t)
		os.Chmod(filepath.Join(sysfs, "class/powercap/intel-rapl:0/energy_uj"), 0)
		if _, err := OpenPowercap(sysfs); err == nil || !strings.Contains(err.Error(), "chmod g+r") {
			t.Errorf("%v", err)
		}
	})
}

func TestRead(t *testing.T) {
	sysfs := tree{"intel-rapl:0": zone("package-0", "5"), "intel-rapl:0:0": zone("dram", "7")}.write(t)
	p, err := OpenPowercap(sysfs)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	file := filepath.Join(sysfs, "class/powercap/intel-rapl:0/energy_uj")
	for _, want := range []uint64{5, 1234567, 9} { // shorter again: no rest of a longer one is read
		if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", want), 0o644); err != nil {
			t.Fatal(err)
		}
		if r, err := p.Read(); err != nil || !slices.Equal(r.Counts, []uint64{want, 7}) {
			t.Errorf("%v, %v, want %d", r.Counts, err, want)
		}
	}
	for _, bad := range []string{"", "x", "1 2", "99999999999999999999"} {
		os.WriteFile(file, []byte(bad), 0o644)
		if r, err := p.Read(); err == nil || !strings.Contains(err.Error(), "package-0") {
			t.Errorf("%q gave %v, %v", bad, r.Counts, err)
		}
	}
}

func TestGain(t *testing.T) {
	z := Zone{Name: "package-0", Range: 262_143_328_850}
	tests := map[string]struct {
		zone     Zone
		from, to uint64
		d        time.Duration
		want     uint64
		wrapped  bool
		bad      string
	}{
		"3 J":            {z, 1_000_000, 4_000_000, time.Second, 3_000_000, false, ""},
		"nothing":        {z, 5, 5, time.Second, 0, false, ""},
		"a wrap":         {z, 262_143_328_000, 150, time.Second, 1000, true, ""},
		"no range":       {Zone{Name: "x"}, 10, 5, time.Second, 0, false, "its range can't be read"},
		"beyond":         {z, 262_143_328_851, 5, time.Second, 0, false, "beyond its range"},
		"a reset":        {z, 1_000_000_000, 0, time.Second, 0, true, "set back"},
		"a jump":         {z, 0, 3_000_000_000, time.Second, 0, false, "3000 W"},
		"left alone":     {z, 1, 2, time.Hour, 0, false, "left alone for 1h0m0s"},
		"no time passed": {z, 1, 2, 0, 0, false, "two readings at one time"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, wrapped, err := tt.zone.Gain(tt.from, tt.to, tt.d)
			if got != tt.want || wrapped != tt.wrapped || (err != nil) != (tt.bad != "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
				t.Errorf("%d, %v, %v", got, wrapped, err)
			}
		})
	}
	if gap := z.MaxGap(); gap < 2*time.Minute || gap > 3*time.Minute {
		t.Errorf("at %v W, a counter of 262 kJ may be left alone for %v", MostWatts, gap)
	}
}

func FuzzCount(f *testing.F) {
	for _, s := range []string{"1\n", "", "x", "12x", "99999999999999999999", "-1", "1\n2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sysfs := tree{"intel-rapl:0": zone("package-0", "5")}.write(t)
		p, err := OpenPowercap(sysfs)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		os.WriteFile(filepath.Join(sysfs, "class/powercap/intel-rapl:0/energy_uj"), text, 0o644)
		p.Read()
	})
}

func BenchmarkRead(b *testing.B) {
	p, err := OpenPowercap(tree{"intel-rapl:0": zone("package-0", "123456789")}.write(b))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		if _, err := p.Read(); err != nil {
			b.Fatal(err)
		}
	}
}
