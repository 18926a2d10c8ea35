package results

import (
	"os"
	"testing"
)

// TestKilledRunIsToldFromOneThatGoesOn: who holds a run's records writes it; a
// run that nobody holds, and that says it is running, was killed.
func TestKilledRunIsToldFromOneThatGoesOn(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name, host string
		state      State
		held, want bool
	}{
		{"killed", host, Running, false, true},
		{"going on", host, Running, true, false},
		{"of another machine", "not-" + host, Running, false, false},
		{"complete", host, Complete, false, false},
		{"interrupted", host, Interrupted, false, false},
	} {
		dir := t.TempDir() + "/r"
		w := write(t, dir, 2)
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		f.Run.Host.Name, f.Run.State = tt.host, tt.state
		if err := w.Update(&f.Run); err != nil {
			t.Fatal(err)
		}
		if !tt.held {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if f, err = Open(dir); err != nil {
			t.Fatal(err)
		}
		if got := f.Killed(); got != tt.want {
			t.Errorf("%s: killed is %t", tt.name, got)
		}
		if tt.held {
			w.Close()
		}
		again, err := Resume(dir) // who looked holds nothing
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		again.Close()
	}
}
