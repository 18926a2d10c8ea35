package docker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestLastWords: what a function said before it was ended is on record,
// whoever ended it.
func TestLastWords(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{Memory: "192MiB"}, backendtest.Probe(t))
	for _, s := range []experiment.Start{experiment.Cold, experiment.Prepared, experiment.Warm} {
		for name, tt := range map[string]struct {
			act, request string // once it lives, what a live container is asked for
			want         error
			limit        time.Duration
		}{
			"a timeout":         {"loop", "loop", context.DeadlineExceeded, 3 * time.Second},
			"a memory limit":    {"grow", "gorge", backends.ErrOutOfMemory, patience},
			"an endless answer": {"flood", "flood", backends.ErrAnswerTooLong, patience},
		} {
			r := backends.Request{Args: []string{"mutter", tt.act}, Window: s == experiment.Prepared}
			if s == experiment.Warm {
				r = backends.Request{Args: []string{"mutter", "work"}, Stdin: []byte(tt.request)}
			}
			got := backendtest.Trial(t, a, s, r, tt.limit)
			if !errors.Is(got.Err, tt.want) || !strings.Contains(string(got.Stderr), "about to "+r.Args[1]+"\n") {
				t.Errorf("%s, %s: it ended with %v and said %q", s, name, got.Err, got.Stderr)
			}
		}
	}
}
