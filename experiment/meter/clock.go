package meter

import (
	"context"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Clock is the time that a Meter sees. Tests have one of their own.
type Clock interface {
	Now() int64      // CLOCK_MONOTONIC in nanoseconds: stands still in a suspend
	Boot() int64     // CLOCK_BOOTTIME in nanoseconds: goes on in a suspend
	Wall() time.Time // for the reader
	// Sleep waits; its error is the context's.
	Sleep(ctx context.Context, d time.Duration) error
	// Every calls f again and again until stop, which waits for a call that
	// goes on.
	Every(d time.Duration, f func()) (stop func())
}

// Kernel is the clock of this machine.
type Kernel struct{}

var _ Clock = Kernel{}

// Go's own monotonic time is CLOCK_MONOTONIC too, and is read without a system
// call; what it does not tell is its zero.
var (
	started   = time.Now()
	startedAt = kernelTime(unix.CLOCK_MONOTONIC)
)

func (Kernel) Now() int64      { return startedAt + int64(time.Since(started)) }
func (Kernel) Boot() int64     { return kernelTime(unix.CLOCK_BOOTTIME) }
func (Kernel) Wall() time.Time { return time.Now() }

func kernelTime(clock int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		panic(err) // both clocks exist on every Linux since 2.6.39
	}
	return ts.Nano()
}

// Sleep sleeps in the kernel where it is short: Go's timers wake a process
// that has nothing else to do a millisecond later. It does so without a word
// to Go's scheduler, which would look for other work and wake threads for it:
// four times the cost of the sleep (BenchmarkKiloHertz). A garbage collection
// does not wait for it, for the signal that asks this thread to stop ends it.
func (Kernel) Sleep(ctx context.Context, d time.Duration) error {
	if d <= time.Millisecond {
		ts := unix.NsecToTimespec(int64(d))
		unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0) // a signal may end it early
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (Kernel) Every(d time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				f()
			}
		}
	})
	return func() { close(done); wg.Wait() }
}
