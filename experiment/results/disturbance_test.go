package results

import (
	"slices"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

// TestEverySessionTellsItsDisturbance: a resumed run is as disturbed as the
// worst of its sessions, whichever that was.
func TestEverySessionTellsItsDisturbance(t *testing.T) {
	load := func(s experiment.Severity, found string) []experiment.Finding {
		return []experiment.Finding{{Check: experiment.Load, Severity: s, Found: found}}
	}
	little, much := load(experiment.Disturbing, "58 %"), load(experiment.Disturbing, "100 %")
	tests := []struct {
		name     string
		sessions []Session
		want     string
	}{
		{"one", []Session{{During: little}}, "58 %"},
		{"the first", []Session{{During: little}, {}}, "58 %"},
		{"the second", []Session{{}, {During: much}}, "100 %"},
		{"both", []Session{{During: little}, {During: much}}, "session 1: 58 %; session 2: 100 %"},
		{"both the same", []Session{{During: much}, {During: much}}, "100 %"},
		{"within before what stood before", []Session{{Before: little, During: much}}, "100 %"},
		{"before the first, within the last", []Session{{Before: little}, {}, {During: much}}, "session 1: 58 %; session 3: 100 %"},
		{"noted, then disturbing", []Session{{During: load(experiment.Noted, "12 %")}, {During: much}}, "100 %"},
		{"nothing at all", []Session{{During: load(experiment.Fine, "1 %")}}, ""},
	}
	for _, tt := range tests {
		var want []Disturbance
		if tt.want != "" {
			want = []Disturbance{{experiment.Load, tt.want}}
		}
		r := &Run{Sessions: tt.sessions}
		if got := r.Disturbances(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", tt.name, got, want)
		}
		for _, f := range r.Findings(experiment.Finding.MayExplain) {
			if f.Found != tt.want {
				t.Errorf("%s: may explain: %q, not %q", tt.name, f.Found, tt.want)
			}
		}
	}
}
