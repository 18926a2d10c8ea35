package backends

import (
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

// ticking is a clock that advances by 10 on each read.
func ticking() func() int64 {
	now := int64(0)
	return func() int64 {
		now += 10
		return now
	}
}

func TestMarkers(t *testing.T) {
	const none = -1
	long := strings.Repeat("x", 2*maxLine) + "\n"
	tests := map[string]struct {
		writes      []string // the nth arrives at 10 + 10n
		ready, done int64
		source      ReadySource
		rest        string
	}{
		"both":                     {[]string{"nebula:ready\n", "nebula:done\n"}, 20, 30, ReadyMarker, ""},
		"in one write":             {[]string{"nebula:ready\nnebula:done\n"}, 20, 20, ReadyMarker, ""},
		"in pieces":                {[]string{"neb", "ula:ready", "\n"}, 40, none, ReadyMarker, ""},
		"stamped":                  {[]string{"nebula:ready 15\n", "nebula:done 22\n"}, 15, 22, ReadyStamp, ""},
		"a stamp from the past":    {[]string{"nebula:ready 9\n"}, 20, none, ReadyMarker, ""},
		"a stamp from the future":  {[]string{"nebula:ready 21\n"}, 20, none, ReadyMarker, ""},
		"a stamp that is none":     {[]string{"nebula:ready soon\n"}, none, none, "", "nebula:ready soon\n"},
		"only the first counts":    {[]string{"nebula:ready\n", "nebula:ready\n", "nebula:done\n", "nebula:done\n"}, 20, 40, ReadyMarker, ""},
		"among other lines":        {[]string{"hello\nnebula:ready\nworld"}, 20, none, ReadyMarker, "hello\nworld"},
		"inside a line":            {[]string{"x nebula:ready\n nebula:ready\n"}, none, none, "", "x nebula:ready\n nebula:ready\n"},
		"without its newline":      {[]string{"nebula:ready"}, none, none, "", "nebula:ready"},
		"after a long line":        {[]string{long + "nebula:ready\n"}, 20, none, ReadyMarker, long},
		"a long line in pieces":    {[]string{long[:maxLine], long[maxLine:], "nebula:ready\n"}, 40, none, ReadyMarker, long},
		"a marker's name extended": {[]string{"nebula:readyish\n"}, none, none, "", "nebula:readyish\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			line := NewTimeline(ticking())
			line.Mark(experiment.Requested)
			s := NewStderr(line)
			for _, w := range tt.writes {
				if n, err := s.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatal(n, err)
				}
			}
			at, source := line.Stamps()
			for e, want := range map[experiment.Event]int64{experiment.Ready: tt.ready, experiment.Done: tt.done} {
				got, ok := at.Get(e)
				if !ok {
					got = none
				}
				if got != want {
					t.Errorf("%s at %d, want %d", e, got, want)
				}
			}
			if source != tt.source {
				t.Errorf("ready from %q, want %q", source, tt.source)
			}
			if got := string(s.Rest()); got != tt.rest {
				t.Errorf("rest %q, want %q", got, tt.rest)
			}
		})
	}
}

func TestStderrKeepsTheEnd(t *testing.T) {
	s := NewStderr(NewTimeline(ticking()))
	for range 10_000 {
		s.Write([]byte("a line of text\n"))
	}
	s.Write([]byte("the end"))
	rest := string(s.Rest())
	if len(rest) > MaxStderr || !strings.HasSuffix(rest, "a line of text\nthe end") {
		t.Errorf("%d bytes that end with %q", len(rest), rest[max(0, len(rest)-30):])
	}
}

func FuzzStderr(f *testing.F) {
	for _, s := range []string{"nebula:ready\n", "nebula:ready 12\nnebula:done 30\n", strings.Repeat("y", 600), "\n\n"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		one, two := NewTimeline(ticking()), NewTimeline(ticking())
		whole, pieces := NewStderr(one), NewStderr(two)
		whole.Arrived([]byte(text), 50)
		for rest := []byte(text); len(rest) > 0; {
			n := min(len(rest), 1+abs(cut)%97)
			pieces.Arrived(rest[:n], 50)
			rest = rest[n:]
		}
		a, as := one.Stamps()
		b, bs := two.Stamps()
		if a != b || as != bs {
			t.Errorf("what was marked depends on how the bytes arrived")
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func TestMarkStarted(t *testing.T) {
	line := NewTimeline(ticking())
	line.Mark(experiment.Requested)
	line.Announce(experiment.Ready, 50)
	line.MarkStarted(60)
	at, source := line.Stamps()
	if _, ok := at.Get(experiment.Started); ok {
		t.Error("a start call that returned after ready was marked")
	}
	if ready, _ := at.Get(experiment.Ready); ready != 50 || source != ReadyMarker {
		t.Errorf("ready at %d from %q", ready, source)
	}

	line = NewTimeline(ticking())
	line.Mark(experiment.Requested)
	line.MarkStarted(60)
	at, source = line.Stamps()
	if ready, _ := at.Get(experiment.Ready); ready != 60 || source != ReadyStarted {
		t.Errorf("without a marker, ready at %d from %q", ready, source)
	}

	// The call returned before the function's word arrived, and yet after it.
	line = NewTimeline(ticking())
	line.MarkAt(experiment.Requested, 10)
	line.MarkStarted(60)
	line.AnnounceStamped(experiment.Ready, 70, 50)
	at, source = line.Stamps()
	if _, ok := at.Get(experiment.Started); ok || source != ReadyStamp {
		t.Errorf("started stands after ready: %v from %q", at, source)
	}
}

func TestMarkResponded(t *testing.T) {
	tests := map[string]struct {
		mark func(*Timeline)
		any  bool
		want int64
		ok   bool
	}{
		"an answer":                    {func(*Timeline) {}, true, 99, true},
		"no answer, but done":          {func(l *Timeline) { l.MarkAt(experiment.Done, 70); l.MarkAt(experiment.Exited, 80) }, false, 70, true},
		"no answer and no done":        {func(l *Timeline) { l.MarkAt(experiment.Exited, 80) }, false, 80, true},
		"no answer, and it never ends": {func(*Timeline) {}, false, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			line := NewTimeline(ticking())
			tt.mark(line)
			line.MarkResponded(99, tt.any)
			at, _ := line.Stamps()
			if got, ok := at.Get(experiment.Responded); ok != tt.ok || ok && got != tt.want {
				t.Errorf("responded at %d, %v", got, ok)
			}
		})
	}
}

// A start call that returns after the answer has come says nothing about when
// the function was ready: startup is absent, and not longer than the total.
func TestStartedAfterTheAnswer(t *testing.T) {
	for _, started := range []int64{90, 110} {
		line := NewTimeline(func() int64 { return 0 })
		line.MarkAt(experiment.Requested, 10)
		line.MarkStarted(started)
		line.MarkAt(experiment.Exited, 120)
		line.MarkResponded(100, true) // known only when the stream has ended
		stamps, source := line.Stamps()
		ready, ok := stamps.Get(experiment.Ready)
		if want := started < 100; ok != want || want && (ready != started || source != ReadyStarted) {
			t.Errorf("started at %d, answered at 100: ready at %d %v, from %q", started, ready, ok, source)
		}
	}
}
