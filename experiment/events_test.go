package experiment

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func stamps(ns map[Event]int64) Stamps {
	s := NewStamps()
	for e, n := range ns {
		s.Set(e, n)
	}
	return s
}

func TestPhases(t *testing.T) {
	tests := map[string]struct {
		at   map[Event]int64
		want map[string]int64
	}{
		"every event": {
			map[Event]int64{Requested: 100, Created: 110, Started: 130, Ready: 160, Done: 200, Responded: 250, Exited: 310, Removed: 380},
			map[string]int64{"create": 10, "launch": 20, "init": 30, "execute": 40, "respond": 50, "exit": 60, "remove": 70},
		},
		"an event that was not observed joins its phases": {
			map[Event]int64{Requested: 0, Created: 10, Ready: 60, Responded: 150, Exited: 210, Removed: 280},
			map[string]int64{"create": 10, "launch": 50, "execute": 90, "exit": 60, "remove": 70},
		},
		"an event that came after its successor is no edge": {
			map[Event]int64{Requested: 0, Created: 10, Started: 70, Ready: 60, Done: 100, Responded: 99, Exited: 210},
			map[string]int64{"create": 10, "launch": 50, "execute": 39, "exit": 111},
		},
		"a request that never got anywhere": {map[Event]int64{Requested: 0}, nil},
		"nothing":                           {nil, nil},
		"cut off before the answer": {
			map[Event]int64{Requested: 0, Created: 10, Removed: 90},
			map[string]int64{"create": 10, "launch": 80},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stamps(tt.at)
			var got map[string]int64
			for i, ns := range s.Phases() {
				if ns >= 0 {
					if got == nil {
						got = map[string]int64{}
					}
					got[Phases[i].Name] = ns
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMetric(t *testing.T) {
	full := map[Event]int64{Requested: 5, Created: 10, Started: 20, Ready: 30, Done: 70, Responded: 90, Exited: 95, Removed: 100}
	without := func(es ...Event) map[Event]int64 {
		m := map[Event]int64{}
		for e, ns := range full {
			m[e] = ns
		}
		for _, e := range es {
			delete(m, e)
		}
		return m
	}
	tests := map[string]struct {
		at   map[Event]int64
		want map[string]int64
	}{
		"all":            {full, map[string]int64{"startup": 25, "runtime": 40, "total": 85, "teardown": 10, "thesis_runtime": 70}},
		"without done":   {without(Done), map[string]int64{"startup": 25, "runtime": 60, "total": 85, "teardown": 10, "thesis_runtime": 70}},
		"without ready":  {without(Ready), map[string]int64{"total": 85, "teardown": 10}},
		"never answered": {without(Done, Responded, Exited), map[string]int64{"startup": 25, "thesis_runtime": 70}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stamps(tt.at)
			got := map[string]int64{}
			for _, m := range Metrics {
				if ns, ok := s.Metric(m); ok {
					got[m.Name] = ns
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestStampsJSON(t *testing.T) {
	s := stamps(map[Event]int64{Requested: 7, Ready: 9, Removed: 8}).Relative()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != `{"requested":0,"ready":2,"removed":1}` {
		t.Errorf("encoded as %s", b)
	}
	var back Stamps
	if err := json.Unmarshal(b, &back); err != nil || back != s {
		t.Errorf("decoded %v, %v", back, err)
	}
	for _, bad := range []string{`{"requested":0,"born":1}`, `{"ready":1.5}`, `[]`, `{"ready":"1"}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was decoded", bad)
		}
	}
}
