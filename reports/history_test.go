package reports

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// TestHistoriesNeverPool: nights of two machines, or of two settings, are
// lines of their own, and those that confirmed another are none.
func TestHistoriesNeverPool(t *testing.T) {
	var all []night
	add := func(host string, ms int64, vars map[string]string, confirming bool) {
		id := fmt.Sprintf("run %d", len(all))
		all = append(all, night{
			digest: &digest{Run: id, State: results.Complete, Started: began.AddDate(0, 0, len(all)), Cells: []digestCell{{
				Cell:    experiment.Cell{Function: "f", Input: "i", Backend: "wazero.w", Start: experiment.Cold},
				Medians: map[string]int64{"startup": ms * 1e6},
			}}},
			run:        &results.Run{ID: id, Host: results.Host{Name: host, CPU: "a", Cores: 2, OS: "debian, linux/amd64", Kernel: id}, Variables: vars},
			confirming: confirming,
		})
	}
	told := func() map[string][]float64 {
		out := map[string][]float64{}
		for _, h := range histories("x", all) {
			for _, s := range h.series {
				out[h.of] = append(out[h.of], s.values...)
			}
		}
		return out
	}
	compiler := map[string]string{"mode": "compiler", "n": "1"}
	for range 3 {
		add("bench", 10, compiler, false)
		add("bench", 20, compiler, true)
	}
	want := map[string][]float64{"": {10e6, 10e6, 10e6}}
	if d := cmp.Diff(want, told()); d != "" {
		t.Errorf("of one machine: %s", d)
	}

	add("laptop", 30, compiler, false)
	add("bench", 11, compiler, false)
	interpreter := maps.Clone(compiler)
	interpreter["mode"] = "interpreter"
	add("bench", 500, interpreter, false)
	want = map[string][]float64{
		"bench, a, 2 cores, linux/amd64, mode = compiler":    {10e6, 10e6, 10e6, 11e6},
		"laptop, a, 2 cores, linux/amd64, mode = compiler":   {30e6},
		"bench, a, 2 cores, linux/amd64, mode = interpreter": {500e6},
	}
	if d := cmp.Diff(want, told()); d != "" {
		t.Errorf("of two machines and settings: %s", d)
	}
	if hs := histories("x", all); hs[0].of != "bench, a, 2 cores, linux/amd64, mode = interpreter" || hs[len(hs)-1].of[:6] != "laptop" {
		t.Errorf("the newest does not come first: %s", hs[0].of)
	}
}
