package main

import (
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/machine"
	"github.com/nebula-bench/nebula/experiment/results"
)

// blockWatch records what others do on the machine while trials run. It looks
// between trials, and at most once a second: the kernel's counters are too coarse
// for less, and looking at every process takes some milliseconds.
type blockWatch struct {
	machine machine.Machine
	others  func() time.Duration
	record  func(*results.Block) error

	first     int // block of the stretch
	began     time.Time
	counters  machine.Counters
	stretches []machine.Stretch
}

// between is called before a block, with its number; 0 in a run without blocks.
func (w *blockWatch) between(block int) error {
	now := time.Now()
	switch {
	case w.began.IsZero():
		w.begin(block, now)
		w.others()
		return nil
	case now.Sub(w.began) < machine.LeastStretch:
		return nil
	}
	return w.end(block, now)
}

// end writes the stretch that ends before a block.
func (w *blockWatch) end(block int, now time.Time) error {
	s := machine.Between(w.counters, w.machine.Counters(), w.others())
	b := &results.Block{
		Start: w.began.UTC().Truncate(time.Millisecond), End: now.UTC().Truncate(time.Millisecond),
		Others: s.Others, Stolen: s.Stolen, Throttled: s.Throttled, Swapped: s.Swapped,
	}
	if w.first > 0 {
		b.Block, b.To = w.first, max(w.first, block-1)
	}
	s.Blocks = b.Len()
	w.begin(block, now)
	if s == (machine.Stretch{Blocks: s.Blocks}) {
		return nil // this machine shows no load
	}
	w.stretches = append(w.stretches, s)
	return w.record(b)
}

func (w *blockWatch) begin(block int, now time.Time) {
	w.first, w.began, w.counters = block, now, w.machine.Counters()
}

// unitOf says what the stretches of a run hold.
func unitOf(p *experiment.Plan) string {
	if p.Order == experiment.Sequential {
		return "stretches"
	}
	return "blocks"
}
