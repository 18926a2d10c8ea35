// Package machine looks at this machine for what disturbs measurements, and
// changes settings that do, in a way that can always be undone.
//
// It reads files of /proc and /sys and knows no experiment and no engine. It
// refuses to guess: what can't be looked at is unknown, never fine.
package machine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/meter"
)

// Machine is one machine, by its file system.
type Machine struct {
	Root string // before /proc and /sys; empty: this machine
	// Sysfs is where energy is looked for, in the place of /sys; empty: there.
	Sysfs string
}

// Where the settings are, which Tune may change.
const (
	governors   = "/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"
	noTurbo     = "/sys/devices/system/cpu/intel_pstate/no_turbo"
	boost       = "/sys/devices/system/cpu/cpufreq/boost"
	aslr        = "/proc/sys/kernel/randomize_va_space"
	clockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	smt         = "/sys/devices/system/cpu/smt/active"
)

// When something disturbs. Here and nowhere else: doctor, runs and comparisons
// go by what was found.
const (
	hot = 85 // °C: processors slow down from about 90 on
	// busyShare is the share of the processors' time that others may take: on
	// two processors, a fifth of one. Beyond it a trial often has to share one.
	busyShare = 0.10
	// stealShare is lower, because what is stolen is taken from trials and not
	// from idle processors.
	stealShare = 0.01
	// fewBlocks is the share of a run's blocks that may be disturbed. Where a
	// tenth of the trials is as slow as can be, the median becomes the 56th
	// percentile of the others, a seventh of their standard deviation away.
	fewBlocks  = 0.10
	leastFree  = 512 << 20 // bytes of disk
	leastShare = 0.10      // of memory
	stalled    = 1.0       // % of time that some task waits for memory
)

func (m Machine) read(name string) (string, bool) {
	b, err := os.ReadFile(m.Root + name)
	return strings.TrimSpace(string(b)), err == nil
}

func (m Machine) number(name string) (float64, bool) {
	s, ok := m.read(name)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

func (m Machine) glob(pattern string) []string {
	// The root's own name is no pattern.
	files, _ := fs.Glob(os.DirFS(cmp.Or(m.Root, "/")), strings.TrimPrefix(pattern, "/"))
	for i, f := range files {
		files[i] = "/" + f
	}
	return files
}

// Check looks at how the machine stands. Results go into the folder out.
func (m Machine) Check(out string) []experiment.Finding {
	checks := []func() experiment.Finding{
		m.governor, m.turbo, m.smt, m.temperature, m.swap, m.memory, m.pressure,
		m.clockSource, m.hypervisor, m.aslr, func() experiment.Finding { return m.disk(out) }, m.energy,
	}
	var fs []experiment.Finding
	for _, c := range checks {
		fs = append(fs, c())
	}
	if text, _ := m.read("/proc/cpuinfo"); emulated(text, runtime.GOARCH) || translated() {
		fs = append(fs, finding("processor", experiment.Disturbing, "emulated: this program is for "+runtime.GOARCH+", and the processor is another",
			"each instruction is translated, so no time is that of a machine", "use the program for this processor"))
	}
	return fs
}

func finding(check string, s experiment.Severity, found, why, remedy string) experiment.Finding {
	if s == experiment.Fine {
		why, remedy = "", ""
	}
	return experiment.Finding{Check: check, Severity: s, Found: found, Why: why, Remedy: remedy}
}

func unknown(check, found string) experiment.Finding {
	if !readable && check != "disk" {
		found = notHere
	}
	return experiment.Finding{Check: check, Severity: experiment.Unknown, Found: found}
}

func (m Machine) governor() experiment.Finding {
	files := m.glob(governors)
	count := map[string]int{}
	for _, f := range files {
		if g, ok := m.read(f); ok {
			count[g]++
		}
	}
	if len(count) == 0 {
		return unknown("governor", "this machine does not show how its processors choose their frequency")
	}
	var parts []string
	for g, n := range count {
		parts = append(parts, fmt.Sprintf("%s on %d of %d processors", g, n, len(files)))
	}
	slices.Sort(parts)
	s := experiment.Disturbing
	if count["performance"] == len(files) {
		s = experiment.Fine
	}
	return finding("governor", s, strings.Join(parts, ", "),
		"the frequency follows the load, so short trials run slower than long ones", "nebula tune")
}

// boosting reports whether processors may exceed their nominal frequency.
func (m Machine) boosting() (on, known bool) {
	if v, ok := m.read(noTurbo); ok {
		return v == "0", true
	}
	if v, ok := m.read(boost); ok {
		return v == "1", true
	}
	return false, false
}

func (m Machine) turbo() experiment.Finding {
	on, known := m.boosting()
	switch {
	case !known:
		return unknown("turbo", "this machine does not show whether its processors exceed their nominal frequency")
	case on:
		return finding("turbo", experiment.Disturbing, "on", "the frequency hangs on temperature and on what other cores do", "nebula tune")
	}
	return finding("turbo", experiment.Fine, "off", "", "")
}

func (m Machine) smt() experiment.Finding {
	switch v, ok := m.read(smt); {
	case !ok:
		return unknown("smt", "not shown")
	case v == "1":
		return finding("smt", experiment.Noted, "on: two processors share a core", "what runs beside a trial slows it", "echo off > /sys/devices/system/cpu/smt/control")
	}
	return finding("smt", experiment.Fine, "off", "", "")
}

func (m Machine) temperature() experiment.Finding {
	hottest, known := 0.0, false
	sensors := m.glob("/sys/class/thermal/thermal_zone*/temp")
	for _, f := range m.glob("/sys/class/hwmon/hwmon*/name") {
		// Those of processors: AMD's are in no thermal zone.
		if name, _ := m.read(f); slices.Contains([]string{"coretemp", "k10temp", "zenpower", "cpu_thermal"}, name) {
			sensors = append(sensors, m.glob(filepath.Dir(f)+"/temp*_input")...)
		}
	}
	for _, f := range sensors {
		if v, ok := m.number(f); ok {
			hottest, known = max(hottest, v/1000), true
		}
	}
	if !known {
		return unknown(experiment.Temperature, "no sensor is shown")
	}
	s := experiment.Fine
	if hottest >= hot {
		s = experiment.Disturbing
	}
	return finding(experiment.Temperature, s, fmt.Sprintf("%.0f °C at the hottest", hottest), "a hot processor runs slower", "let it cool down, or give it air")
}

// meminfo gives a line of /proc/meminfo in bytes.
func (m Machine) meminfo(name string) (float64, bool) {
	text, _ := m.read("/proc/meminfo")
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == name+":" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib * 1024, err == nil
		}
	}
	return 0, false
}

func (m Machine) swap() experiment.Finding {
	total, ok := m.meminfo("SwapTotal")
	free, ok2 := m.meminfo("SwapFree")
	switch {
	case !ok || !ok2:
		return unknown("swap", "not shown")
	case total == 0:
		return finding("swap", experiment.Fine, "none", "", "")
	case total-free > 0:
		return finding("swap", experiment.Noted, fmt.Sprintf("%.0f MiB in use", (total-free)/(1<<20)), "what was swapped out is slow at its first use", "swapoff -a && swapon -a")
	}
	return finding("swap", experiment.Fine, "there, and not in use", "", "")
}

func (m Machine) memory() experiment.Finding {
	total, ok := m.meminfo("MemTotal")
	available, ok2 := m.meminfo("MemAvailable")
	if !ok || !ok2 || total == 0 {
		return unknown(experiment.Memory, "not shown")
	}
	s := experiment.Fine
	if available < leastShare*total {
		s = experiment.Disturbing
	}
	return finding(experiment.Memory, s, fmt.Sprintf("%.0f of %.0f MiB available", available/(1<<20), total/(1<<20)),
		"files that a start needs are read from disk again", "stop what takes the memory")
}

func (m Machine) pressure() experiment.Finding {
	text, ok := m.read("/proc/pressure/memory")
	_, after, found := strings.Cut(text, "avg10=")
	if !ok || !found {
		return unknown(experiment.MemoryPressure, "this kernel does not show it")
	}
	avg, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		return unknown(experiment.MemoryPressure, "not readable")
	}
	s := experiment.Fine
	if avg > stalled {
		s = experiment.Disturbing
	}
	return finding(experiment.MemoryPressure, s, fmt.Sprintf("tasks waited for memory %.1f %% of the last 10 s", avg), "trials wait too", "stop what takes the memory")
}

func (m Machine) clockSource() experiment.Finding {
	v, ok := m.read(clockSource)
	if !ok {
		return unknown("clock source", "not shown")
	}
	s := experiment.Fine
	if slow := []string{"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"}; slices.Contains(slow, v) {
		s = experiment.Disturbing
	}
	return finding("clock source", s, v, "reading this clock takes a microsecond or more", "echo tsc > "+clockSource)
}

// emulated reports whether what the kernel says of the processors is of
// another kind than what this program was built for: user-mode emulators show
// the true file.
func emulated(cpuinfo, goarch string) bool {
	kinds := map[string][]string{"vendor_id": {"amd64", "386"}, "CPU implementer": {"arm64", "arm"}, "isa": {"riscv64"}}
	for line := range strings.Lines(cpuinfo) {
		name, _, _ := strings.Cut(line, ":")
		if of, ok := kinds[strings.TrimSpace(name)]; ok && slices.Contains([]string{"amd64", "386", "arm64", "arm", "riscv64"}, goarch) {
			return !slices.Contains(of, goarch)
		}
	}
	return false
}

func (m Machine) aslr() experiment.Finding {
	v, ok := m.read(aslr)
	switch {
	case !ok:
		return unknown("address randomisation", "not shown")
	case v == "0":
		return finding("address randomisation", experiment.Noted, "off", "every process has the same layout, lucky or not, and no number of trials averages that out", "nebula tune")
	case v == "1":
		return finding("address randomisation", experiment.Noted, "in part", "the heap's place is the same in every process, lucky or not", "nebula tune")
	}
	return finding("address randomisation", experiment.Fine, "on: a layout's luck is averaged over trials", "", "")
}

func (m Machine) disk(out string) experiment.Finding {
	for ; ; out = filepath.Dir(out) { // it may have to be made yet
		if _, err := os.Stat(out); err == nil || out == filepath.Dir(out) {
			break
		}
	}
	u, err := disk.Usage(out)
	if err != nil {
		return unknown("disk", err.Error())
	}
	free := u.Free
	s := experiment.Fine
	if free < leastFree {
		s = experiment.Disturbing
	}
	return finding("disk", s, fmt.Sprintf("%d MiB free", free>>20), "a full disk ends the run", "make room, or choose another folder with --out")
}

func (m Machine) energy() experiment.Finding {
	src, err := meter.Open(meter.Options{Sysfs: cmp.Or(m.Sysfs, m.Root+"/sys"), Patience: time.Second})
	if err != nil {
		f := experiment.Finding{Check: "energy", Severity: experiment.Noted, Found: err.Error(), Why: "energy can't be measured here"}
		if u := (*meter.Unavailable)(nil); errors.As(err, &u) {
			var found, remedies []string
			for _, d := range u.Doors {
				found = append(found, d.Name+": "+d.Why)
				if d.Remedy != "" {
					name, _, _ := strings.Cut(d.Name, " ")
					remedies = append(remedies, "for "+name+", "+d.Remedy)
				}
			}
			f.Found, f.Remedy = strings.Join(found, "; "), strings.Join(remedies, "; ")
		}
		return f
	}
	defer src.Close()
	info := src.Info()
	var names []string
	for _, d := range info.Domains {
		names = append(names, d.Name)
	}
	found := info.Source + " counts " + strings.Join(names, ", ")
	if len(info.Notes) > 0 {
		found += "; left out: " + strings.Join(info.Notes, "; ")
	}
	if info.Simulated {
		return finding("energy", experiment.Noted, found, "these counters are simulated: they say nothing about this machine", "leave --path.sysfs out")
	}
	return finding("energy", experiment.Fine, found, "", "")
}

// Facts are what does not change while the machine is up and may explain a
// difference between machines.
func (m Machine) Facts() map[string]string {
	facts := map[string]string{}
	text, _ := m.read("/proc/cpuinfo")
	for line := range strings.Lines(text) {
		if name, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "microcode" {
			facts["microcode"] = strings.TrimSpace(v)
			break
		}
	}
	for key, file := range map[string]string{
		"clock source": clockSource, "smt": smt, "address randomisation": aslr, "kernel command line": "/proc/cmdline",
		"vendor": "/sys/class/dmi/id/sys_vendor", "model": "/sys/class/dmi/id/product_name",
	} {
		if v, ok := m.read(file); ok && v != "" {
			facts[key] = v
		}
	}
	if on, known := m.boosting(); known {
		facts["turbo"] = strconv.FormatBool(on)
	}
	for _, f := range m.glob("/sys/devices/system/cpu/vulnerabilities/*") {
		if v, ok := m.read(f); ok && strings.HasPrefix(v, "Mitigation") {
			facts["mitigation "+filepath.Base(f)] = strings.TrimPrefix(v, "Mitigation: ")
		}
	}
	return facts
}

// Counters are what the kernel counts of disturbances.
type Counters struct {
	ticks, busy, steal float64 // of all processors, in clock ticks
	throttled, swapped float64
	known              [3]bool // processors, throttled, swapped
}

// Counters reads them now.
func (m Machine) Counters() (c Counters) {
	stat, _ := m.read("/proc/stat")
	line, _, _ := strings.Cut(stat, "\n")
	// user nice system idle iowait irq softirq steal (proc(5)); guest time is
	// in user already.
	if f := strings.Fields(line); len(f) >= 9 && f[0] == "cpu" {
		c.known[0] = true
		for i, s := range f[1:9] {
			v, err := strconv.ParseFloat(s, 64)
			c.known[0] = c.known[0] && err == nil
			c.ticks += v
			switch i {
			case 3, 4:
			case 7:
				c.steal += v
			default:
				c.busy += v
			}
		}
	}
	for _, f := range m.glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count") {
		if v, ok := m.number(f); ok {
			c.throttled, c.known[1] = c.throttled+v, true
		}
	}
	vmstat, _ := m.read("/proc/vmstat")
	for line := range strings.Lines(vmstat) {
		if f := strings.Fields(line); len(f) == 2 && (f[0] == "pswpin" || f[0] == "pswpout") {
			v, err := strconv.ParseFloat(f[1], 64)
			c.swapped, c.known[2] = c.swapped+v, err == nil
		}
	}
	return c
}

// What load and stolen time do, and what mends it.
const (
	loadWhy, loadRemedy   = "they take processor time and cache from trials", "stop them; top shows which they are"
	stealWhy, stealRemedy = "trials were interrupted for other guests", "use a machine of your own"
)

// During says what happened between two readings.
func During(a, b Counters) (fs []experiment.Finding) {
	if a.known[0] && b.known[0] && b.ticks > a.ticks {
		share := (b.steal - a.steal) / (b.ticks - a.ticks)
		s := experiment.Fine
		if share > stealShare {
			s = experiment.Disturbing
		}
		fs = append(fs, finding(experiment.StolenTime, s, fmt.Sprintf("the hypervisor took %.1f %% of the processors' time", 100*share),
			stealWhy, stealRemedy))
	} else {
		fs = append(fs, unknown(experiment.StolenTime, "not shown"))
	}
	fs = append(fs, counted(experiment.Throttling, "the processors were throttled %.0f times", b.throttled-a.throttled, a.known[1] && b.known[1],
		"a hot processor runs slower", "let it cool down, or give it air"))
	return append(fs, counted(experiment.Swapping, "%.0f pages were swapped", b.swapped-a.swapped, a.known[2] && b.known[2],
		"trials waited for the disk", "swapoff -a, or stop what takes the memory"))
}

func counted(check, format string, n float64, known bool, why, remedy string) experiment.Finding {
	switch {
	case !known:
		return unknown(check, "not shown")
	case n > 0:
		return finding(check, experiment.Disturbing, fmt.Sprintf(format, n), why, remedy)
	}
	return finding(check, experiment.Fine, "none", "", "")
}

// Idle watches the machine for a while in which nothing of ours runs.
func (m Machine) Idle(d time.Duration) experiment.Finding {
	a := m.Counters()
	time.Sleep(d)
	return idle(a, m.Counters())
}

func idle(a, b Counters) experiment.Finding {
	if !a.known[0] || !b.known[0] || b.ticks <= a.ticks {
		return unknown(experiment.Load, "not shown")
	}
	share := (b.busy - a.busy) / (b.ticks - a.ticks)
	s := experiment.Fine
	if share > busyShare {
		s = experiment.Disturbing
	}
	return finding(experiment.Load, s, fmt.Sprintf("others kept the processors %.0f %% busy", 100*share), loadWhy, loadRemedy)
}

// Changed gives the findings of after whose severity is another than before.
func Changed(before, after []experiment.Finding) (out []experiment.Finding) {
	was := map[string]experiment.Severity{}
	for _, f := range before {
		was[f.Check] = f.Severity
	}
	for _, f := range after {
		if s, ok := was[f.Check]; ok && s != f.Severity {
			out = append(out, f)
		}
	}
	return out
}

// Worst orders findings by how much they take away, the worst first.
func Worst(fs []experiment.Finding) []experiment.Finding {
	rank := map[experiment.Severity]int{experiment.Disturbing: 0, experiment.Noted: 1, experiment.Unknown: 2, experiment.Fine: 3}
	fs = slices.Clone(fs)
	slices.SortStableFunc(fs, func(a, b experiment.Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return fs
}

// Disturbing gives the findings that disturb.
func Disturbing(fs []experiment.Finding) (out []experiment.Finding) {
	for _, f := range fs {
		if f.Severity == experiment.Disturbing {
			out = append(out, f)
		}
	}
	return out
}
