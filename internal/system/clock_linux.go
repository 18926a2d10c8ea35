package system

import "golang.org/x/sys/unix"

// Monotonic reads CLOCK_MONOTONIC in nanoseconds. Unlike time.Time it means
// the same in every process and container of one kernel. It stands still
// while the machine sleeps.
func Monotonic() int64 { return must(unix.CLOCK_MONOTONIC) }

// SinceBoot is a clock that goes on while the machine sleeps.
func SinceBoot() int64 { return must(unix.CLOCK_BOOTTIME) }

func must(clock int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		panic(err) // both clocks exist on every Linux since 2.6.39
	}
	return ts.Nano()
}
