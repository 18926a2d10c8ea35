package meter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// perf reads the kernel's power PMU: one event for each kind of energy on one
// processor of each package. Its counters have 64 bits and do not wrap.
//
// Source: the kernel's arch/x86/events/rapl.c and
// Documentation/ABI/testing/sysfs-bus-event_source-devices-events; the man
// page perf_event_open(2).
type perf struct {
	info  Info
	files []int
}

// powerEvents are what the total is made of, and what stands beside it. The
// others (energy-cores, energy-gpu) are parts of packages.
var powerEvents = []struct {
	event, name string
	total       bool
	most        float64
}{
	{"energy-pkg", "package", true, mostOfPackage},
	{"energy-ram", "dram", false, mostOfPackage},
	{"energy-psys", "psys", false, mostOfMachine},
}

// openPerf opens the events of the PMU below sysfs.
func openPerf(sysfs string) (Source, error) {
	dir := filepath.Join(sysfs, "bus", "event_source", "devices", "power")
	door := "perf (" + dir + ")"
	kind, err := readUint(filepath.Join(dir, "type"), 32)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, closed(door, "this kernel has no power events", "load the driver: modprobe rapl (kernel option CONFIG_PERF_EVENTS_INTEL_RAPL), on a machine of your own: virtual machines rarely show energy")
	}
	if err != nil {
		return nil, closed(door, err.Error(), "")
	}
	mask, err := os.ReadFile(filepath.Join(dir, "cpumask"))
	if err != nil {
		return nil, closed(door, err.Error(), "")
	}
	cpus, err := parseCPUs(strings.TrimSpace(string(mask)))
	if err != nil {
		return nil, closed(door, "cpumask: "+err.Error(), "")
	}
	p := &perf{info: Info{Source: "perf"}}
	names := places(sysfs, cpus)
	for _, e := range powerEvents {
		config, unit, err := powerEvent(filepath.Join(dir, "events", e.event))
		if err != nil {
			if e.total {
				p.Close()
				return nil, closed(door, err.Error(), "")
			}
			if !errors.Is(err, fs.ErrNotExist) {
				p.info.Notes = append(p.info.Notes, err.Error())
			}
			continue
		}
		for i, cpu := range cpus {
			name := e.name + names[i]
			if e.name == "psys" {
				if i > 0 { // of the whole platform: the first shows it
					break
				}
				name = e.name
			}
			fd, err := openEvent(uint32(kind), config, cpu)
			if err != nil && e.total {
				p.Close()
				return nil, closed(door, fmt.Sprintf("%s on processor %d: %s", e.event, cpu, err), perfRemedy(err))
			}
			if err != nil {
				p.info.Notes = append(p.info.Notes, fmt.Sprintf("%s on processor %d: %s", e.event, cpu, err))
				continue
			}
			p.files = append(p.files, fd)
			p.info.Domains = append(p.info.Domains, Domain{Name: name, Total: e.total, Unit: unit, Period: raplPeriod, Most: e.most})
		}
	}
	p.info.Lacking = missingPackages(sysfs, p.info.Domains)
	return p, nil
}

func perfRemedy(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return `run as root; or sysctl kernel.perf_event_paranoid=0; or setcap cap_perfmon+ep "$(command -v nebula)"; a container needs --cap-add PERFMON`
	}
	return ""
}

// powerEvent reads an event's number and the joules per count.
func powerEvent(file string) (config uint64, unit float64, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	number, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "event=")
	if config, err = strconv.ParseUint(number, 0, 64); err != nil || !ok {
		return 0, 0, fmt.Errorf("%s: %q is no event", file, text)
	}
	scale, err := os.ReadFile(file + ".scale")
	if err != nil {
		return 0, 0, err
	}
	unit, err = strconv.ParseFloat(strings.TrimSpace(string(scale)), 64)
	if err != nil || !(unit > 0 && unit < 1e3) {
		return 0, 0, fmt.Errorf("%s.scale: %q is no scale", file, scale)
	}
	if name, err := os.ReadFile(file + ".unit"); err != nil || strings.TrimSpace(string(name)) != "Joules" {
		return 0, 0, fmt.Errorf("%s.unit is not Joules but %q", file, name)
	}
	return config, unit, nil
}

// places names what the processors stand for, as powercap does: -0 for a
// package, -0-die-1 where a package has several.
func places(sysfs string, cpus []int) []string {
	var packages, dies []string
	count := map[string]int{}
	for i, cpu := range cpus {
		topology := filepath.Join(sysfs, "devices", "system", "cpu", "cpu"+strconv.Itoa(cpu), "topology")
		p, err := readUint(filepath.Join(topology, "physical_package_id"), 31)
		if err != nil {
			p = uint64(i) // one processor for each
		}
		d, _ := readUint(filepath.Join(topology, "die_id"), 31)
		packages, dies = append(packages, fmt.Sprintf("-%d", p)), append(dies, fmt.Sprintf("-die-%d", d))
		count[packages[i]]++
	}
	for i, p := range packages {
		if count[p] > 1 {
			packages[i] += dies[i]
		}
	}
	return packages
}

// parseCPUs reads a list of the kernel's such as 0,18-19.
func parseCPUs(list string) ([]int, error) {
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		a, err := strconv.ParseUint(from, 10, 16)
		b := a
		if err == nil && ranged {
			b, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || b < a {
			return nil, fmt.Errorf("%q is no list of processors", list)
		}
		for ; a <= b; a++ {
			cpus = append(cpus, int(a))
		}
	}
	return cpus, nil
}

func readUint(file string, bits int) (uint64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no number", file, text)
	}
	return v, nil
}

func (p *perf) Info() Info { return p.info }

func (p *perf) Read(domain int) (uint64, error) {
	var buf [8]byte
	n, err := readEvent(p.files[domain], buf[:])
	if err == nil && n != len(buf) {
		err = errors.New("the event is gone")
	}
	return binary.NativeEndian.Uint64(buf[:]), err
}

func (p *perf) Close() error {
	var errs []error
	for _, fd := range p.files {
		errs = append(errs, closeEvent(fd))
	}
	return errors.Join(errs...)
}
