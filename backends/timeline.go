package backends

import (
	"sync"

	"github.com/nebula-bench/nebula/experiment"
)

// ReadySource says where the stamp of the ready event comes from.
type ReadySource string

// The sources.
const (
	ReadyStamp   ReadySource = "stamp"   // the function's own clock, in its marker
	ReadyMarker  ReadySource = "marker"  // arrival of the function's marker
	ReadyStarted ReadySource = "started" // no marker: the moment the backend had started it
)

// Timeline collects the events of one trial. It is safe for concurrent use:
// streams and calls mark on their own goroutines.
type Timeline struct {
	now     func() int64
	foreign bool // stamps of functions are of another clock
	mu      sync.Mutex
	stamps  experiment.Stamps
	ready   ReadySource
}

// NewTimeline gives an empty timeline that stamps with now: nanoseconds of
// CLOCK_MONOTONIC, which a container and a child process share.
func NewTimeline(now func() int64) *Timeline {
	return &Timeline{now: now, stamps: experiment.NewStamps()}
}

// NewForeignTimeline gives a timeline for functions on another clock than its
// own. Their stamps could lie between request and arrival by chance, so none
// counts.
func NewForeignTimeline(now func() int64) *Timeline {
	t := NewTimeline(now)
	t.foreign = true
	return t
}

// Mark stamps an event with the present moment.
func (t *Timeline) Mark(e experiment.Event) { t.MarkAt(e, t.now()) }

// MarkAt stamps an event with a moment taken elsewhere on the same clock. It
// replaces an earlier stamp of the event: the word of whoever was nearer.
func (t *Timeline) MarkAt(e experiment.Event, ns int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamps.Set(e, ns)
}

// MarkStarted stamps the return of a start call, unless the function has
// been heard of before: a call that returns late says nothing about when the
// function started.
func (t *Timeline) MarkStarted(ns int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := experiment.Ready; e <= experiment.Exited; e++ {
		if at, ok := t.stamps.Get(e); ok && at < ns {
			return
		}
	}
	t.stamps.Set(experiment.Started, ns)
}

// Announce takes the function's word, heard at arrived, that it is ready or
// done. Only its first word on each counts.
func (t *Timeline) Announce(e experiment.Event, arrived int64) {
	t.announce(e, arrived, ReadyMarker)
}

// AnnounceStamped is Announce with the function's own reading of the clock.
// A stamp that does not lie between the request and its arrival comes from
// another kernel's clock, or is a lie: the arrival counts instead.
func (t *Timeline) AnnounceStamped(e experiment.Event, arrived, stamp int64) {
	t.mu.Lock()
	after, ok := t.stamps.Get(experiment.Requested)
	t.mu.Unlock()
	if ok && !t.foreign && after <= stamp && stamp <= arrived {
		t.announce(e, stamp, ReadyStamp)
		return
	}
	t.announce(e, arrived, ReadyMarker)
}

func (t *Timeline) announce(e experiment.Event, ns int64, source ReadySource) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, heard := t.stamps.Get(e); heard {
		return
	}
	t.stamps.Set(e, ns)
	t.startedBy(ns)
	if e == experiment.Ready {
		t.ready = source
	}
}

// MarkResponded stamps the arrival of the answer's last byte. An answer of no
// bytes has nothing to wait for: it is complete when the function says that
// it is done, or else when it has exited.
func (t *Timeline) MarkResponded(last int64, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !any {
		var ok bool
		if last, ok = t.stamps.Get(experiment.Done); !ok {
			if last, ok = t.stamps.Get(experiment.Exited); !ok {
				return
			}
		}
	}
	t.stamps.Set(experiment.Responded, last)
	t.startedBy(last)
}

// startedBy forgets a start call that returned only after the function had
// been heard of, as in MarkStarted, the other way round.
func (t *Timeline) startedBy(ns int64) {
	if started, ok := t.stamps.Get(experiment.Started); ok && ns < started {
		t.stamps.Clear(experiment.Started)
	}
}

// MarkReady repeats what another process's timeline knew of the ready event.
func (t *Timeline) MarkReady(ns int64, source ReadySource) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamps.Set(experiment.Ready, ns)
	t.ready = source
}

// Stamps returns the events so far. Where no ready marker came, the moment
// of started stands in for it, and the source says so; where started is
// absent too, ready is.
func (t *Timeline) Stamps() (experiment.Stamps, ReadySource) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stamps
	if t.ready != "" {
		return s, t.ready
	}
	started, ok := s.Get(experiment.Started)
	if !ok {
		return s, ""
	}
	s.Set(experiment.Ready, started)
	return s, ReadyStarted
}
