package experiment

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Event is a moment of a trial. The order of the constants is the order in
// which the contract expects them, the same on every backend.
type Event uint8

// The events.
const (
	Requested Event = iota // the request leaves the runner
	Created                // module compiled or loaded; container created
	Started                // instance made; start call returned
	Ready                  // the function's own first instruction
	Done                   // the function has computed its answer
	Responded              // the last byte of the answer arrived
	Exited                 // the entry function returned; the container exited
	Removed                // nothing of the trial is left
	numEvents
)

var eventNames = [numEvents]string{"requested", "created", "started", "ready", "done", "responded", "exited", "removed"}

func (e Event) String() string { return eventNames[e] }

const absent = math.MinInt64

// Stamps are the moments of one trial's events in nanoseconds on one
// monotonic clock. An event that was not observed is absent. Use NewStamps:
// the zero value says that everything happened at 0.
type Stamps [numEvents]int64

// NewStamps gives stamps in which every event is absent.
func NewStamps() Stamps {
	var s Stamps
	for e := range s {
		s[e] = absent
	}
	return s
}

// Get returns the stamp of an event, and whether it was observed.
func (s *Stamps) Get(e Event) (int64, bool) { return s[e], s[e] != absent }

// Set records an event.
func (s *Stamps) Set(e Event, ns int64) { s[e] = ns }

// Clear makes an event absent.
func (s *Stamps) Clear(e Event) { s[e] = absent }

// Relative gives the stamps as nanoseconds since requested.
func (s Stamps) Relative() Stamps {
	zero, ok := s.Get(Requested)
	if !ok {
		return NewStamps()
	}
	for e, ns := range s {
		if ns != absent {
			s[e] = ns - zero
		}
	}
	return s
}

// MarshalJSON writes an object of the observed events, in order.
func (s Stamps) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 160)
	b = append(b, '{')
	for e, ns := range s {
		if ns == absent {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, eventNames[e]...)
		b = append(b, '"', ':')
		b = strconv.AppendInt(b, ns, 10)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes and refuses unknown events.
func (s *Stamps) UnmarshalJSON(b []byte) error {
	return s.UnmarshalJSONFrom(jsontext.NewDecoder(bytes.NewReader(b)))
}

// UnmarshalJSONFrom is UnmarshalJSON for a decoder that stands before the
// object. Records are read by the million, and this is most of a record.
func (s *Stamps) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if k := d.PeekKind(); k != '{' && k != 0 {
		return fmt.Errorf("the events are no object")
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	*s = NewStamps()
	next := 0
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		e, ok := eventNamed(name.String(), next)
		if !ok {
			return fmt.Errorf("unknown event %q", name.String())
		}
		v, err := d.ReadToken()
		if err != nil {
			return err
		}
		if v.Kind() != '0' {
			return fmt.Errorf("event %s: not a number of nanoseconds", e)
		}
		if s[e], err = v.Int(); err != nil {
			return fmt.Errorf("event %s: %w", e, err)
		}
		next = int(e) + 1
	}
	_, err := d.ReadToken()
	return err
}

// eventNamed looks from the next event on, because they come in order.
func eventNamed(name string, next int) (Event, bool) {
	for i := range eventNames {
		if e := (next + i) % len(eventNames); eventNames[e] == name {
			return Event(e), true
		}
	}
	return 0, false
}

// Span is a named time between two events.
type Span struct {
	Name     string
	From, To Event
}

// Phases are the spans between neighbouring events.
var Phases = []Span{
	{"create", Requested, Created},
	{"launch", Created, Started},
	{"init", Started, Ready},
	{"execute", Ready, Done},
	{"respond", Done, Responded},
	{"exit", Responded, Exited},
	{"remove", Exited, Removed},
}

// Metrics are the spans that experiments compare. Where Done is absent,
// runtime ends at Responded.
var Metrics = []Span{
	{"startup", Requested, Ready},
	{"runtime", Ready, Done},
	{"total", Requested, Responded},
	{"teardown", Responded, Removed},
	{"thesis_runtime", Ready, Removed},
}

// Metric gives the length of a span of Metrics in nanoseconds, and whether
// both its ends were observed.
func (s *Stamps) Metric(m Span) (int64, bool) {
	to, ok := s.Get(m.To)
	if !ok && m.To == Done {
		to, ok = s.Get(Responded)
	}
	from, ok2 := s.Get(m.From)
	if !ok || !ok2 || to < from {
		return 0, false
	}
	return to - from, true
}

// Phases gives the length of each phase in nanoseconds, in the order of the
// variable Phases; -1 where there is none. An event that was not observed,
// or that came only after its successor, is no edge: its two phases are one,
// under the earlier name. So the phases always add up to the time from the
// first to the last event.
func (s *Stamps) Phases() [len(eventNames) - 1]int64 {
	var out [len(eventNames) - 1]int64
	for i := range out {
		out[i] = -1
	}
	// An event is an edge when no later event of the contract came before it.
	earliest := int64(math.MaxInt64)
	var edge [numEvents]bool
	for e := int(numEvents) - 1; e >= 0; e-- {
		if ns := s[e]; ns != absent && ns <= earliest {
			edge[e], earliest = true, ns
		}
	}
	if !edge[Requested] {
		return out
	}
	from := 0
	for e := 1; e < int(numEvents); e++ {
		if edge[e] {
			out[from] = s[e] - s[from]
			from = e
		}
	}
	return out
}
