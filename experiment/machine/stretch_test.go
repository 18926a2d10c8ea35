package machine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
)

func TestBetween(t *testing.T) {
	at := func(text string, throttled string) Counters {
		return tree{
			"/proc/stat": "cpu " + text, "/proc/vmstat": "pswpin 5\npswpout 1",
			"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": throttled,
		}.machine(t).Counters()
	}
	a, b := at("100 0 0 100 0 0 0 0 0 0", "3"), at("190 0 0 190 0 0 0 20 0 0", "5")
	share := func(x float64) *float64 { return &x }
	count := func(n int64) *int64 { return &n }
	for _, tt := range []struct {
		name   string
		a, b   Counters
		others time.Duration
		want   Stretch
	}{
		{"all", a, b, 500 * time.Millisecond, Stretch{Others: share(0.25), Stolen: share(0.1), Throttled: count(2), Swapped: count(0)}},
		{"more than there is", a, b, time.Hour, Stretch{Others: share(1), Stolen: share(0.1), Throttled: count(2), Swapped: count(0)}},
		{"others are not known", a, b, -1, Stretch{Stolen: share(0.1), Throttled: count(2), Swapped: count(0)}},
		{"a processor that went", b, a, -1, Stretch{Throttled: count(0), Swapped: count(0)}},
		{"nothing is shown", Counters{}, Counters{}, time.Second, Stretch{}},
	} {
		if d := cmp.Diff(tt.want, Between(tt.a, tt.b, tt.others)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// TestWithin: few disturbed blocks are noted, more of them disturb the run,
// and what a run's mean hides its blocks tell.
func TestWithin(t *testing.T) {
	stretches := func(n, bad int, others, stolen float64) (ss []Stretch) {
		calm := 0.002
		for i := range n {
			s := Stretch{Blocks: 2, Others: &calm, Stolen: &calm}
			if i < bad {
				s.Others, s.Stolen = &others, &stolen
			}
			ss = append(ss, s)
		}
		return ss
	}
	mean := func(s experiment.Severity) []experiment.Finding {
		return []experiment.Finding{{Check: experiment.StolenTime, Severity: s, Found: "the hypervisor took 0.7 % of the processors' time"}}
	}
	type said struct {
		Check, Severity, Found string
	}
	for _, tt := range []struct {
		name   string
		during []experiment.Finding
		ss     []Stretch
		want   []said
	}{
		{"quiet", mean(experiment.Fine), stretches(20, 0, 0, 0), []said{
			{"load", "fine", "others kept the processors at most 0.2 % busy"},
			{"stolen time", "fine", "the hypervisor took 0.7 % of the processors' time"},
		}},
		{"few", mean(experiment.Fine), stretches(20, 2, 0.57, 0.04), []said{
			{"load", "noted", "others kept the processors at most 57 % busy, and more than 10 % in 4 of 40 blocks"},
			{"stolen time", "noted", "the hypervisor took 0.7 % of the processors' time; at most 4.0 %, and more than 1 % in 4 of 40 blocks"},
		}},
		{"more", mean(experiment.Fine), stretches(20, 3, 0.57, 0.04), []said{
			{"load", "disturbing", "others kept the processors at most 57 % busy, and more than 10 % in 6 of 40 blocks"},
			{"stolen time", "disturbing", "the hypervisor took 0.7 % of the processors' time; at most 4.0 %, and more than 1 % in 6 of 40 blocks"},
		}},
		{"few, and yet disturbing in all", mean(experiment.Disturbing), stretches(20, 1, 0, 0.9), []said{
			{"load", "fine", "others kept the processors at most 0.2 % busy"},
			{"stolen time", "disturbing", "the hypervisor took 0.7 % of the processors' time; at most 90 %, and more than 1 % in 2 of 40 blocks"},
		}},
		{"no stretch", mean(experiment.Fine), nil, []said{{"stolen time", "fine", "the hypervisor took 0.7 % of the processors' time"}}},
	} {
		var got []said
		for _, f := range Within(tt.during, tt.ss, "blocks") {
			got = append(got, said{f.Check, string(f.Severity), f.Found})
			if (f.Why == "" || f.Remedy == "") && f.Severity != experiment.Fine && tt.during[0].Severity == experiment.Fine {
				t.Errorf("%s: no reason or remedy: %+v", tt.name, f)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}
