package protocol

import (
	"syscall"
	"unsafe"
)

// now reads CLOCK_MONOTONIC in nanoseconds. The reading of time.Now counts
// from the start of the process and means nothing outside it. The raw call
// costs some hundred nanoseconds more than the vDSO's, and needs no module.
func now() (int64, bool) {
	const clockMonotonic = 1 // clock_gettime(2)
	var t syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano(), errno == 0
}
