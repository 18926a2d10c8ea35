package reports

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// thesis is the coldstart run with the thesis's figures beside it.
func thesis() fixture {
	x := coldstart()
	x.run = func(r *results.Run) {
		var resolved map[string]any
		if err := json.Unmarshal(r.Resolved, &resolved); err != nil {
			panic(err)
		}
		resolved["References"] = []experiment.Reference{{
			Name: "kluften2024", Source: "M. N. Kluften 2024, table 1", Definition: "arithmetic means of all inputs", File: "x.json",
			As: map[string]string{"docker": "docker.*/cold", "wasm": "wazero.*/cached"},
			Figures: []experiment.Published{
				{Machine: "vm", Metric: "startup", Values: map[string]float64{"docker": 324.66e6, "wasm": 0.89e6}, Ratio: 365},
				{Machine: "vm", Metric: "thesis_runtime", Values: map[string]float64{"docker": 187.03e6, "wasm": 0.69e6}, Ratio: 271},
				{Machine: "pi", Metric: "startup", Values: map[string]float64{"docker": 692.36e6, "wasm": 3.19e6}, Ratio: 217},
				{Machine: "pi", Metric: "energy", Values: map[string]float64{"docker": 4.23, "wasm": 0.0214}},
			},
		}}
		r.Resolved, _ = json.Marshal(resolved)
	}
	return x
}

// TestPublished holds published figures apart from ours: beside them, and in
// no number of ours.
func TestPublished(t *testing.T) {
	f := thesis().write(t, t.TempDir())
	page := runHTML(t, f, false)
	_, section, ok := strings.Cut(page, "What others published")
	if !ok {
		t.Fatal("the page has no published figures")
	}
	section, _, _ = strings.Cut(section, "What this run cannot tell")
	for _, want := range []string{
		"M. N. Kluften 2024, table 1", "arithmetic means of all inputs", "beside <bdi>docker.*/cold</bdi> of this run",
		"324.7\u00a0ms", "890.0\u00a0µs", ">365<", "4.23 J", "docker, here", "\u00a0ms to 36", "ratio, here", "the medians of 4 pairs", "Teardown is <span",
	} {
		if !strings.Contains(section, want) {
			t.Errorf("the section lacks %q", want)
		}
	}
	with, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	without, err := Summarise(coldstart().write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(with)
	b, _ := json.Marshal(without)
	if string(a) != string(b) {
		t.Error("published figures have changed what the run says")
	}
}
