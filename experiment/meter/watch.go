package meter

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// Meter watches a source. It reads in the background, so often that no wrap
// can hide, and unwraps each counter by itself before anything is summed. It
// is safe for concurrent use.
type Meter struct {
	source Source
	clock  Clock
	info   Info
	stop   func()

	mu     sync.Mutex
	seq    int // of the last reading
	at     int64
	ahead  int64 // how far boot time was ahead of monotonic time, at most
	states []state
	faults []fault
}

// state is what is known of a domain after a reading.
type state struct {
	broken error // why the last reading failed; nil: it did not
	began  int64 // when the last good reading began; 0: there was none
	raw    uint64
	sum    uint64 // counts since Watch; for an integrated domain see joules
	wraps  int

	// The last change of the count: it happened between two readings.
	changed            int // its reading; 0: none was seen yet
	changeLo, changeHi int64

	// The counts seen are multiples of step; the least difference is least.
	step, least uint64

	joules         float64 // of an integrated domain
	n              int     // its readings, and their sum and squares, in watts
	watts, squares float64
}

// fault is what makes a window invalid that holds the readings from first to
// last, or the gap before them.
type fault struct {
	domain      int // -1: all
	first, last int
	why         string
}

// Watch begins to watch a source, which the Meter closes at its end. Counters
// of packages that move together are one counter (on some processors each die
// repeats the socket), so Watch takes the time to see several packages move.
// Without a clock it is the kernel's.
func Watch(s Source, c Clock) *Meter {
	if c == nil {
		c = Kernel{}
	}
	s = withoutMirrors(s, c)
	m := &Meter{source: s, clock: c, info: s.Info()}
	m.states = make([]state, len(m.info.Domains))
	m.read()
	m.stop = c.Every(m.interval(), func() { m.read() })
	return m
}

// interval is how often the Meter reads by itself: four times before a second
// wrap could hide, and twice for each new value of a power.
func (m *Meter) interval() time.Duration {
	every := time.Second
	for _, d := range m.info.Domains {
		if gap := d.MaxGap(); gap > 0 {
			every = min(every, gap/4)
		}
		if d.Integrated {
			every = min(every, d.Period/2)
		}
	}
	return max(every, time.Millisecond)
}

// Close ends the watch and closes the source.
func (m *Meter) Close() error {
	m.stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.source.Close()
}

// Info is the source's, with mirrors left out and with the quanta as far as
// they have been learned.
func (m *Meter) Info() Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	info := m.info
	info.Domains = nil
	for i, d := range m.info.Domains {
		d.Quantum = m.quantum(i)
		info.Domains = append(info.Domains, d)
	}
	return info
}

// quantum is the least step of a domain, in joules (watts where integrated):
// what the source knows, or the common divisor of the differences seen.
// Where both say nothing (a kernel that cuts steps to whole µJ, without a
// range), it is the least difference seen, which is too large rather than too
// small.
func (m *Meter) quantum(i int) float64 {
	d, s := m.info.Domains[i], &m.states[i]
	q := max(d.Quantum, float64(s.step)*d.Unit)
	if d.Quantum == 0 && s.step <= 1 {
		q = float64(s.least) * d.Unit
	}
	return q
}

// suspendedFor is how far boot time must run ahead to be a suspend.
const suspendedFor = time.Millisecond

// read reads all domains once.
func (m *Meter) read() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	began := m.clock.Now()
	now := began
	for i := range m.states {
		before := now
		raw, err := m.source.Read(i)
		now = m.clock.Now()
		if err != nil {
			m.states[i].broken = err
			m.fault(i, fmt.Sprintf("%s can't be read: %s", m.info.Domains[i].Name, err))
			continue
		}
		m.advance(i, raw, before, now)
	}
	// Between two looks at the one clock, so that a pause is no suspend.
	boot := m.clock.Boot()
	after := m.clock.Now()
	if m.seq > 1 && boot-after > m.ahead+int64(suspendedFor) {
		m.fault(-1, fmt.Sprintf("the machine was suspended for %s", time.Duration(boot-after-m.ahead).Round(time.Millisecond)))
		m.ahead = boot - now
	}
	if m.seq == 1 || boot-now < m.ahead {
		m.ahead = boot - now
	}
	m.at = began
}

// fault notes that the reading of now says nothing about what lies between
// it and the one before.
func (m *Meter) fault(domain int, why string) {
	for i := range slices.Backward(m.faults) {
		f := &m.faults[i]
		if f.domain == domain {
			if f.why == why && f.last == m.seq-1 {
				f.last = m.seq
				return
			}
			break
		}
	}
	m.faults = append(m.faults, fault{domain, m.seq, m.seq, why})
}

// advance takes a count that was read between two moments.
func (m *Meter) advance(i int, raw uint64, before, after int64) {
	d, s := m.info.Domains[i], &m.states[i]
	last := *s
	s.raw, s.began, s.broken = raw, before, nil
	if last.began == 0 {
		s.changeLo, s.changeHi = before, after
		if d.Integrated {
			s.sample(d.Unit, raw)
		}
		return
	}
	gap := time.Duration(after - last.began)
	if last.broken != nil {
		// Nobody knows what it counted meanwhile.
		m.fault(i, fmt.Sprintf("%s could not be read for %s", d.Name, gap.Round(time.Millisecond)))
		s.changeLo, s.changeHi = before, after
		return
	}
	if raw != last.raw {
		s.changed, s.changeLo, s.changeHi = m.seq, last.began, after
	}
	if d.Integrated {
		s.joules += (float64(last.raw) + float64(raw)) / 2 * d.Unit * float64(before-last.began) / 1e9
		s.sample(d.Unit, raw)
		s.learn(raw, last.raw)
		return
	}
	if most := d.MaxGap(); most > 0 && gap > most {
		m.fault(i, fmt.Sprintf("%s was left alone for %s, in which it may have wrapped more than once", d.Name, gap.Round(time.Millisecond)))
		return
	}
	var gain uint64
	switch {
	case raw >= last.raw:
		gain = raw - last.raw
	case d.Range == 0:
		m.fault(i, fmt.Sprintf("%s fell from %d to %d, and its range can't be read", d.Name, last.raw, raw))
		return
	case last.raw > d.Range:
		m.fault(i, fmt.Sprintf("%s showed %d, beyond its range of %d", d.Name, last.raw, d.Range))
		return
	default:
		// The range is the last value before zero, so zero is a quantum on.
		gain = d.Range - last.raw + raw + uint64(math.Round(m.quantum(i)/d.Unit))
	}
	// A change holds all energy since the change before.
	since := time.Duration(after - last.changeLo)
	if j := float64(gain) * d.Unit; j > d.Most*since.Seconds()+slack {
		m.fault(i, fmt.Sprintf("%s went on by %.4g J in %s: the counter was set back, or wrapped more than once", d.Name, j, since.Round(time.Microsecond)))
		return
	}
	if raw < last.raw {
		s.wraps++
	} else {
		s.learn(raw, last.raw)
	}
	s.sum += gain
}

// slack, in joules, lets a counter of a coarse step take two at once.
const slack = 2.0

func (s *state) sample(unit float64, raw uint64) {
	w := float64(raw) * unit
	s.n++
	s.watts += w
	s.squares += w * w
}

// learn takes the difference of two counts.
func (s *state) learn(a, b uint64) {
	d := max(a, b) - min(a, b)
	if d == 0 {
		return
	}
	if s.least == 0 || d < s.least {
		s.least = d
	}
	for x := d; x != 0; { // Euclid
		s.step, x = x, s.step%x
	}
}
