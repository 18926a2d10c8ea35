package backends

import (
	"bytes"
	"strconv"

	"github.com/nebula-bench/nebula/experiment"
)

// maxLine bounds what Stderr holds back of a line that has not ended yet.
const maxLine = 256

// Stderr reads a function's standard error: it takes the marker lines out
// and marks their events, and keeps the end of the rest. It is not safe for
// concurrent use.
type Stderr struct {
	timeline *Timeline
	line     []byte // begin of a line that has not ended
	tail     []byte
	skipping bool // inside a line too long to be a marker
}

// NewStderr gives a reader that marks on the timeline.
func NewStderr(t *Timeline) *Stderr { return &Stderr{timeline: t} }

// Write takes bytes that arrive now. It implements io.Writer.
func (s *Stderr) Write(p []byte) (int, error) {
	s.Arrived(p, s.timeline.now())
	return len(p), nil
}

// Arrived takes bytes that arrived at a moment of the timeline's clock.
func (s *Stderr) Arrived(p []byte, at int64) {
	for len(p) > 0 {
		rest, part := []byte(nil), p
		end := bytes.IndexByte(p, '\n')
		if end >= 0 {
			part, rest = p[:end+1], p[end+1:]
		}
		switch {
		case s.skipping:
			s.keep(part)
			s.skipping = end < 0
		case len(s.line)+len(part) > maxLine:
			s.keep(s.line)
			s.keep(part)
			s.line, s.skipping = s.line[:0], end < 0
		default:
			s.line = append(s.line, part...)
			if end >= 0 {
				if !s.marker(s.line[:len(s.line)-1], at) {
					s.keep(s.line)
				}
				s.line = s.line[:0]
			}
		}
		p = rest
	}
}

// marker marks the event that a line announces, and reports whether it
// announces one.
func (s *Stderr) marker(line []byte, arrived int64) bool {
	name, word, stamped := bytes.Cut(line, []byte(" "))
	var event experiment.Event
	switch string(name) {
	case "nebula:ready":
		event = experiment.Ready
	case "nebula:done":
		event = experiment.Done
	default:
		return false
	}
	if !stamped {
		s.timeline.Announce(event, arrived)
		return true
	}
	stamp, err := strconv.ParseInt(string(word), 10, 64)
	if err != nil {
		return false
	}
	s.timeline.AnnounceStamped(event, arrived, stamp)
	return true
}

func (s *Stderr) keep(p []byte) {
	s.tail = append(s.tail, p...)
	if n := len(s.tail); n > 2*MaxStderr {
		s.tail = append(s.tail[:0], s.tail[n-MaxStderr:]...)
	}
}

// Rest returns the end of what was not a marker, at most MaxStderr bytes.
func (s *Stderr) Rest() []byte {
	t := append(s.tail[:len(s.tail):len(s.tail)], s.line...)
	return t[max(0, len(t)-MaxStderr):]
}

// Stdout collects a function's answer and the moment when the last of it
// arrived. It is not safe for concurrent use.
type Stdout struct {
	timeline *Timeline
	answer   []byte
	last     int64
}

// NewStdout gives a collector that reads the timeline's clock.
func NewStdout(t *Timeline) *Stdout { return &Stdout{timeline: t} }

// Write takes bytes that arrive now. It implements io.Writer; its error is
// ErrAnswerTooLong.
func (s *Stdout) Write(p []byte) (int, error) {
	if len(s.answer)+len(p) > MaxAnswer {
		return 0, ErrAnswerTooLong
	}
	s.answer = append(s.answer, p...)
	s.last = s.timeline.now()
	return len(p), nil
}

// Answer marks the moment of the response, once the function has exited, and
// returns the answer.
func (s *Stdout) Answer() []byte {
	s.timeline.MarkResponded(s.last, len(s.answer) > 0)
	return s.answer
}
