package wazero

import (
	"encoding/binary"
	"io"
	"os"

	"github.com/nebula-bench/nebula/backends"
)

// words is the end of what a guest wrote to standard error in a trial. Where
// possible it lies in memory that is shared with the parent, so that a child that
// has to be killed leaves its guest's last words there. Writing to it is only a
// copy, because it happens within trials.
type words struct {
	memory []byte // 8 bytes for how much was written, then a ring
}

// wordsSize leaves room for markers beside the words that are kept.
const wordsSize = 8 + 2*backends.MaxStderr

func (w *words) forget() { binary.LittleEndian.PutUint64(w.memory, 0) }

func (w *words) write(p []byte) {
	ring := w.memory[8:]
	n := binary.LittleEndian.Uint64(w.memory)
	if over := len(p) - len(ring); over > 0 {
		n, p = n+uint64(over), p[over:]
	}
	at := int(n % uint64(len(ring)))
	copy(ring, p[copy(ring[at:], p):])
	binary.LittleEndian.PutUint64(w.memory, n+uint64(len(p)))
}

// last gives the words without the markers.
func (w *words) last() []byte {
	ring := w.memory[8:]
	n := binary.LittleEndian.Uint64(w.memory)
	s := backends.NewStderr(backends.NewTimeline(backends.Now))
	if n > uint64(len(ring)) {
		at := n % uint64(len(ring))
		s.Write(ring[at:])
		n = at
	}
	s.Write(ring[:n])
	return s.Rest()
}

// heard is a guest's standard error.
type heard struct {
	*backends.Stderr
	words *words
}

func (h heard) Write(p []byte) (int, error) {
	n, err := h.Stderr.Write(p) // stamps first
	h.words.write(p)
	return n, err
}

// forgetWords and lastWords are the parent's view of a child's words; file may
// be nil.
func forgetWords(file *os.File) {
	if file != nil {
		file.WriteAt(make([]byte, 8), 0)
	}
}

func lastWords(file *os.File) []byte {
	if file == nil {
		return nil
	}
	w := words{make([]byte, wordsSize)}
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, wordsSize), w.memory); err != nil {
		return nil
	}
	return w.last()
}

// openWords gives the child's view. Where nothing is shared, its words are its
// own, and those of a guest that had to be stopped are lost.
func openWords(shared bool) *words {
	if shared {
		if m, err := mapWords(wordsFile); err == nil {
			return &words{m}
		}
	}
	return &words{make([]byte, wordsSize)}
}
