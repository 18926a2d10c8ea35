package main

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/system"
)

// heeded are the signals that end this program, except those that were ignored
// when it started: that is what nohup and a script's trap ask for.
func heeded() (signals []os.Signal) {
	for _, s := range system.StopSignals {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}

// notify relays the signals that are heeded.
func notify(c chan<- os.Signal) {
	if s := heeded(); len(s) > 0 { // none would mean all
		signal.Notify(c, s...)
	}
}

// awaited is how many parts of the program handle signals themselves.
var awaited atomic.Int32

// leaveWhenInterrupted ends the program at a signal, whatever it is doing, unless
// a part of it handles signals. No half-written file stays.
func leaveWhenInterrupted() {
	signals := make(chan os.Signal, 1)
	notify(signals)
	go func() {
		for range signals {
			if awaited.Load() == 0 {
				atomicfile.Abandon()
				build.DropPrivateCache()
				os.Exit(exitInterrupted)
			}
		}
	}()
}

// untilInterrupted gives a context that ends with the first signal.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	notify(signals)
	awaited.Add(1) // last, and first at the end: no signal is lost in between
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		awaited.Add(-1)
		signal.Stop(signals)
		cancel()
	}
}

// interrupts gives two contexts: the first Ctrl-C ends the first, after
// which the trial in flight is finished; a second one ends the other too.
func interrupts(ctx context.Context, log zerolog.Logger) (stop, abort context.Context, release func()) {
	abort, cancelAbort := context.WithCancel(ctx)
	stop, cancelStop := context.WithCancel(abort)
	signals := make(chan os.Signal, 2)
	notify(signals)
	awaited.Add(1)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
				if n == 0 {
					log.Warn().Msg("stopping after the trial in flight; once more to stop at once")
					cancelStop()
					continue
				}
				cancelAbort()
			}
		}
	}()
	return stop, abort, func() {
		awaited.Add(-1)
		signal.Stop(signals)
		close(done)
		cancelAbort()
	}
}
