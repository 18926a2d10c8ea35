package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

// failing makes every trial of some cells end in another way.
func failing(outcomes map[string]experiment.Outcome) func(*results.Trial) {
	return func(r *results.Trial) {
		if o := outcomes[r.Input+" "+r.Backend+" "+string(r.Start)]; o != "" {
			r.Outcome, r.Error = o, "it went wrong"
		}
	}
}

// TestFailedInputsStay: an input on which a side has no number is neither
// counted among those that the sentence speaks of nor left out in silence.
func TestFailedInputsStay(t *testing.T) {
	const cached, cold = "wazero.wasm cached", "docker.scratch cold"
	for _, tt := range []struct {
		name     string
		inputs   []string
		outcomes map[string]experiment.Outcome
		exclude  string // an input that the plan does not have on docker
		sentence []string
		basis    string
		states   string
	}{
		{
			name: "one side of three", inputs: []string{"n=0", "n=10", "n=20"},
			outcomes: map[string]experiment.Outcome{"n=20 " + cached: experiment.Failed},
			sentence: []string{"Wazero.wasm", " on 2 of 3 inputs; on n=20, wazero.wasm cached failed."},
			basis:    "the 95 % intervals of 2 inputs, n = 30 and 30; Mann–Whitney, p < 0.001 on each of the 2",
			states:   "differs differs failed",
		},
		{
			name: "the other side", inputs: []string{"n=0", "n=10", "n=20"},
			outcomes: map[string]experiment.Outcome{"n=10 " + cold: experiment.Timeout},
			sentence: []string{" on 2 of 3 inputs; on n=10, docker.scratch cold ran out of time."},
			states:   "differs failed differs",
		},
		{
			name: "both sides, and each for its own reason", inputs: []string{"n=0", "n=10", "n=20", "n=30"},
			outcomes: map[string]experiment.Outcome{
				"n=10 " + cold: experiment.OutOfMemory, "n=10 " + cached: experiment.WrongOutput,
				"n=20 " + cold: experiment.Failed, "n=30 " + cold: experiment.Failed,
			},
			sentence: []string{" on 1 of 4 inputs; on n=10, wazero.wasm cached gave wrong answers and docker.scratch cold ran out of memory; on n=20 and n=30, docker.scratch cold failed."},
			basis:    ", 95 % interval, n = 30 and 30; Mann–Whitney, p < 0.001",
			states:   "differs failed failed failed",
		},
		{
			name: "none is left", inputs: []string{"n=0", "n=10"},
			outcomes: map[string]experiment.Outcome{"n=0 " + cold: experiment.Failed, "n=10 " + cached: experiment.Failed},
			sentence: []string{"On n=0, docker.scratch cold failed; on n=10, wazero.wasm cached failed."},
			basis:    "no input on which both have a median startup",
			states:   "failed failed",
		},
		{
			name: "left out on one side", inputs: []string{"n=0", "n=10", "n=20"}, exclude: "n=20",
			sentence: []string{" on 2 of 3 inputs; on n=20, docker.scratch cold was left out."},
			states:   "differs differs failed",
		},
		{
			name: "all are well", inputs: []string{"n=0", "n=10"},
			sentence: []string{"] on both inputs."}, states: "differs differs",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := coldstart()
			x.inputs, x.change, x.exclude = tt.inputs, failing(tt.outcomes), tt.exclude
			f := x.write(t, t.TempDir())
			s, err := Summarise(f)
			if err != nil {
				t.Fatal(err)
			}
			first, other := cached, cold
			v := Verdict{}
			for _, w := range s.Verdicts { // whichever of the two is the quicker
				c := w.Comparisons[0]
				names := c.First.Backend + " " + string(c.First.Start) + "|" + c.Other.Backend + " " + string(c.Other.Start)
				if w.Metric == "startup" && (names == first+"|"+other || names == other+"|"+first) {
					v = w
				}
			}
			if v.Metric == "" {
				t.Fatalf("no verdict on %s and %s", first, other)
			}
			for _, want := range tt.sentence {
				if got := v.Sentence.String(); !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
					t.Errorf("%q is not in %q", want, got)
				}
			}
			if !strings.Contains(v.Basis, tt.basis) {
				t.Errorf("%q is not in %q", tt.basis, v.Basis)
			}
			var states []string
			for _, c := range v.Comparisons {
				states = append(states, string(c.State))
			}
			if got := strings.Join(states, " "); got != tt.states {
				t.Errorf("%s, want %s", got, tt.states)
			}
			everyFormatSays(t, f, s, v)
		})
	}
}

// everyFormatSays checks that the page, text, Markdown and JSON have the
// verdict's sentence, and the table on the page each of its inputs.
func everyFormatSays(t *testing.T, f *results.Folder, s *Summary, v Verdict) {
	t.Helper()
	var text, md bytes.Buffer
	if err := WriteText(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := WriteMarkdown(&md, s); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(v.Sentence)
	if err != nil {
		t.Fatal(err)
	}
	for format, has := range map[string]bool{
		"text":     strings.Contains(text.String(), v.Sentence.String()),
		"Markdown": strings.Contains(md.String(), mdSentence(v.Sentence)),
		"JSON":     bytes.Contains(asJSON, quoted),
	} {
		if !has {
			t.Errorf("the sentence is not in the %s", format)
		}
	}
	html := runHTML(t, f, false)
	for _, c := range v.Comparisons {
		if c.State == Failed && !strings.Contains(html, c.Why) {
			t.Errorf("the page's tables do not say %q", c.Why)
		}
	}
	table := comparisonTable(v)
	if len(v.Comparisons) > 1 && len(table.Rows) != len(v.Comparisons) {
		t.Errorf("%d rows of %d inputs", len(table.Rows), len(v.Comparisons))
	}
}

// TestWhatFailsIsNotTheQuickest: a start that fails on the large input is not
// taken for the quickest because only its small ones have medians.
func TestWhatFailsIsNotTheQuickest(t *testing.T) {
	x := coldstart()
	x.inputs = []string{"n=0", "n=30"}
	x.change = func(r *results.Trial) {
		if r.Input == "n=30" {
			slower(r, 1e5)
		}
		failing(map[string]experiment.Outcome{"n=30 wazero.wasm cached": experiment.Failed})(r)
	}
	s, err := Summarise(x.write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if first := s.Verdicts[0].Comparisons[0].First; first.Backend != "wazero.wasm" || first.Start != experiment.Prepared {
		t.Errorf("the quickest is %+v", first)
	}
}

// TestLostSizesAndPairs: what else speaks of several inputs says on how many.
func TestLostSizesAndPairs(t *testing.T) {
	z := &sizes{of: map[string]float64{"n=1": 1, "n=2": 2, "n=3": 3, "n=4": 4}, name: "n"}
	cell := func(input, backend string, n int) Cell {
		c := Cell{Cell: experiment.Cell{Function: "f", Input: input, Backend: backend, Start: experiment.Cold}, N: n, Outcomes: map[experiment.Outcome]int{experiment.Failed: 30 - n}}
		if n > 0 {
			c.Metrics = map[string]Metric{"total": {N: n, MedianNS: 1}}
		}
		return c
	}
	a, b := contender{"a.a", experiment.Cold}, contender{"b.b", experiment.Cold}
	cells := []Cell{cell("n=1", "a.a", 30), cell("n=1", "b.b", 30), cell("n=4", "a.a", 0), cell("n=4", "b.b", 30), cell("n=3", "a.a", 0), cell("n=3", "b.b", 0)}
	c := &Crossover{Metric: "total", Above: a, Below: b, At: 1.5, Low: 1, High: 2, Failed: z.lost(cells, "total", a, b)}
	if got := z.sentence(c).String(); !strings.HasSuffix(got, "[1, 2]; on n=4, a.a cold failed.") {
		t.Error(got)
	}
	cs := []Control{{Backend: "a.a", Copy: "a.a-control", Comparisons: []Comparison{{State: stats.Same}}, Alone: 2}}
	if got := controlCaveats(cs)[0].Text.String(); !strings.Contains(got, "2 cells are not among them: on one of the two no trial counts.") {
		t.Error(got)
	}
}
