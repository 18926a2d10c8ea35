package meter

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nap sleeps in the kernel: Go's timers wake a process that has nothing else
// to do a millisecond later. It does so without a word to Go's scheduler, which
// would look for other work and wake threads for it: four times the cost of the
// sleep (BenchmarkKiloHertz). A garbage collection does not wait for it, for
// the signal that asks this thread to stop ends it.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0) // a signal may end it early
}
