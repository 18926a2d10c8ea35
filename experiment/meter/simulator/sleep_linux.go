package simulator

import "golang.org/x/sys/unix"

// sleep is the kernel's: Go's timers wake a process that has nothing else to
// do a millisecond late.
func sleep(ns int64) {
	ts := unix.NsecToTimespec(ns)
	unix.Nanosleep(&ts, nil) // a signal may end it early: then nothing is due
}
