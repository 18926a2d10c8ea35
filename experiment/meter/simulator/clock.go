package simulator

import (
	"context"
	"time"
)

// Clock is a time of its own that drives a simulator. It goes on only when
// somebody looks at it or sleeps on it. It is for one goroutine.
//
// It has what meter.Clock asks for.
type Clock struct {
	s     *Simulator
	began time.Time
	start int64
	now   int64
	slept int64 // what boot time is ahead
	look  time.Duration
	tasks []*task
}

type task struct {
	every, due int64
	f          func()
}

// Clock takes the simulator to a clock of its own. Each look at it takes the
// given time, 1 µs if that is 0. What was taken so far is forgotten, so that one
// seed gives one course of events.
func (s *Simulator) Clock(look time.Duration) *Clock {
	if look == 0 {
		look = time.Microsecond
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	const start = int64(1_000_000 * time.Second)
	s.busy.at[0] = start
	for _, z := range s.zones {
		z.taken.at[0] = start
	}
	c := &Clock{s: s, began: time.Now(), start: start, now: start, look: look}
	s.now = func() int64 { return c.now }
	return c
}

// forward moves the time and writes what is due.
func (c *Clock) forward(to int64) {
	c.now = max(c.now, to)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, z := range c.s.zones {
		n := c.s.updated(z, c.now)
		if n == z.update {
			continue
		}
		z.update = n
		if err := c.s.write(z, max(c.start, c.s.due(z, n))); err != nil {
			panic(err) // a test's folder is full or gone
		}
	}
}

// Now looks at the clock.
func (c *Clock) Now() int64 {
	c.forward(c.now + int64(c.look))
	return c.now
}

// At is the time, without looking.
func (c *Clock) At() int64 { return c.now }

// Boot is the time with what the machine was suspended.
func (c *Clock) Boot() int64 { return c.now + c.slept }

// Wall is the time for the reader.
func (c *Clock) Wall() time.Time {
	return c.began.Add(time.Duration(c.now - c.start + c.slept))
}

// Sleep moves on. What Every was given is called when it is due.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	end := c.now + int64(d)
	for {
		var next *task
		for _, t := range c.tasks {
			if t.due <= end && (next == nil || t.due < next.due) {
				next = t
			}
		}
		if next == nil {
			break
		}
		c.forward(next.due)
		next.f()
		next.due += next.every
	}
	c.forward(end)
	return ctx.Err()
}

// Every calls f in each sleep that is long enough.
func (c *Clock) Every(d time.Duration, f func()) (stop func()) {
	t := &task{int64(d), c.now + int64(d), f}
	c.tasks = append(c.tasks, t)
	return func() {
		for i, u := range c.tasks {
			if u == t {
				c.tasks = append(c.tasks[:i], c.tasks[i+1:]...)
				return
			}
		}
	}
}

// Suspend lets the machine sleep: monotonic time stands still.
func (c *Clock) Suspend(d time.Duration) { c.slept += int64(d) }
