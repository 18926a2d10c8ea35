package reports

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
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

	// An experiment that has had its variables for a night only.
	all = nil
	add("bench", 10, nil, false)
	add("bench", 20, map[string]string{"n": "1"}, false)
	if d := cmp.Diff(map[string][]float64{"without n": {10e6}, "n = 1": {20e6}}, told()); d != "" {
		t.Errorf("of a new variable: %s", d)
	}
}

// Where the newest run can't be read, the index has the verdict of the newest
// that can be, and does not say that there was nothing to compare.
func TestVerdictOfTheNewestThatCanBeRead(t *testing.T) {
	old, spoilt := twoRuns(t, func(_, b *fixture) {
		id := b.run
		b.run = func(r *results.Run) { id(r); r.Started = r.Started.AddDate(0, 0, 1) }
	})
	if err := os.WriteFile(filepath.Join(spoilt.Dir, results.TrialsFile), []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Dir(filepath.Dir(filepath.Dir(old.Dir)))
	if err := WriteIndex(out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(out, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	for want, is := range map[string]bool{"times sooner than": true, "trials.jsonl:1: not a trial record": true, "nothing to compare": false} {
		if strings.Contains(string(b), want) != is {
			t.Errorf("whether the index says %q: %v", want, !is)
		}
	}
}
