package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

func TestSizes(t *testing.T) {
	tests := []struct {
		name   string
		inputs string // names and standard inputs
		want   string // the label and the sizes; empty: none
	}{
		{"numbers", "n=1:1 n=5:5 n=20:20", "n [1 5 20] n = 7"},
		{"other names", "small:1 medium:5 large:20", "input [1 5 20] an input of 7"},
		{"lengths", "a:x b:xxxx c:xxxxxxxxx", "input, bytes [1 4 9] 7 bytes"},
		{"a text among numbers", "a:10 b:x c:xxxxx", "input, bytes [2 1 5] 7 bytes"},
		{"two", "n=1:1 n=5:5", ""},
		{"three of the same size", "a:x b:y c:z", ""},
		{"a digest in the place of a long one", "a:x b:xx c:sha256:00,_5000_bytes", "input, bytes [1 2 5000] 7 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := experiment.Experiment{Functions: []experiment.Function{{Name: "other"}, {Name: "f"}}}
			var names []string
			for _, in := range strings.Fields(test.inputs) {
				name, stdin, _ := strings.Cut(in, ":")
				names = append(names, name)
				e.Functions[1].Inputs = append(e.Functions[1].Inputs, experiment.Input{Name: name, Stdin: strings.ReplaceAll(stdin, "_", " ")})
			}
			resolved, err := e.Resolved()
			if err != nil {
				t.Fatal(err)
			}
			s, got := sizesOf(&results.Run{Resolved: resolved}, "f"), ""
			if s != nil {
				var of []float64
				for _, n := range names {
					of = append(of, s.of[n])
				}
				got = fmt.Sprint(s.label(), " ", of, " ", s.at(7))
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	if s := sizesOf(&results.Run{Resolved: json.RawMessage("{")}, "f"); s != nil {
		t.Error("sizes out of nothing")
	}
}

// twoCurves are cells of two backends: a starts at once and is slower per
// unit of work, b starts late.
func twoCurves(seed uint64, at []float64, a, b func(float64) float64) (*sizes, []Cell) {
	rng := rand.New(rand.NewPCG(seed, 5))
	z := &sizes{of: map[string]float64{}, name: "n"}
	var cells []Cell
	for _, x := range at {
		in := fmt.Sprintf("n=%g", x)
		z.of[in] = x
		for name, f := range map[string]func(float64) float64{"wazero.a": a, "docker.b": b} {
			var xs []float64
			for range 30 {
				xs = append(xs, f(x)*math.Exp(0.05*rng.NormFloat64()))
			}
			cells = append(cells, Cell{
				Cell: experiment.Cell{Function: "f", Input: in, Backend: name, Start: experiment.Cold}, N: 30,
				Metrics: map[string]Metric{"total": metric(xs)}, samples: map[string][]float64{"total": xs},
			})
		}
	}
	return z, cells
}

// TestCrossover finds a crossing that is known, and none where there is none.
func TestCrossover(t *testing.T) {
	grow := func(start, unit float64) func(float64) float64 {
		return func(n float64) float64 { return start + unit*math.Pow(1.618, n) }
	}
	at := []float64{20, 24, 28, 30, 32, 34, 38}
	a, b := grow(60e6, 200), grow(360e6, 100)
	truth := math.Log(300e6/100) / math.Log(1.618) // 31.0
	k1, k2 := contender{"wazero.a", experiment.Cold}, contender{"docker.b", experiment.Cold}
	held := 0
	const seeds = 60
	for seed := range uint64(seeds) {
		z, cells := twoCurves(seed, at, a, b)
		c := z.crossover(cells, "total", k1, k2)
		if c == nil {
			t.Fatalf("seed %d: no crossover", seed)
		}
		if c.Above != k2 || math.Abs(c.At-truth) > 0.5 {
			t.Errorf("seed %d: %v ahead from %.2f on, want docker.b from %.2f on", seed, c.Above, c.At, truth)
		}
		if c.Low <= truth && truth <= c.High {
			held++
		}
		turned := z.crossover(cells, "total", k2, k1)
		if turned == nil || turned.Above != k2 || math.Abs(turned.At-c.At) > 0.02 {
			t.Errorf("seed %d: turned round it is %v, was %v", seed, turned, c)
		}
		if seed == 0 {
			got := z.sentence(c).String()
			if want := "From about n = 31 on, docker.b cold answers sooner than wazero.a cold [30, 32]."; got != want && !strings.Contains(got, "n = 32 on") {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	// The curves bend between sizes, so a little less than 95 % will do.
	if held < seeds*85/100 {
		t.Errorf("%d of %d intervals hold the truth", held, seeds)
	}
	for name, curves := range map[string][2]func(float64) float64{
		"parallel":        {grow(60e6, 200), grow(120e6, 400)},
		"the same":        {grow(60e6, 200), grow(60e6, 200)},
		"beyond the last": {grow(60e6, 200), grow(360e6, 199)},
		"twice": {
			func(n float64) float64 { return 100 * (1 + math.Abs(n-29)) },
			func(float64) float64 { return 500 },
		},
	} {
		z, cells := twoCurves(7, at, curves[0], curves[1])
		if c := z.crossover(cells, "total", k1, k2); c != nil {
			t.Errorf("%s: a crossover at %+v", name, c)
		}
	}
}

// TestCrossoverInWords looks for it in all that a run says.
func TestCrossoverInWords(t *testing.T) {
	grow := func(start, unit float64) func(float64) float64 {
		return func(n float64) float64 { return start + unit*math.Pow(1.618, n) }
	}
	at := []float64{20, 28, 32, 38}
	_, cells := twoCurves(1, at, grow(60e6, 200), grow(360e6, 100))
	var inputs []string
	s := &Summary{Cells: cells}
	for _, x := range at {
		inputs = append(inputs, fmt.Sprintf(`{"name": "n=%g", "stdin": "%g"}`, x, x))
	}
	for _, c := range cells {
		s.plan.Cells = append(s.plan.Cells, c.Cell)
	}
	s.run.Resolved = json.RawMessage(`{"functions": [{"name": "f", "inputs": [` + strings.Join(inputs, ",") + `]}]}`)
	s.Crossovers = crossovers(s)
	if len(s.Crossovers) != 1 {
		t.Fatalf("%d crossovers", len(s.Crossovers))
	}
	const words = "on, docker.b cold answers sooner than wazero.a cold ["
	var text, markdown strings.Builder
	if err := errors.Join(WriteText(&text, s), WriteMarkdown(&markdown, s)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), words) {
		t.Errorf("not in the text:\n%s", &text)
	}
	if !strings.Contains(markdown.String(), strings.NewReplacer("docker.b", "`docker.b`", "wazero.a", "`wazero.a`").Replace(words)) {
		t.Errorf("not in the Markdown:\n%s", &markdown)
	}
	b, err := json.Marshal(s.Crossovers[0])
	if err != nil || !strings.Contains(string(b), `"above":{"backend":"docker.b","start":"cold"}`) || !strings.Contains(string(b), words) {
		t.Errorf("%s, %v", b, err)
	}
	if page := newAnswers(s); len(page.Verdicts) != 1 || !strings.Contains(page.Verdicts[0].Sentence.String(), words) {
		t.Errorf("on the page: %+v", page.Verdicts)
	}
}
