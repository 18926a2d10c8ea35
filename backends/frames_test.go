package backends

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

func TestFrameReader(t *testing.T) {
	tests := map[string]struct {
		stream string
		answer string
		err    error
		done   bool
	}{
		"an answer":         {stream: "5\nhello", answer: "hello", done: true},
		"of nothing":        {stream: "0\n", done: true},
		"lines":             {stream: "4\na\nb\n", answer: "a\nb\n", done: true},
		"not whole yet":     {stream: "5\nhel", answer: "hel"},
		"nothing":           {stream: ""},
		"half a length":     {stream: "12"},
		"no frame":          {stream: "hello\n", err: ErrNoFrames},
		"no length":         {stream: "\nhello", err: ErrNoFrames},
		"a sign":            {stream: "-1\n", err: ErrNoFrames},
		"a plus":            {stream: "+1\nx", err: ErrNoFrames},
		"no newline":        {stream: strings.Repeat("9", 100), err: ErrNoFrames},
		"more than it is":   {stream: "2\nabc", err: ErrNoFrames},
		"far too long":      {stream: "99999999\n", err: ErrAnswerTooLong},
		"beyond any number": {stream: "999999999999\n", err: ErrNoFrames},
	}
	for name, tt := range tests {
		for _, piece := range []int{1, 3, 1 << 10} {
			clock := int64(0)
			line := NewTimeline(func() int64 { clock++; return clock })
			r := NewFrameReader(line)
			var err error
			for b := []byte(tt.stream); len(b) > 0 && err == nil; b = b[min(piece, len(b)):] {
				_, err = r.Write(b[:min(piece, len(b))])
			}
			if !errors.Is(err, tt.err) || err != nil && tt.err == nil {
				t.Errorf("%s in pieces of %d: error %v, want %v", name, piece, err, tt.err)
			}
			if err == nil && (string(r.Answer()) != tt.answer || r.Done() != tt.done) {
				t.Errorf("%s in pieces of %d: %q, done %v", name, piece, r.Answer(), r.Done())
			}
			s, _ := line.Stamps()
			if _, ok := s.Get(experiment.Responded); ok != (err == nil && tt.done) && err == nil {
				t.Errorf("%s in pieces of %d: responded is marked: %v", name, piece, ok)
			}
		}
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add([]byte("5\nhello"), 2)
	f.Add([]byte("0\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		if piece < 1 {
			return
		}
		r := NewFrameReader(NewTimeline(Now))
		var err error
		for b := stream; len(b) > 0 && err == nil; b = b[min(piece, len(b)):] {
			_, err = r.Write(b[:min(piece, len(b))])
		}
		if err == nil && r.Done() && !bytes.HasSuffix(stream, r.Answer()) {
			t.Errorf("%q gave the answer %q", stream, r.Answer())
		}
		// What we frame, we read.
		r = NewFrameReader(NewTimeline(Now))
		if _, err := r.Write(Framed(stream)); err != nil || !bytes.Equal(r.Answer(), stream) {
			t.Errorf("framed, %q gave %q, %v", stream, r.Answer(), err)
		}
	})
}
