package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// framer answers a probe by its input.
type framer struct {
	fakeArtifact
	errs  map[string]error
	tried []string
}

func (f *framer) Frames(_ context.Context, r backends.Request) error {
	f.tried = append(f.tried, string(r.Stdin))
	return f.errs[string(r.Stdin)]
}

// TestTryFrames: only an answer shows that a function speaks frames. Where it
// fails with one input, others are tried; where it fails with all, the reason
// names the first. What an engine did is no reason.
func TestTryFrames(t *testing.T) {
	exit := fmt.Errorf("%w: exit code 3", backends.ErrUntried)
	for name, tt := range map[string]struct {
		errs  []error // of the inputs a, b, …
		tried string
		why   string
	}{
		"an answer":              {[]error{nil, exit}, "a", ""},
		"no frames":              {[]error{backends.ErrNoFrames, nil}, "a", backends.ErrNoFrames.Error()},
		"fails, then an answer":  {[]error{exit, nil}, "ab", ""},
		"fails, then no frames":  {[]error{exit, fmt.Errorf("%w: it ended", backends.ErrNoFrames)}, "ab", backends.ErrNoFrames.Error()},
		"fails with all":         {[]error{exit, backends.ErrCrashed}, "ab", `with input "a", it failed before it answered a frame: exit code 3`},
		"hangs with all":         {[]error{context.DeadlineExceeded}, "a", `with input "a", context deadline exceeded`},
		"fails with many":        {[]error{exit, exit, exit, nil}, "abc", "could not be found out"},
		"the engine is at fault": {[]error{errors.New("broken pipe"), nil}, "a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &framer{errs: map[string]error{}}
			f := experiment.Function{Name: "f"}
			var inputs []string
			for i, err := range tt.errs {
				in := string(rune('a' + i))
				a.errs[in] = err
				inputs = append(inputs, in)
				f.Inputs = append(f.Inputs, experiment.Input{Name: in, Stdin: in})
			}
			e := &Engines{experiment: experimentOn(&fake{}), artifacts: map[string]map[string]backends.Artifact{"b": {"f": a}}}
			why := e.tryFrames(t.Context(), "b", f, inputs, backends.Session{Log: zerolog.Nop()})
			if (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) || !slices.Equal(a.tried, strings.Split(tt.tried, "")) {
				t.Errorf("tried %v: %q", a.tried, why)
			}
		})
	}
}
