package meter

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
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

// The kernel numbers zones in hexadecimal (drivers/powercap/powercap_sys.c).
var (
	anyZone     = regexp.MustCompile(`^([^:]+):`)
	topZone     = regexp.MustCompile(`^intel-rapl:[0-9a-f]+$`)
	partZone    = regexp.MustCompile(`^(intel-rapl:[0-9a-f]+):[0-9a-f]+$`)
	mmioTop     = regexp.MustCompile(`^intel-rapl-mmio:[0-9a-f]+$`)
	mmioPart    = regexp.MustCompile(`^intel-rapl-mmio:[0-9a-f]+:[0-9a-f]+$`)
	packageName = regexp.MustCompile(`^package-([0-9]+)(?:-die-([0-9]+))?$`)
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
	refused, twins := p.zones(dir, entries)
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
	for _, name := range twins {
		if !p.has(name) {
			p.lack("%s is counted by intel-rapl-mmio alone", name)
		}
	}
	if len(p.info.Lacking) == 0 { // else that is why
		p.info.Lacking = missingPackages(sysfs, p.info.Domains)
	}
	if len(refused) > 0 {
		p.info.Remedy = powercapRemedy(refused)
	}
	return p, nil
}

// zones opens what can be opened of a tree and says what can't. It gives the
// files that only root may read, and the names of packages whose counters are
// in the processor's memory space, too.
func (p *powercap) zones(dir string, entries []fs.DirEntry) (refused, twins []string) {
	others := map[string]int{}
	for _, e := range entries {
		zone := filepath.Join(dir, e.Name())
		part := partZone.FindStringSubmatch(e.Name())
		switch kind := anyZone.FindStringSubmatch(e.Name()); {
		case kind == nil || mmioPart.MatchString(e.Name()):
			continue // a control type, or a part of what is named by itself
		case mmioTop.MatchString(e.Name()):
			name, _ := os.ReadFile(filepath.Join(zone, "name"))
			if n := strings.TrimSpace(string(name)); packageName.MatchString(n) {
				twins = append(twins, n)
			}
			p.note("%s counts a package that intel-rapl counts too", e.Name())
			continue
		case part == nil && !topZone.MatchString(e.Name()):
			others[kind[1]]++
			continue
		}
		d, err := zoneDomain(zone, part)
		if err != nil {
			p.note("%s: %s", e.Name(), err)
			if part == nil && errors.Is(err, errNameless) {
				p.lack("%s may be a package: %s", e.Name(), err)
			}
			continue
		}
		c, err := openCounter(filepath.Join(zone, "energy_uj"))
		switch {
		case errors.Is(err, fs.ErrPermission):
			refused = append(refused, c.path)
			err = errors.New("it may be read by root only")
		case err == nil:
			if p.has(d.Name) { // a kernel that does not tell dies apart: both count
				d.Name += " (" + e.Name() + ")"
			}
			p.info.Domains, p.files = append(p.info.Domains, d), append(p.files, c)
		}
		if err != nil {
			p.note("%s (%s) can't be read: %s", e.Name(), d.Name, err)
			if d.Total {
				p.lack("%s can't be read: %s", d.Name, err)
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(others)) {
		p.note("what %s counts is not known here (%s)", kind, zonesOf(others[kind]))
	}
	return refused, twins
}

func zonesOf(n int) string {
	if n == 1 {
		return "1 zone"
	}
	return fmt.Sprintf("%d zones", n)
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

func (p *powercap) lack(format string, args ...any) {
	p.info.Lacking = append(p.info.Lacking, fmt.Sprintf(format, args...))
}

func (p *powercap) has(name string) bool {
	return slices.ContainsFunc(p.info.Domains, func(d Domain) bool { return d.Name == name })
}

// errNameless: nobody can know what a zone counts.
var errNameless = errors.New("its name can't be read")

// zoneDomain says what a zone counts; part is the match of partZone. Its
// error says why the zone is not reported.
func zoneDomain(dir string, part []string) (Domain, error) {
	b, err := os.ReadFile(filepath.Join(dir, "name"))
	if err != nil {
		return Domain{}, fmt.Errorf("%w: %w", errNameless, err)
	}
	d := Domain{Name: strings.TrimSpace(string(b)), Unit: 1e-6, Period: raplPeriod, Most: mostOfPackage}
	switch {
	case d.Name == "psys": // at the top, wherever the driver put it
		d.Most = mostOfMachine
	case part != nil && d.Name == "dram":
		d.Name += memoryOf(filepath.Join(filepath.Dir(dir), part[1]))
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

// memoryOf says whose memory lies below a zone: two packages have one each, and
// their zones' numbers are not the packages', where psys stands among them.
func memoryOf(parent string) string {
	name, _ := os.ReadFile(filepath.Join(parent, "name"))
	if of, ok := strings.CutPrefix(strings.TrimSpace(string(name)), "package"); ok && packageName.MatchString("package"+of) {
		return of
	}
	return " (" + filepath.Base(parent) + ")"
}

// missingPackages names the packages, or dies of them, that no domain counts:
// going by the processors that the kernel lists and, where it lists none, by the
// numbers that the names skip.
func missingPackages(sysfs string, domains []Domain) (missing []string) {
	whole, dies := map[int]bool{}, map[int]map[int]bool{}
	last := -1
	for _, d := range domains {
		m := packageName.FindStringSubmatch(d.Name)
		if m == nil {
			continue
		}
		p, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		last = max(last, p)
		if m[2] == "" {
			whole[p] = true
			continue
		}
		if dies[p] == nil {
			dies[p] = map[int]bool{}
		}
		die, _ := strconv.Atoi(m[2])
		dies[p][die] = true
	}
	there := packagesOf(sysfs)
	if len(there) == 0 {
		for p := range min(last, mostPackages) {
			there = append(there, [2]int{p, 0})
		}
		for p, known := range dies {
			for die := range min(slices.Max(slices.Collect(maps.Keys(known))), mostPackages) {
				there = append(there, [2]int{p, die})
			}
		}
	}
	for _, at := range there {
		if p, die := at[0], at[1]; !whole[p] && !dies[p][die] {
			name := fmt.Sprintf("package-%d", p)
			if len(dies[p]) > 0 {
				name += fmt.Sprintf("-die-%d", die)
			}
			if name += " has no counter"; !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// mostPackages bounds what a strange name makes us list.
const mostPackages = 64

// packagesOf reads which packages, and which dies of them, the processors lie
// on that are switched on (Documentation/admin-guide/cputopology.rst).
func packagesOf(sysfs string) (found [][2]int) {
	cpus, _ := fs.Glob(os.DirFS(sysfs), "devices/system/cpu/cpu[0-9]*/topology")
	for _, topology := range cpus {
		p, err := readUint(filepath.Join(sysfs, topology, "physical_package_id"), 31)
		if err != nil {
			continue
		}
		die, _ := readUint(filepath.Join(sysfs, topology, "die_id"), 31)
		if at := [2]int{int(p), int(die)}; !slices.Contains(found, at) {
			found = append(found, at)
		}
	}
	return found
}

func (p *powercap) Info() Info { return p.info }

func (p *powercap) Read(domain int) (uint64, error) { return p.files[domain].readAgain() }

func (p *powercap) Close() error { return closeAll(p.files) }
