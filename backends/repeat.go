package backends

import (
	"context"
	"fmt"

	"github.com/nebula-bench/nebula/experiment"
)

// Repeater is an artifact that serves a request many times in a row on one
// call, so that a window of energy holds the function and little else.
type Repeater interface {
	// Repeat serves a request n times from a start, one after the other, and
	// stamps none of it. It ends at the first that does not end well: with
	// the error that Invoke would give, or with an exit code.
	Repeat(ctx context.Context, s experiment.Start, r Request, n int) (Repeated, error)
}

// Repeated is what became of a series of requests.
type Repeated struct {
	N        int      // that ended well
	Answers  [][]byte // those that differ, each once
	ExitCode int      // of the request that ended the series; 0: none did
	Stderr   []byte   // its end
	CPU      int64    // nanoseconds, with the runtime around the function; 0: not measured
}

// LacksWindow is an artifact some of whose starts can't be repeated back to
// back, because a part of each would have been done ahead of its request.
type LacksWindow interface {
	// LacksWindow says why; the empty string says that a start can.
	LacksWindow(experiment.Start) string
}

// Attended is a backend whose engine works in processes of its own. What they
// do is the function's doing, and no other program's.
type Attended interface {
	// Attendants gives the names of the processes, as the kernel has them.
	// Their children belong to them.
	Attendants() []string
}

// Answers collects the answers of a series, each once. A function need not
// give the same one each time, but so many different ones that nobody could
// check them are refused.
type Answers struct {
	last  []byte
	seen  map[string]bool
	bytes int
}

const (
	mostAnswers     = 1000
	mostAnswerBytes = MaxAnswer
)

// Add takes an answer.
func (a *Answers) Add(answer []byte) error {
	if a.seen != nil && string(answer) == string(a.last) {
		return nil
	}
	a.last = answer
	if a.seen[string(answer)] {
		return nil
	}
	if len(a.seen) == mostAnswers || a.bytes+len(answer) > mostAnswerBytes {
		return fmt.Errorf("it gave more than %d different answers", len(a.seen))
	}
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	a.seen[string(answer)] = true
	a.bytes += len(answer)
	return nil
}

// All gives the answers in no order.
func (a *Answers) All() (all [][]byte) {
	for s := range a.seen {
		all = append(all, []byte(s))
	}
	return all
}
