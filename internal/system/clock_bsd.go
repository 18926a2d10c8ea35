//go:build unix && !linux && !darwin

package system

import "golang.org/x/sys/unix"

// Monotonic reads CLOCK_MONOTONIC in nanoseconds, which means the same in
// every process of this machine.
func Monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// SinceBoot is the same clock: no other is common to these systems, so that a
// sleep of the machine does not show.
func SinceBoot() int64 { return Monotonic() }
