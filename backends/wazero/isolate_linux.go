package wazero

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// cantIsolate is nil: Linux can.
var cantIsolate error

// isolate pins this process and sets its niceness. Linux keeps both by
// thread, so it goes through all there are; a thread that comes later has
// them from the one that makes it.
func isolate(c config) error {
	if len(c.CPUs) == 0 && c.Nice == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, n := range c.CPUs {
		set.Set(n)
	}
	// A thread may have been made while the first round went on.
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			if len(c.CPUs) > 0 {
				if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
					return fmt.Errorf("pin to the processors %v: %w", c.CPUs, err)
				}
			}
			if c.Nice != 0 {
				if err := unix.Setpriority(unix.PRIO_PROCESS, id, c.Nice); err != nil && err != unix.ESRCH {
					return fmt.Errorf("set the niceness to %d, which needs root below 0: %w", c.Nice, err)
				}
			}
		}
	}
	if n := len(c.CPUs); n > 0 {
		runtime.GOMAXPROCS(n)
	}
	return nil
}
