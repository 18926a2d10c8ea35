package system

import "golang.org/x/sys/unix"

// Monotonic reads CLOCK_UPTIME_RAW in nanoseconds, which means the same in
// every process of this machine, stands still while it sleeps, and is what
// Go's own monotonic time is made of. macOS's CLOCK_MONOTONIC counts in
// microseconds and goes on in a sleep.
func Monotonic() int64 { return must(unix.CLOCK_UPTIME_RAW) }

// SinceBoot is a clock that goes on while the machine sleeps.
func SinceBoot() int64 { return must(unix.CLOCK_MONOTONIC_RAW) }

func must(clock int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		panic(err) // both clocks exist since macOS 10.12
	}
	return ts.Nano()
}
