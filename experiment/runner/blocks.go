package runner

import (
	"os"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// between calls Between where no trial runs: before the first trial of each
// block, with the number of that block, and after the last, with one more. A
// run without blocks, which goes cell by cell, calls it before each trial, and
// after the last, with 0.
func (r *Runner) between(next *experiment.Trial) error {
	sequential := r.Plan.Order == experiment.Sequential
	switch {
	case r.Between == nil:
		return nil
	case sequential:
		return r.Between(0)
	case next == nil:
		return r.Between(r.at + 1)
	case next.Block == r.at:
		return nil
	}
	r.at = next.Block
	return r.Between(next.Block)
}

// Others gives a function that says how much CPU time programs took which have
// no part in the run, neither Nebula nor its engines nor their children, since
// it was called last; below 0 where this machine does not show it.
func (e *Engines) Others() func() time.Duration {
	attendants := e.attendants()
	last := readCPU("/proc")
	return func() time.Duration {
		now := readCPU("/proc")
		before := last
		last = now
		if now.machine < 0 || before.machine < 0 {
			return -1
		}
		return time.Duration(now.othersSince(before, os.Getpid(), attendants))
	}
}
