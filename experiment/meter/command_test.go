package meter

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"
)

// A meter that takes 10 W, ten times a second, and what else its program does.
const (
	tenWatts  = `n=0; while :; do n=$((n+1)); echo "$n J"; sleep 0.1; done`
	tenWattsW = `while :; do echo "10 W"; sleep 0.1; done`
)

// TestBursts opens meters that begin with old values from a buffer. Whatever a
// valid window says is what was taken.
func TestBursts(t *testing.T) {
	for name, script := range map[string]string{
		"joules, none":   strings.Replace(tenWatts, "n=0", "n=1000", 1),
		"joules":         `n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo "$n J"; done; sleep 0.07; ` + strings.Replace(tenWatts, "n=0;", "n=1000;", 1),
		"joules, one":    `echo "3 J"; sleep 0.03; ` + strings.Replace(tenWatts, "n=0;", "n=1000;", 1),
		"watts":          `n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo "900 W"; done; sleep 0.07; ` + tenWattsW,
		"watts, a pause": `n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo "900 W"; done; sleep 1; ` + tenWattsW,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := openCommand([]string{"sh", "-c", script}, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if p := s.Info().Domains[0].Period; p < 50*time.Millisecond || p > time.Second {
				t.Errorf("a value each %s, and it is one each 100 ms", p)
			}
			m := Watch(s, nil)
			defer m.Close()
			valid := 0
			for range 3 {
				w := windowOf(t, m, time.Second)
				if w.Invalid != "" {
					continue
				}
				valid++
				// The shell takes its time between values, and a busy machine more.
				if watts := w.Joules / w.Length; math.Abs(watts-10) > 4 {
					t.Errorf("%.3g W, and it takes 10 W", watts)
				}
			}
			if valid == 0 {
				t.Error("no window was valid")
			}
		})
	}
}

// TestBurstWithin: a program that keeps its values back for a while, and then
// gives all at once, makes the window none.
func TestBurstWithin(t *testing.T) {
	script := `n=0; while [ $n -lt 8 ]; do n=$((n+1)); echo "$n J"; sleep 0.1; done
sleep 1.5; while [ $n -lt 23 ]; do n=$((n+1)); echo "$n J"; done; while :; do n=$((n+1)); echo "$n J"; sleep 0.1; done`
	s, err := openCommand([]string{"sh", "-c", script}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	m := Watch(s, nil)
	defer m.Close()
	if w := windowOf(t, m, 2500*time.Millisecond); !strings.Contains(w.Invalid, "came in a burst after a silence") {
		t.Errorf("%.3g J, %q", w.Joules, w.Invalid)
	}
	if w := windowOf(t, m, time.Second); w.Invalid != "" {
		t.Errorf("after it: %s", w.Invalid)
	}
}

func windowOf(t *testing.T, m *Meter, length time.Duration) Window {
	t.Helper()
	from, err := m.Edge(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(length)
	to, err := m.Edge(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m.Window(from, to)
}
