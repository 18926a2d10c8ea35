package runner

import (
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment/results"
)

// Every session counts, also those that were killed: each until its last
// request.
func TestSpent(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	ended := at(250)
	sessions := []results.Session{
		{Started: at(0)},                  // killed, last seen at 40
		{Started: at(100)},                // killed before its first trial
		{Started: at(200), Ended: &ended}, // stopped in good order
		{Started: at(1000)},               // killed, last seen at 1007
	}
	requests := []time.Time{at(10), at(40), at(210), at(1003), at(1007)}
	if got := spent(sessions, requests); got != 97*time.Second {
		t.Errorf("spent %s, want 40 s + 0 s + 50 s + 7 s", got)
	}
	if got := spent(nil, nil); got != 0 {
		t.Errorf("nothing spent %s", got)
	}
}
