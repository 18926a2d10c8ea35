package runner

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// TestBetweenBlocks: the machine is looked at between blocks and after the
// last one, never while a trial runs; where there are no blocks, between any
// two trials.
func TestBetweenBlocks(t *testing.T) {
	for order, want := range map[experiment.Order][]int{
		experiment.Interleaved: {1, 2, 3, 4},
		experiment.Shuffled:    {1, 2, 3, 4},
		experiment.Sequential:  {0, 0, 0, 0, 0, 0, 0},
	} {
		f := &fake{}
		running := false
		f.invoke = func(ctx context.Context, r backends.Request, line *backends.Timeline) (backends.Response, error) {
			running = true
			defer func() { running = false }()
			return answer("55")(ctx, r, line)
		}
		x := experimentOn(f)
		x.Run.Order = order
		e, p := open(t, x)
		var got []int
		r := Runner{
			Plan: p, Engines: e, Record: func(*results.Trial) error { return nil },
			Between: func(block int) error {
				if running || f.started != f.closed {
					t.Errorf("%s: looked at while a trial ran", order)
				}
				got = append(got, block)
				return nil
			},
		}
		if err := r.Run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", order, got, want)
		}
	}
}

// TestBetweenFails: what can't be written ends the run.
func TestBetweenFails(t *testing.T) {
	f := &fake{invoke: answer("55")}
	e, p := open(t, experimentOn(f))
	full := errors.New("the disk is full")
	r := Runner{Plan: p, Engines: e, Record: func(*results.Trial) error { return nil }, Between: func(int) error { return full }}
	if err := r.Run(t.Context(), t.Context()); !errors.Is(err, full) || f.started > 0 {
		t.Errorf("%v, after %d trials", err, f.started)
	}
}
