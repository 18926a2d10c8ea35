package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/internal/system"
)

// tick is the kernel's unit of CPU time in /proc: USER_HZ is 100 on every
// architecture that Linux still has.
const tick = 10_000_000 // ns

// process is what /proc says of one process (proc_pid_stat(5)).
type process struct {
	parent int
	name   string
	began  string // in ticks since boot: with its number, a process's identity
	own    int64  // ns of CPU time
	waited int64  // that of its children which have ended
}

// cpuReading is CPU time so far.
type cpuReading struct {
	harness   int64 // ns
	machine   int64 // ns; below 0: not known
	processes map[int]process
}

// readCPU reads below proc, /proc on a real machine.
func readCPU(proc string) (r cpuReading) {
	r.harness, r.machine = system.ProcessCPU(), -1
	if b, err := os.ReadFile(filepath.Join(proc, "stat")); err == nil {
		if ns, _, err := parseMachine(string(b)); err == nil {
			r.machine = ns
		}
	}
	r.processes = map[int]process{}
	entries, _ := os.ReadDir(proc)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		if p, err := parseProcess(string(b)); err == nil {
			r.processes[pid] = p
		}
	}
	return r
}

// processorsOf counts the machine's processors; 0 where that is not known.
func processorsOf(proc string) int {
	b, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return 0
	}
	_, n, _ := parseMachine(string(b))
	return n
}

// parseMachine reads /proc/stat: for how long processors were busy, all
// together, and how many there are. Stolen time is another machine's, and
// guests' time is in user's already.
func parseMachine(stat string) (ns int64, processors int, err error) {
	for line := range strings.Lines(stat) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 8 && f[0] == "cpu":
			for _, i := range []int{1, 2, 3, 6, 7} { // user nice system irq softirq
				n, err := strconv.ParseInt(f[i], 10, 64)
				if err != nil {
					return 0, 0, fmt.Errorf("/proc/stat: %w", err)
				}
				ns += n * tick
			}
		case len(f) > 0 && strings.HasPrefix(f[0], "cpu"):
			processors++
		}
	}
	if ns == 0 {
		return 0, 0, fmt.Errorf("/proc/stat: no line of all processors")
	}
	return ns, processors, nil
}

// parseProcess reads /proc/PID/stat. The name may hold anything, so the
// fields are counted from its last bracket.
func parseProcess(stat string) (p process, err error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return p, fmt.Errorf("no process: %.40q", stat)
	}
	p.name = stat[open+1 : end]
	const first = 3 // the number of the field after the name
	f := strings.Fields(stat[end+1:])
	if len(f) <= 22-first {
		return p, fmt.Errorf("no process: %.40q", stat)
	}
	field := func(n int) int64 {
		v, ferr := strconv.ParseInt(f[n-first], 10, 64)
		if ferr != nil {
			err = ferr
		}
		return v
	}
	p.parent = int(field(4))
	p.own = (field(14) + field(15)) * tick
	p.waited = (field(16) + field(17)) * tick
	p.began = f[22-first]
	return p, err
}

// othersSince is the CPU time that programs took between two readings which
// have no part in a run: neither Nebula nor an engine, whose processes have
// these names, nor their children, nor the kernel's own threads.
//
// What ended in between counts where its parent waited for it. Nobody does
// for what has been orphaned, whose parent the first process is: it may have
// been an engine's, so it counts for nobody.
func (r cpuReading) othersSince(before cpuReading, self int, attendants []string) (ns int64) {
	ours := map[int]bool{}
	var belongs func(of map[int]process, pid, depth int) bool
	belongs = func(of map[int]process, pid, depth int) bool {
		p, ok := of[pid]
		if !ok || pid == 1 || depth > 100 {
			return false
		}
		const kthreadd = 2
		if pid == self || pid == kthreadd {
			return true
		}
		for _, a := range attendants {
			if p.name == a {
				return true
			}
		}
		return belongs(of, p.parent, depth+1)
	}
	for pid, p := range r.processes {
		if belongs(r.processes, pid, 0) {
			ours[pid] = true
			continue
		}
		b, ok := before.processes[pid]
		if !ok || b.began != p.began {
			ns += p.own
			continue
		}
		ns += p.own - b.own
		if pid != 1 {
			ns += p.waited - b.waited
		}
	}
	// What a process that has ended had taken before is in the account of the
	// nearest that lives on now, but was not taken in between.
	survivor := func(pid int) (int, bool) {
		for depth := 0; depth < 100; depth++ {
			b, ok := before.processes[pid]
			if !ok {
				break
			}
			if p, alive := r.processes[pid]; alive && p.began == b.began {
				return pid, true
			}
			pid = b.parent
		}
		return 0, false
	}
	for pid, b := range before.processes {
		if at, ok := survivor(pid); ok && at != pid && at != 1 && !ours[at] && !belongs(before.processes, pid, 0) {
			ns -= b.own + b.waited
		}
	}
	// Ticks are coarse, and accounts are kept at different moments: it can't
	// have been more than the machine did.
	if machine := r.machine - before.machine; before.machine >= 0 && machine >= 0 {
		ns = min(ns, machine)
	}
	return max(0, ns)
}
