package meter

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Edge is a moment at which the counters of the total have just been updated.
// Each counter has a moment of its own, because each is updated by itself.
type Edge struct {
	At    int64     // CLOCK_MONOTONIC, ns: when the last of them was updated
	Wall  time.Time // for the reader
	marks []mark
}

// mark is a domain at an edge.
type mark struct {
	state
	seq     int
	at      float64 // ns; when the count was true
	width   float64 // ns; it was true within half of that
	aligned bool
}

// How an edge is looked for.
const (
	shortest = 50 * time.Microsecond // between two readings
	patience = 2 * time.Second       // how long a counter may stand still
)

// Edge waits until each counter of the total has been updated, and gives that
// moment. What is to be measured begins after the first edge is there and
// ends before the second is asked for: then it lies in the window of every
// counter. Its error is the context's; what is wrong with counters is told by
// the window.
//
// It waits for one update, 1 ms for RAPL, reading every 50 µs, or every
// twentieth of what it has waited: an update is known to a twentieth of its
// period, or the larger gap between two readings when the machine is busy.
// It gives up on a count that stands still for 2 s (or 20 periods).
func (m *Meter) Edge(ctx context.Context) (Edge, error) {
	e := Edge{marks: make([]mark, len(m.info.Domains))}
	bound := patience
	for _, d := range m.info.Domains {
		bound = max(bound, 20*d.Period)
	}
	m.read()
	began := m.clock.Now()
	first := m.lastSeq()
	for {
		waited := time.Duration(m.clock.Now() - began)
		if m.mark(&e, first, waited) || waited > bound {
			break
		}
		if err := m.clock.Sleep(ctx, max(shortest, waited/20)); err != nil {
			return Edge{}, err
		}
		m.read()
	}
	e.Wall = m.clock.Wall()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range e.marks {
		k := &e.marks[i]
		if k.seq == 0 { // beside the total, or it did not move
			s := m.states[i]
			*k = mark{state: s, seq: m.seq, at: float64(s.began)}
		}
		if m.info.Domains[i].Total {
			e.At = max(e.At, int64(k.at))
		}
	}
	return e, nil
}

func (m *Meter) lastSeq() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq
}

// mark marks the domains that changed after a reading, and reports whether
// the total is complete.
func (m *Meter) mark(e *Edge, first int, waited time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	complete := true
	for i := range e.marks {
		k, s, d := &e.marks[i], m.states[i], m.info.Domains[i]
		if k.seq != 0 || d.Integrated || s.broken != nil {
			continue
		}
		// Between two readings that lie far apart there may be several
		// updates; the next one will do, but not for ever.
		width := s.changeHi - s.changeLo
		if s.changed > first && (d.Period == 0 || width <= int64(d.Period/2) || waited > 20*d.Period) {
			*k = mark{state: s, seq: m.seq, at: float64(s.changeLo+s.changeHi) / 2, width: float64(width), aligned: true}
		}
		if d.Total && k.seq == 0 {
			complete = false
		}
	}
	return complete
}

// Window is what the counters showed between two edges.
//
// The uncertainties are standard deviations and follow from the counters
// alone. With q the quantum of a counter, T its update period, P its mean
// power over the window and w the gap between the two readings that saw it
// updated, an edge that is aligned contributes
//
//	to U:       min(q, P·T) / √12   what the count leaves over
//	to LengthU: w / √12             when the count was true
//
// and one that is not (a domain beside the total whose update was not seen)
//
//	to U:       √(q² + (P·T)²) / √12
//
// both edges' squares are added. So what a window takes beyond a power P₀ is
// Joules − P₀·Length, with the variance U² + (P₀·LengthU)²; its mean power is
// Joules/Length, with U² + (P·LengthU)² over Length². For an integrated
// domain with n = Length/T values of the standard deviation s, U² is
// Length²·(s²/n + q²/12) + (P·T)²/6.
//
// The sums over a total add squares. Its Length is the mean of its counters'
// own lengths, weighted by their energy; they differ by less than a period.
type Window struct {
	From, To     int64 // CLOCK_MONOTONIC, ns
	Began, Ended time.Time
	Domains      []DomainWindow

	// Of the total. NaN, and not 0, where the window is Invalid.
	Joules, U       float64
	Length, LengthU float64 // seconds
	Invalid         string  // why the window gives no number; empty: it gives one
}

// DomainWindow is what one counter showed.
type DomainWindow struct {
	Name        string
	Total       bool
	First, Last uint64 // raw counts; watts' counts where integrated
	Wraps       int
	Quantum     float64 // joules; watts where integrated

	// NaN, and not 0, where the domain is Invalid.
	Joules, U       float64
	Length, LengthU float64 // seconds; its own, see Edge
	Invalid         string
}

// Window gives what the counters showed between two edges. A domain of the
// total that is invalid makes the window invalid; one beside it does not.
func (m *Meter) Window(from, to Edge) Window {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := Window{From: from.At, To: to.At, Began: from.Wall, Ended: to.Wall}
	weighted, variance, lengthVariance := 0.0, 0.0, 0.0
	for i := range m.info.Domains {
		d := m.domainWindow(i, from.marks[i], to.marks[i])
		w.Domains = append(w.Domains, d)
		if !d.Total {
			continue
		}
		if d.Invalid != "" && w.Invalid == "" {
			w.Invalid = d.Invalid
		}
		w.Joules += d.Joules
		variance += d.U * d.U
		weighted += d.Joules * d.Length
		lengthVariance += d.Joules * d.LengthU * d.Joules * d.LengthU
	}
	w.U = math.Sqrt(variance)
	w.Length = weighted / w.Joules
	w.LengthU = math.Sqrt(lengthVariance) / w.Joules
	if w.Invalid != "" {
		nan := math.NaN()
		w.Joules, w.U, w.Length, w.LengthU = nan, nan, nan, nan
	}
	return w
}

func (m *Meter) domainWindow(i int, from, to mark) DomainWindow {
	d := m.info.Domains[i]
	w := DomainWindow{
		Name: d.Name, Total: d.Total, First: from.raw, Last: to.raw, Wraps: to.wraps - from.wraps, Quantum: m.quantum(i),
		Length: (to.at - from.at) / 1e9, LengthU: math.Hypot(from.width, to.width) / math.Sqrt(12) / 1e9,
	}
	q, period := w.Quantum, d.Period.Seconds()
	if d.Integrated {
		w.Joules = to.joules - from.joules
		watts := w.Joules / w.Length
		n := float64(to.n - from.n)
		s2 := max(0, (to.squares-from.squares)/n-math.Pow((to.watts-from.watts)/n, 2))
		w.U = math.Sqrt(w.Length*w.Length*(s2*period/w.Length+q*q/12) + math.Pow(watts*period, 2)/6)
	} else {
		w.Joules = float64(to.sum-from.sum) * d.Unit
		step := w.Joules / w.Length * period // what one update adds
		w.U = math.Sqrt((from.left(q, step) + to.left(q, step)) / 12)
	}
	if w.Invalid = m.invalid(i, from, to, w); w.Invalid != "" {
		nan := math.NaN()
		w.Joules, w.U, w.Length, w.LengthU = nan, nan, nan, nan
	}
	return w
}

// left is the square of the range in which the energy lies that a count
// leaves over.
func (k mark) left(quantum, step float64) float64 {
	switch {
	case !k.aligned:
		return quantum*quantum + step*step
	case step > 0: // the period is known
		return math.Pow(min(quantum, step), 2)
	}
	return quantum * quantum
}

// invalid says why a domain gives no number between two marks.
func (m *Meter) invalid(i int, from, to mark, w DomainWindow) string {
	d := m.info.Domains[i]
	for _, f := range m.faults {
		if (f.domain == i || f.domain < 0) && f.first <= to.seq && f.last > from.seq {
			return f.why
		}
	}
	still := func(k mark) time.Duration { return time.Duration(int64(k.at) - k.changeHi) }
	switch {
	case from.broken != nil || to.broken != nil:
		return fmt.Sprintf("%s could not be read", d.Name)
	case !d.Integrated && max(still(from), still(to)) >= patience:
		return fmt.Sprintf("%s stood still for %s", d.Name, max(still(from), still(to)).Round(100*time.Millisecond))
	case w.Length <= 0:
		return fmt.Sprintf("%s was not updated between the edges", d.Name)
	case w.Joules <= 0:
		return fmt.Sprintf("%s did not move for %.3g s", d.Name, w.Length)
	case w.Joules/w.Length > d.Most:
		return fmt.Sprintf("%s would have taken %.0f W", d.Name, w.Joules/w.Length)
	case d.Integrated && w.Length < 2*d.Period.Seconds():
		return fmt.Sprintf("%s has a new value every %s, and the window lasts %.3g s", d.Name, d.Period, w.Length)
	}
	return ""
}
