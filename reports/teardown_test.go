package reports

import (
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// cellOf is a cell of known medians, in microseconds.
func cellOf(function, backend string, start experiment.Start, metrics, phases map[string]int64) Cell {
	c := Cell{Cell: experiment.Cell{Function: function, Input: "1", Backend: backend, Start: start}, N: 6, Metrics: map[string]Metric{}}
	for name, us := range metrics {
		c.Metrics[name] = Metric{N: 6, MedianNS: us * 1000}
	}
	for name, us := range phases {
		c.Phases = append(c.Phases, Phase{Name: name, N: 6, MedianNS: us * 1000})
	}
	return c
}

var kluften = experiment.Reference{
	As: map[string]string{"docker": "docker.*/cold", "wasm": "wazero.*/cached"},
	Figures: []experiment.Published{
		{Machine: "vm", Metric: "startup", Values: map[string]float64{"docker": 324.66e6, "wasm": 0.89e6}, Ratio: 365},
		{Machine: "vm", Metric: "thesis_runtime", Values: map[string]float64{"docker": 187.03e6, "wasm": 0.69e6}, Ratio: 271},
		{Machine: "pi", Metric: "thesis_runtime", Values: map[string]float64{"docker": 426.82e6, "wasm": 2.93e6}, Ratio: 146},
	},
}

func TestTeardown(t *testing.T) {
	s := &Summary{Cells: []Cell{
		cellOf("f", "docker.debian", "cold", map[string]int64{"thesis_runtime": 100_000, "runtime": 1000, "teardown": 98_000}, map[string]int64{"exit": 60_000, "remove": 38_000}),
		cellOf("g", "docker.debian", "cold", map[string]int64{"thesis_runtime": 300_000, "runtime": 3000, "teardown": 282_000}, map[string]int64{"exit": 120_000, "remove": 162_000}),
		cellOf("f", "wazero.wasm", "cached", map[string]int64{"thesis_runtime": 600, "runtime": 500, "teardown": 100}, nil),
		cellOf("g", "wazero.wasm", "cached", map[string]int64{"thesis_runtime": 1400, "runtime": 1100, "teardown": 300}, nil),
		// Of no account: what only one of the two ran, and other starts.
		cellOf("h", "docker.debian", "cold", map[string]int64{"thesis_runtime": 9_000_000, "runtime": 9_000_000, "teardown": 1}, nil),
		cellOf("f", "docker.debian", "prepared", map[string]int64{"thesis_runtime": 5, "runtime": 5, "teardown": 1}, nil),
	}}
	s.plan.Cells = make([]experiment.Cell, len(s.Cells))
	var got []string
	for _, x := range teardownIn(s, &kluften) {
		got = append(got, strings.ReplaceAll(x.String(), "\u00a0", " "))
	}
	want := []string{
		"Published, from the function's first instruction until nothing is left of it: docker takes 271 times (vm) and 146 times (pi) as long as wasm. " +
			"Here docker.debian cold takes 200.0 ms and wazero.wasm cached 1.000 ms, 200 times as long.",
		"Of 200.0 ms, 190.0 ms (95.0 %) are teardown, which begins when the answer is there: 90.00 ms until the container has exited, and 100.0 ms until it is removed. " +
			"Of 1.000 ms it is 200.0 µs. Teardown is 95.4 % of the difference between the two.",
		"Until the function has its answer the two take 2.000 ms and 800.0 µs, 2.50 times as long. Receiving the request is part of that; in a container it comes through the engine's stream.",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	means, n := hereAs(s, &kluften, []string{"docker", "wasm"})
	if n != 2 || ratioAs(kluften.Figures[1], []string{"docker", "wasm"}, means) != 200 {
		t.Errorf("%d pairs, %+v", n, means)
	}

	// Energy stands there where every cell's was measured, and only then.
	for i, j := range []float64{3, 3, 5, 5, 1, 2} {
		e := &CellEnergy{Status: stats.Measured, NetJ: &j}
		s.Cells[i].Energy = e
	}
	if means, _ := hereAs(s, &kluften, []string{"docker", "wasm"}); means[0].of["energy"] != 3 || means[1].of["energy"] != 5 {
		t.Errorf("energy %v and %v, want 3 and 5 J", means[0].of["energy"], means[1].of["energy"])
	}
	s.Cells[2].Energy.Status = stats.Estimated
	if means, _ := hereAs(s, &kluften, []string{"docker", "wasm"}); means[0].of["energy"] != 3 || means[1].of["energy"] != 0 {
		t.Errorf("energy %v and %v, want 3 J and none", means[0].of["energy"], means[1].of["energy"])
	}

	for name, change := range map[string]func(){
		"no teardown": func() { delete(s.Cells[0].Metrics, "teardown") },
		"no pair":     func() { s.Cells[2].Backend, s.Cells[3].Backend = "docker.debian", "docker.debian" },
	} {
		change()
		if got := teardownIn(s, &kluften); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
