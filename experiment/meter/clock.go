package meter

import (
	"context"
	"sync"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Clock is the time that a Meter sees. Tests have one of their own.
type Clock interface {
	Now() int64      // nanoseconds: stands still in a suspend
	Boot() int64     // nanoseconds: goes on in a suspend
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

func (Kernel) Boot() int64     { return system.SinceBoot() }
func (Kernel) Wall() time.Time { return time.Now() }

// Sleep naps where it is short.
func (Kernel) Sleep(ctx context.Context, d time.Duration) error {
	if d <= time.Millisecond {
		nap(d)
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
