// Package meter reads energy counters.
//
// It refuses to guess: a counter that can't be read, or that may have wrapped
// more often than can be told, gives an error and never a number. It computes
// no uncertainty and knows no trial.
//
// Source: the kernel's Documentation/power/powercap and
// drivers/powercap/intel_rapl_common.c.
package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unavailable says which door to the counters was tried, why it was closed
// and how to open it.
type Unavailable struct {
	Door   string // "powercap (/sys/class/powercap)"
	Why    string
	Remedy string // empty: nothing opens it
}

func (u *Unavailable) Error() string {
	s := u.Door + ": " + u.Why
	if u.Remedy != "" {
		s += " (" + u.Remedy + ")"
	}
	return s
}

// Zone is one counter.
type Zone struct {
	Name string // package-0, dram, psys
	Path string // its folder
	// Range is the value, in microjoules, after which the counter begins
	// again; 0 where it can't be read.
	Range uint64
	// Total says that the zone is a part of the machine's total: packages,
	// each once. Memory and the platform are reported beside it.
	Total bool

	file *os.File
}

// Powercap is the Linux powercap tree, opened.
type Powercap struct {
	Zones []Zone
	Notes []string // what is there and was left out, and why
	buf   [32]byte
}

var (
	packageZone = regexp.MustCompile(`^intel-rapl:[0-9]+$`)
	partZone    = regexp.MustCompile(`^intel-rapl:[0-9]+:[0-9]+$`)
	packageName = regexp.MustCompile(`^package-[0-9]+(-die-[0-9]+)?$`)
)

// OpenPowercap finds the zones below sysfs, /sys on a real machine, and holds
// their counters open. The error is an *Unavailable where there is none.
func OpenPowercap(sysfs string) (*Powercap, error) {
	dir := filepath.Join(sysfs, "class", "powercap")
	door := "powercap (" + dir + ")"
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Unavailable{door, "this kernel has no powercap", "use a kernel with CONFIG_INTEL_RAPL, on a machine of your own: virtual machines rarely show energy"}
	}
	if err != nil {
		return nil, &Unavailable{door, err.Error(), "make it readable"}
	}
	p := &Powercap{}
	var closed []string
	for _, e := range entries {
		part := partZone.MatchString(e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "intel-rapl-mmio:"):
			if !strings.Contains(strings.TrimPrefix(e.Name(), "intel-rapl-mmio:"), ":") {
				p.note("%s counts a package that intel-rapl counts too", e.Name())
			}
			continue
		case !part && !packageZone.MatchString(e.Name()):
			continue // dtpm and others, or the control type itself
		}
		z, err := openZone(filepath.Join(dir, e.Name()), part)
		switch {
		case errors.Is(err, fs.ErrPermission):
			closed = append(closed, filepath.Join(dir, e.Name(), "energy_uj"))
		case err != nil:
			p.note("%s can't be read: %s", e.Name(), err)
		case z == nil:
			p.note("%s is a part of its package", e.Name())
		default:
			p.Zones = append(p.Zones, *z)
		}
	}
	if !slices.ContainsFunc(p.Zones, func(z Zone) bool { return z.Total }) {
		notes := p.Notes
		p.Close()
		switch {
		case len(closed) > 0:
			return nil, &Unavailable{door, "its counters may be read by root only",
				"run as root, or let your group read them: chgrp YOURS " + closed[0] + " && chmod g+r " + closed[0]}
		case len(notes) > 0:
			return nil, &Unavailable{door, "no counter of a processor package is readable: " + strings.Join(notes, "; "), ""}
		}
		return nil, &Unavailable{door, "there is no energy counter", "load the driver: modprobe intel_rapl_msr; virtual machines rarely have one"}
	}
	for _, c := range closed {
		p.note("%s may be read by root only", c)
	}
	return p, nil
}

func (p *Powercap) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// openZone opens one zone; nil where it is a part that is not reported.
func openZone(dir string, part bool) (*Zone, error) {
	name, err := os.ReadFile(filepath.Join(dir, "name"))
	if err != nil {
		return nil, err
	}
	z := &Zone{Name: strings.TrimSpace(string(name)), Path: dir}
	switch {
	case z.Name == "psys": // at the top, wherever the driver put it
	case part && z.Name != "dram":
		return nil, nil // core and uncore; on AMD, core is a single one
	case !part && packageName.MatchString(z.Name):
		z.Total = true
	case !part:
		return nil, fmt.Errorf("a zone of the unknown name %q", z.Name)
	}
	if part {
		// Two packages have a dram each.
		parent, _, _ := cutLast(filepath.Base(dir), ":")
		z.Name += "-" + strings.TrimPrefix(parent, "intel-rapl:")
	}
	if b, err := os.ReadFile(filepath.Join(dir, "max_energy_range_uj")); err == nil {
		z.Range, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	}
	if z.file, err = os.Open(filepath.Join(dir, "energy_uj")); err != nil {
		return nil, err
	}
	var buf [32]byte
	if _, err := z.read(buf[:]); err != nil {
		z.file.Close()
		return nil, err
	}
	return z, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// read gives the counter in microjoules. The file stays open: opening it each
// time costs ten times as much.
func (z *Zone) read(buf []byte) (uint64, error) {
	n, err := z.file.ReadAt(buf, 0)
	if n == 0 && err != nil {
		return 0, fmt.Errorf("read %s: %w", z.Name, err)
	}
	end := 0
	for end < n && '0' <= buf[end] && buf[end] <= '9' {
		end++
	}
	v, err := strconv.ParseUint(string(buf[:end]), 10, 64)
	if err != nil || end < n && buf[end] != '\n' {
		return 0, fmt.Errorf("read %s: %q is no counter", z.Name, buf[:n])
	}
	return v, nil
}

// Reading is what all zones showed, one after the other.
type Reading struct {
	At     time.Time // when the first was read; it holds the monotonic clock
	Counts []uint64  // microjoules, by zone
}

// Read reads every zone. Its error names the zone that could not be read.
func (p *Powercap) Read() (Reading, error) {
	r := Reading{At: time.Now(), Counts: make([]uint64, len(p.Zones))}
	for i := range p.Zones {
		var err error
		if r.Counts[i], err = p.Zones[i].read(p.buf[:]); err != nil {
			return Reading{}, err
		}
	}
	return r, nil
}

// Close closes the counters.
func (p *Powercap) Close() error {
	var errs []error
	for _, z := range p.Zones {
		errs = append(errs, z.file.Close())
	}
	return errors.Join(errs...)
}

// MostWatts is more than any package takes; more than that between two
// readings is no power but a reset, or a wrap too many.
const MostWatts = 2000.0

// Gain gives the energy in microjoules between two counts of a zone that lie
// d apart, and whether the counter wrapped. Over d it must not have wrapped
// more than once: see MaxGap. Its error says why the two counts give no
// energy.
func (z *Zone) Gain(from, to uint64, d time.Duration) (uj uint64, wrapped bool, err error) {
	if d <= 0 {
		return 0, false, fmt.Errorf("%s: two readings at one time", z.Name)
	}
	if gap := z.MaxGap(); gap > 0 && d > gap {
		return 0, false, fmt.Errorf("%s was left alone for %s, in which it may have wrapped more than once", z.Name, d)
	}
	uj = to - from
	if to < from {
		if z.Range == 0 {
			return 0, false, fmt.Errorf("%s fell from %d to %d µJ, and its range can't be read", z.Name, from, to)
		}
		if from > z.Range {
			return 0, false, fmt.Errorf("%s showed %d µJ, beyond its range of %d", z.Name, from, z.Range)
		}
		// The range is the last value before zero; the next value is within
		// a quantum of it, which is less than any uncertainty.
		uj, wrapped = z.Range-from+to, true
	}
	if w := float64(uj) / 1e6 / d.Seconds(); w > MostWatts {
		return 0, wrapped, fmt.Errorf("%s would have taken %.0f W: the counter was set back, or wrapped more than once", z.Name, w)
	}
	return uj, wrapped, nil
}

// MaxGap is how far apart two readings may lie so that no second wrap can
// hide between them; 0 where the zone's range is not known.
func (z *Zone) MaxGap() time.Duration {
	return time.Duration(float64(z.Range) / 1e6 / MostWatts * float64(time.Second))
}
