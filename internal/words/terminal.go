package words

import (
	"io"
	"sync"
)

// Terminal is the way to a terminal for text that does not all come from
// Nebula itself: it lets through what is shown, and line breaks and tabs.
type Terminal struct {
	mu   sync.Mutex
	to   io.Writer
	rest []byte // of a character that goes on with the next Write
}

// NewTerminal gives the way to w.
func NewTerminal(w io.Writer) *Terminal { return &Terminal{to: w} }

// Unwrap gives the writer behind it.
func (t *Terminal) Unwrap() io.Writer { return t.to }

func (t *Terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out, rest := escape(append(t.rest, b...))
	t.rest = append([]byte(nil), rest...)
	if _, err := io.WriteString(t.to, out); err != nil {
		return 0, err
	}
	return len(b), nil
}
