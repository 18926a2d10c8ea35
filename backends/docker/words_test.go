package docker

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

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

// However many arguments there are, few containers live.
func TestLiveContainersAreFew(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	count := func(i int) string {
		t.Helper()
		r := backendtest.Trial(t, a, experiment.Warm, backends.Request{Args: []string{"count", strconv.Itoa(i)}}, patience)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		left, err := a.backend.client.ContainerList(t.Context(), container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelLive+"="+a.backend.name))})
		if err != nil || len(left) != len(a.live) || len(left) > backends.MostLive {
			t.Fatalf("after arguments %d, %d containers live, and the artefact knows of %d: %v", i, len(left), len(a.live), err)
		}
		return string(r.Stdout)
	}
	for i := range backends.MostLive + 2 {
		if got := count(i); got != "1" {
			t.Errorf("the container of arguments %d had answered %s times", i, got)
		}
	}
	if got := count(backends.MostLive + 1); got != "2" {
		t.Errorf("the latest container had answered %s times", got)
	}
	if got := count(0); got != "1" {
		t.Errorf("a container that had to go had answered %s times", got)
	}
}
