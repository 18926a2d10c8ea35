package backends

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
)

// FramesEnv is the variable that asks a function, with the value 1, to
// answer many requests: each request and each answer is its length in
// decimal, a newline, and that many bytes.
const FramesEnv = "NEBULA_FRAMES"

// ErrNoFrames says that a function answers one request only, so that no live
// instance of it can answer another.
var ErrNoFrames = errors.New("the function does not speak frames, which a warm start needs: see functions/README.md")

// ErrUntried says that a function failed before it answered a frame, so that it
// is not known whether it ever would.
var ErrUntried = errors.New("it failed before it answered a frame")

// Framer is an artifact of an engine with a warm start.
type Framer interface {
	// Frames makes a live instance and has it answer the request. The error
	// is nil only where an answer came, and ErrNoFrames where the function
	// can't; where it ended with an exit code instead, it is ErrUntried.
	Frames(context.Context, Request) error
}

// Framed gives a request as a frame.
func Framed(request []byte) []byte {
	b := strconv.AppendInt(make([]byte, 0, len(request)+20), int64(len(request)), 10)
	return append(append(b, '\n'), request...)
}

// FrameReader takes one framed answer from a stream and reads the timeline's
// clock when the last of it arrives. It is not safe for concurrent use.
type FrameReader struct {
	timeline *Timeline
	head     []byte
	answer   []byte
	length   int // -1: not known yet
}

// NewFrameReader gives a reader that marks on the timeline.
func NewFrameReader(t *Timeline) *FrameReader { return &FrameReader{timeline: t, length: -1} }

// Write takes bytes that arrive now. It implements io.Writer. Its error is
// ErrAnswerTooLong, or ErrNoFrames where the bytes are not one frame.
func (r *FrameReader) Write(p []byte) (int, error) {
	n := len(p)
	if r.length < 0 {
		end := bytes.IndexByte(p, '\n')
		digits := p
		if end >= 0 {
			digits = p[:end]
		}
		r.head = append(r.head, digits[:min(len(digits), 16)]...)
		if end < 0 {
			if len(r.head) > 12 || !decimal(r.head) {
				return 0, fmt.Errorf("%w: it began an answer with %.20q", ErrNoFrames, r.head)
			}
			return n, nil
		}
		length, err := strconv.ParseUint(string(r.head), 10, 31)
		if err != nil || !decimal(r.head) {
			return 0, fmt.Errorf("%w: it began an answer with %.20q", ErrNoFrames, r.head)
		}
		if length > MaxAnswer {
			return 0, ErrAnswerTooLong
		}
		r.length, p = int(length), p[end+1:]
	}
	if len(r.answer)+len(p) > r.length {
		return 0, fmt.Errorf("%w: it wrote more than the %d bytes that it announced", ErrNoFrames, r.length)
	}
	r.answer = append(r.answer, p...)
	if r.Done() {
		// The frame's own bytes are what a response waits for, even where
		// the answer has none.
		r.timeline.MarkResponded(r.timeline.now(), true)
	}
	return n, nil
}

func decimal(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Done reports whether the whole answer has arrived.
func (r *FrameReader) Done() bool { return r.length >= 0 && len(r.answer) == r.length }

// Answer gives the answer so far.
func (r *FrameReader) Answer() []byte { return r.answer }
