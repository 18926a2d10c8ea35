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

// powercap is the kernel's tree of RAPL zones, with their counters held open.
//
// Source: the kernel's Documentation/power/powercap and
// drivers/powercap/intel_rapl_common.c.
type powercap struct {
	info  Info
	files []*counter
}

// simulated marks a tree that no kernel made.
const simulated = ".simulated"

// raplPeriod is how often RAPL updates a counter (Intel's Software
// Developer's Manual, volume 3, "Energy Status": about 1 ms).
const raplPeriod = time.Millisecond

var (
	topZone     = regexp.MustCompile(`^intel-rapl:[0-9]+$`)
	partZone    = regexp.MustCompile(`^intel-rapl:([0-9]+):[0-9]+$`)
	mmioTop     = regexp.MustCompile(`^intel-rapl-mmio:[0-9]+$`)
	packageName = regexp.MustCompile(`^package-[0-9]+(-die-[0-9]+)?$`)
)

// openPowercap finds the zones below sysfs.
func openPowercap(sysfs string) (Source, error) {
	dir := filepath.Join(sysfs, "class", "powercap")
	door := "powercap (" + dir + ")"
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, closed(door, "this kernel has no powercap", "use a kernel with CONFIG_INTEL_RAPL, on a machine of your own: virtual machines rarely show energy")
	}
	if err != nil {
		return nil, closed(door, err.Error(), "make it readable")
	}
	p := &powercap{info: Info{Source: "powercap"}}
	if _, err := os.Stat(filepath.Join(dir, simulated)); err == nil {
		p.info.Simulated = true
	}
	var refused, without []string
	for _, e := range entries {
		zone := filepath.Join(dir, e.Name())
		if mmioTop.MatchString(e.Name()) {
			p.note("%s counts a package that intel-rapl counts too", e.Name())
		}
		part := partZone.FindStringSubmatch(e.Name())
		if part == nil && !topZone.MatchString(e.Name()) {
			continue // dtpm and others, or the control type itself
		}
		d, err := zoneDomain(zone, part)
		if err != nil {
			p.note("%s: %s", e.Name(), err)
			continue
		}
		c, err := openCounter(filepath.Join(zone, "energy_uj"))
		switch {
		case errors.Is(err, fs.ErrPermission):
			refused, without = append(refused, c.path), append(without, lacks(d))
		case err != nil:
			p.note("%s can't be read%s: %s", e.Name(), lacks(d), err)
		default:
			if p.has(d.Name) { // a kernel that does not tell dies apart
				d.Name += " (" + e.Name() + ")"
			}
			p.info.Domains, p.files = append(p.info.Domains, d), append(p.files, c)
		}
	}
	if !slices.ContainsFunc(p.info.Domains, func(d Domain) bool { return d.Total }) {
		p.Close()
		switch {
		case len(refused) > 0:
			return nil, closed(door, "its counters may be read by root only", powercapRemedy(refused))
		case len(p.info.Notes) > 0:
			return nil, closed(door, "no counter of a processor package is readable: "+strings.Join(p.info.Notes, "; "), "")
		}
		return nil, closed(door, "there is no energy counter", "load the driver: modprobe intel_rapl_msr; virtual machines rarely have one")
	}
	for i, c := range refused {
		p.note("%s may be read by root only%s", c, without[i])
	}
	return p, nil
}

// lacks says what it means that a domain can't be read.
func lacks(d Domain) string {
	if d.Total {
		return ", so the total lacks " + d.Name
	}
	return ""
}

// powercapRemedy opens the counters to a group. Only root may read them since
// CVE-2020-8694, because they tell about others' work: not to everybody.
func powercapRemedy(files []string) string {
	return "run as root; or let a group of yours read them: chgrp GROUP " + files[0] + " && chmod g+r " + files[0] +
		`; after each boot by a rule in /etc/udev/rules.d: SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chgrp GROUP /sys%p/energy_uj", RUN+="/bin/chmod g+r /sys%p/energy_uj"`
}

func (p *powercap) note(format string, args ...any) {
	p.info.Notes = append(p.info.Notes, fmt.Sprintf(format, args...))
}

func (p *powercap) has(name string) bool {
	return slices.ContainsFunc(p.info.Domains, func(d Domain) bool { return d.Name == name })
}

// zoneDomain says what a zone counts; part is the match of partZone. Its
// error says why the zone is not reported.
func zoneDomain(dir string, part []string) (Domain, error) {
	b, err := os.ReadFile(filepath.Join(dir, "name"))
	if err != nil {
		return Domain{}, fmt.Errorf("its name can't be read: %w", err)
	}
	d := Domain{Name: strings.TrimSpace(string(b)), Unit: 1e-6, Period: raplPeriod, Most: mostOfPackage}
	switch {
	case d.Name == "psys": // at the top, wherever the driver put it
		d.Most = mostOfMachine
	case part != nil && d.Name == "dram":
		d.Name += "-" + part[1] // two packages have one each
	case part != nil: // core and uncore; on AMD, core is a single one
		return Domain{}, fmt.Errorf("%q is a part of its package", d.Name)
	case packageName.MatchString(d.Name):
		d.Total = true
	default:
		return Domain{}, fmt.Errorf("a zone of the unknown name %q", d.Name)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "max_energy_range_uj")); err == nil {
		d.Range, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		// The hardware's counters have 32 bits, and the range is the last of
		// them in µJ. A smaller range than that tells nothing; the Meter
		// learns the step from the counts too.
		d.Quantum = float64(d.Range) * d.Unit / (1<<32 - 1)
	}
	return d, nil
}

func (p *powercap) Info() Info { return p.info }

func (p *powercap) Read(domain int) (uint64, error) { return p.files[domain].readAgain() }

func (p *powercap) Close() error { return closeAll(p.files) }
