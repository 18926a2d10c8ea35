package simulator

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Run drives the counters in real time until the context ends. An update
// shows the energy of the moment at which it is written, so one that comes
// late, on a busy machine, is right nevertheless.
func (s *Simulator) Run(ctx context.Context) error {
	// A thread of its own, and the kernel's sleep: Go's timers wake a process
	// that has nothing else to do a millisecond late.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var processors *busyProcessors
	for _, z := range s.zones {
		if z.PerCPU != 0 && processors == nil {
			var err error
			if processors, err = openProcessors(); err != nil {
				return err
			}
			defer processors.file.Close()
		}
	}
	for ctx.Err() == nil {
		next, err := s.step(processors)
		if err != nil {
			return err
		}
		if d := next - system.Monotonic(); d > 0 {
			sleep(d)
		}
	}
	return nil
}

// step writes what is due and says when more is.
func (s *Simulator) step(processors *busyProcessors) (next int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := system.Monotonic()
	// Reading them takes longer than writing a counter, and they count in
	// ticks of several milliseconds: once a period is enough for all zones.
	if processors != nil && now-s.busy.at[len(s.busy.at)-1] >= int64(s.o.Period)*9/10 {
		busy, err := processors.read()
		if err != nil {
			return 0, err
		}
		if len(s.busy.at) == history {
			s.busy.at, s.busy.value = append([]int64(nil), s.busy.at[history/8:]...), append([]float64(nil), s.busy.value[history/8:]...)
		}
		s.busy.at, s.busy.value = append(s.busy.at, now), append(s.busy.value, busy)
	}
	for _, z := range s.zones {
		if z.next <= now {
			if err := s.write(z, now); err != nil {
				return 0, fmt.Errorf("%s: %w", z.Dir, err)
			}
			z.next = s.due(z, s.updated(z, now)+1)
		}
		if next == 0 || z.next < next {
			next = z.next
		}
	}
	return next, nil
}

// busyProcessors reads from /proc/stat for how long the processors of this
// machine were busy, in seconds, all together. The kernel counts in ticks of
// 10 ms.
type busyProcessors struct {
	file  *os.File
	buf   [8192]byte
	first float64
}

func openProcessors() (*busyProcessors, error) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return nil, err
	}
	p := &busyProcessors{file: f}
	if p.first, err = p.read(); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *busyProcessors) read() (float64, error) {
	n, err := p.file.ReadAt(p.buf[:], 0)
	if n == 0 {
		return 0, err
	}
	busy, err := busySeconds(string(p.buf[:n]))
	return busy - p.first, err
}

// busySeconds reads the first line: user nice system idle iowait irq softirq
// steal (proc(5)). Stolen time is another machine's; guest time is in user
// already.
func busySeconds(stat string) (float64, error) {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 8 || f[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	ticks := uint64(0)
	for _, i := range []int{1, 2, 3, 6, 7} {
		v, err := strconv.ParseUint(f[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		ticks += v
	}
	return float64(ticks) * (10 * time.Millisecond).Seconds(), nil
}
