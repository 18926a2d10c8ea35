package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func example() *Experiment {
	return &Experiment{
		Name: "example",
		Functions: []Function{
			{Name: "fib", Source: "fib", Inputs: []Input{{Name: "n=1"}, {Name: "n=2"}}},
			{Name: "noop", Source: "noop", Inputs: []Input{{Name: "default"}}},
		},
		Backends: []Backend{
			{Type: "wazero", Label: "wasm"},
			{Type: "docker", Label: "scratch", Starts: []Start{Cold, Cached}},
		},
		Run: Run{Repetitions: 3, Warmup: 1, Order: Shuffled, Seed: 1, Timeout: time.Second},
	}
}

func lacksSome(_ Function, b Backend, s Start) Lack {
	if s == Warm || b.Type == "docker" && s == Cached {
		return Lack{Reason: "not here"}
	}
	return Lack{}
}

func mustPlan(t testing.TB, x *Experiment, only ...string) *Plan {
	t.Helper()
	p, err := NewPlan(x, only, lacksSome)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(p *Plan) []string {
	var out []string
	for _, c := range p.Cells {
		out = append(out, c.String())
	}
	return out
}

func TestPlanCells(t *testing.T) {
	all := []string{
		"fib/n=1/wazero.wasm/cold", "fib/n=2/wazero.wasm/cold",
		"fib/n=1/wazero.wasm/cached", "fib/n=2/wazero.wasm/cached",
		"fib/n=1/wazero.wasm/prepared", "fib/n=2/wazero.wasm/prepared",
		"fib/n=1/docker.scratch/cold", "fib/n=2/docker.scratch/cold",
		"noop/default/wazero.wasm/cold", "noop/default/wazero.wasm/cached", "noop/default/wazero.wasm/prepared",
		"noop/default/docker.scratch/cold",
	}
	without := func(drop ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(c string) bool {
			return slices.ContainsFunc(drop, func(d string) bool { return strings.Contains(c, d) })
		})
	}
	tests := map[string]struct {
		matrix Matrix
		only   []string
		want   []string
	}{
		"everything with everything": {want: all},
		"exclude": {matrix: Matrix{Exclude: []Rule{{Function: []string{"noop"}, Backend: []string{"docker.*"}}}},
			want: without("noop/default/docker")},
		"include": {matrix: Matrix{Include: []Rule{{Start: []string{"cold"}}}}, want: without("cached", "prepared")},
		"include, then exclude": {matrix: Matrix{Include: []Rule{{Start: []string{"cold"}}}, Exclude: []Rule{{Input: []string{"n=*"}}}},
			want: without("cached", "prepared", "n=")},
		"only": {only: []string{"fib/*/wazero.*/cold", "noop/*"}, want: []string{
			"fib/n=1/wazero.wasm/cold", "fib/n=2/wazero.wasm/cold",
			"noop/default/wazero.wasm/cold", "noop/default/wazero.wasm/cached", "noop/default/wazero.wasm/prepared",
			"noop/default/docker.scratch/cold",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := example()
			x.Matrix = tt.matrix
			p := mustPlan(t, x, tt.only...)
			if d := cmp.Diff(tt.want, names(p)); d != "" {
				t.Error(d)
			}
			left := 0
			for _, l := range p.LeftOut {
				if l.Reason == "" {
					t.Errorf("left out without a reason: %+v", l)
				}
				left += l.Cells
			}
			// Three inputs; wazero has three starts, two were asked of docker.
			if want := 3*(3+2) - len(tt.want); left != want {
				t.Errorf("%d cells are left out, want %d", left, want)
			}
		})
	}
}

func TestPlanSaysWhoLeftOut(t *testing.T) {
	x := example()
	x.Matrix.Exclude = []Rule{{Function: []string{"noop"}, Where: "x.hcl:7"}}
	p := mustPlan(t, x)
	want := []LeftOut{
		{"fib", "docker.scratch", Cached, 2, "not here", false, false, true, false},
		{"noop", "wazero.wasm", Cold, 1, "excluded at x.hcl:7", true, false, false, false},
		{"noop", "wazero.wasm", Cached, 1, "excluded at x.hcl:7", true, false, false, false},
		{"noop", "wazero.wasm", Prepared, 1, "excluded at x.hcl:7", true, false, false, false},
		{"noop", "docker.scratch", Cold, 1, "excluded at x.hcl:7", true, false, false, false},
		{"noop", "docker.scratch", Cached, 1, "excluded at x.hcl:7", true, false, false, false},
	}
	if d := cmp.Diff(want, p.LeftOut); d != "" {
		t.Error(d)
	}
}

// A start that was not asked for by name is missed where only this machine
// can't do it.
func TestPlanMissesWhatTheMachineLacks(t *testing.T) {
	p, err := NewPlan(example(), []string{"noop/*"}, func(f Function, b Backend, s Start) Lack {
		if l := lacksSome(f, b, s); l.Reason != "" || b.Type == "docker" {
			return l
		}
		return Lack{Reason: "no compiler", Machine: true}
	})
	if err != nil {
		t.Fatal(err)
	}
	var starts []Start
	for _, l := range p.LeftOut {
		if l.Reason == "no compiler" && !l.Chosen {
			starts = append(starts, l.Start)
		}
	}
	if d := cmp.Diff([]Start{Cold, Cached, Prepared}, starts); d != "" {
		t.Error(d)
	}
}

func TestPlanOrder(t *testing.T) {
	for _, order := range Orders {
		t.Run(string(order), func(t *testing.T) {
			x := example()
			x.Run.Order = order
			p := mustPlan(t, x)
			trials := slices.Collect(p.Trials())
			if len(trials) != p.Len() || p.Len() != len(p.Cells)*4 {
				t.Fatalf("%d trials, Len %d", len(trials), p.Len())
			}
			perBlock := map[[2]int]int{}
			sorted := true
			for i, tr := range trials {
				if tr.Trial != i+1 {
					t.Errorf("trial %d is called %d", i+1, tr.Trial)
				}
				if tr.Warmup != (tr.Block == 1) {
					t.Errorf("block %d: warm-up %v", tr.Block, tr.Warmup)
				}
				perBlock[[2]int{tr.Block, tr.Cell}]++
				sorted = sorted && (i == 0 || trials[i-1].Block != tr.Block || trials[i-1].Cell < tr.Cell)
			}
			if len(perBlock) != p.Len() {
				t.Errorf("some cell is not in every block exactly once")
			}
			if order == Interleaved && !sorted {
				t.Error("blocks are not in the file's order")
			}
			if order == Shuffled && sorted {
				t.Error("blocks are not shuffled")
			}
			if order == Sequential && trials[3].Cell != 0 {
				t.Error("the first cell's trials do not come first")
			}
		})
	}
}

// The plan of a published run must be the plan of tomorrow's Nebula too, so
// the order is fixed here to the letter.
func TestPlanOrderIsForEver(t *testing.T) {
	order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	shuffle(order, 1, 0)
	if d := cmp.Diff([]int{7, 6, 1, 3, 2, 4, 8, 9, 0, 5}, order); d != "" {
		t.Error(d)
	}
}

func TestPlanIsDeterministic(t *testing.T) {
	encode := func(x *Experiment) string {
		var b bytes.Buffer
		if err := mustPlan(t, x).WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	one := encode(example())
	if encode(example()) != one {
		t.Error("the same experiment gave two plans")
	}
	var decoded struct {
		Plan
		Trials []Trial `json:"trials"`
	}
	if err := json.Unmarshal([]byte(one), &decoded); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(slices.Collect(decoded.Plan.Trials()), decoded.Trials); d != "" {
		t.Errorf("the written trials are not the plan's: %s", d)
	}
	changes := map[string]func(*Experiment){
		"seed":        func(x *Experiment) { x.Run.Seed++ },
		"repetitions": func(x *Experiment) { x.Run.Repetitions++ },
		"stdin":       func(x *Experiment) { x.Functions[0].Inputs[0].Stdin = "1" },
		"expect":      func(x *Experiment) { x.Functions[0].Inputs[0].Expect = ExpectText("1") },
		"options":     func(x *Experiment) { x.Backends[0].Options = struct{ Mode string }{"interpreter"} },
		"timeout":     func(x *Experiment) { x.Run.Timeout++ },
		"pause":       func(x *Experiment) { x.Run.Pause++ },
		"until":       func(x *Experiment) { x.Run.Until = &Until{RelativeError: 0.02} },
		"expectation": func(x *Experiment) { x.Functions[0].Inputs[0].Expect = &Expect{Regex: "x"} },
	}
	for name, change := range changes {
		x := example()
		change(x)
		if mustPlan(t, x).Hash == mustPlan(t, example()).Hash {
			t.Errorf("another %s, and the hash is the same", name)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"", "", true}, {"", "a", false},
		{"*", "", true}, {"*", "a/b\nc", true}, {"a*", "abc", true}, {"a*", "ba", false},
		{"*c", "abc", true}, {"*c", "cb", false}, {"a*c", "ac", true}, {"a*a", "a", false},
		{"a*b*c", "a.b.b.c", true}, {"a*b*c", "acb", false}, {"**", "x", true}, {"a.c", "abc", false},
		{"*ab*ab", "ab", false}, {"*ab*ab", "abab", true},
	}
	for _, tt := range tests {
		if got := Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	s := ExpectText
	sum := func(s string) *Expect { return &Expect{SHA256: s} }
	tests := []struct {
		expect *Expect
		answer string
		want   bool
	}{
		{nil, "anything", true}, {s("55"), "55", true}, {s("55"), "55\n", true}, {s("55\n"), "55", true},
		{s("55"), "55\n\n", false}, {s("55"), " 55", false}, {s(""), "", true}, {s(""), "x", false},
		{&Expect{Regex: "^[0-9]+$"}, "55", true}, {&Expect{Regex: "^[0-9]+$"}, "5x", false}, {&Expect{Regex: "("}, "(", false},
		{sum("02d20bbd7e394ad5999a4cebabac9619732c343a4cac99470c03e23ba2bdc2bc"), "55", true},
		{sum("02d20bbd7e394ad5999a4cebabac9619732c343a4cac99470c03e23ba2bdc2bc"), "55\n", false},
	}
	for _, tt := range tests {
		if got := (Input{Expect: tt.expect}).Answers([]byte(tt.answer)); got != tt.want {
			t.Errorf("answer %q: %v", tt.answer, got)
		}
	}
}

// BenchmarkPlan100k shows what a plan of 100,000 cells costs, written out.
func BenchmarkPlan100k(b *testing.B) {
	x := example()
	x.Run.Repetitions, x.Run.Warmup = 1, 0
	x.Functions = nil
	for f := range 100 {
		fn := Function{Name: fmt.Sprintf("f%d", f)}
		for i := range 250 {
			fn.Inputs = append(fn.Inputs, Input{Name: fmt.Sprintf("n=%d", i), Stdin: fmt.Sprint(i)})
		}
		x.Functions = append(x.Functions, fn)
	}
	x.Backends[1].Starts = []Start{Cold}
	b.ReportAllocs()
	for b.Loop() {
		p := mustPlan(b, x)
		if len(p.Cells) != 100_000 {
			b.Fatal(len(p.Cells))
		}
		if err := p.WriteJSON(nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// Energy windows come in blocks of every cell, in an order of their own.
func TestEnergyWindows(t *testing.T) {
	p := &Plan{Seed: 1, Order: Shuffled, Repetitions: 1, Cells: make([]Cell, 20)}
	for range p.EnergyWindows() {
		t.Fatal("windows that nobody asked for")
	}
	e := DefaultEnergy()
	p.Energy = &e
	ws := slices.Collect(p.EnergyWindows())
	if len(ws) != 5*20 || !slices.Equal(ws, slices.Collect(p.EnergyWindows())) {
		t.Fatalf("%d windows, or others the second time", len(ws))
	}
	var orders [][]int
	for block := range 5 {
		var order []int
		for i, w := range ws[block*20 : (block+1)*20] {
			if w.Window != block*20+i+1 || w.Block != block+1 {
				t.Errorf("window %+v at %d", w, block*20+i)
			}
			order = append(order, w.Cell)
		}
		orders = append(orders, order)
		if sorted := slices.Sorted(slices.Values(order)); sorted[0] != 0 || sorted[19] != 19 || len(slices.Compact(sorted)) != 20 {
			t.Errorf("block %d is %v", block+1, order)
		}
	}
	var trials []int
	for tr := range p.Trials() {
		trials = append(trials, tr.Cell)
	}
	if slices.Equal(orders[0], orders[1]) || slices.Equal(orders[0], trials) {
		t.Error("two blocks have the same order")
	}
	if got, want := e.Least(2), 5*(2*400+200)*time.Millisecond; got != want {
		t.Errorf("they take %s, want %s", got, want)
	}
}

// TestBytesAreNotText: what is not text enters the plan's hash and the resolved
// experiment as a digest, because JSON turns all such bytes into one character.
func TestBytesAreNotText(t *testing.T) {
	t.Parallel()
	said := func(request, answer string) string {
		x := &Experiment{Functions: []Function{{Name: "f", Inputs: []Input{{Name: "i", Stdin: request, Expect: ExpectText(answer)}}}}}
		p, err := NewPlan(x, nil, func(Function, Backend, Start) Lack { return Lack{} })
		if err != nil {
			t.Fatal(err)
		}
		resolved, err := x.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash + string(resolved)
	}
	seen := map[string][2]string{}
	for _, pair := range [][2]string{{"\xff", ""}, {"\xfe", ""}, {"\ufffd", ""}, {"", "\xff"}, {"", "\xfe"}, {strings.Repeat("a", 5000), ""}, {strings.Repeat("b", 5000), ""}} {
		s := said(pair[0], pair[1])
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q look alike", pair, other)
		}
		seen[s] = pair
	}
}

// TestMountsInHash: where a folder lies on this machine is not part of the
// plan, and what the file calls it is.
func TestMountsInHash(t *testing.T) {
	t.Parallel()
	hash := func(here, as string) string {
		x := &Experiment{Functions: []Function{{Name: "f", Mounts: map[string]string{"/data": here}, Mounted: map[string]string{"/data": as}}}}
		p, err := NewPlan(x, nil, func(Function, Backend, Start) Lack { return Lack{} })
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash
	}
	if hash("/a/fixtures", "fixtures") != hash("/b/fixtures", "fixtures") || hash("/a/x", "/a/x") != hash("/b/x", "/b/x") {
		t.Error("the folder of this machine is in the hash")
	}
	if hash("/a/x", "x") == hash("/a/y", "y") {
		t.Error("the folder's name is not in the hash")
	}
}

// TestPlanSaysWhatAFunctionLacks: a start that a function was found not to have
// is left out with the reason, whether the file asks for starts by name or not;
// only a start that it asks for is missed.
func TestPlanSaysWhatAFunctionLacks(t *testing.T) {
	t.Parallel()
	x := example()
	x.Backends[1].Starts = []Start{Cold, Warm}
	p, err := NewPlan(x, []string{"noop/*"}, func(_ Function, _ Backend, s Start) Lack {
		if s == Warm {
			return Lack{Reason: "no frames", Tried: true}
		}
		return Lack{}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []LeftOut
	for _, l := range p.LeftOut {
		if l.Function == "noop" {
			got = append(got, l)
		}
	}
	want := []LeftOut{
		{"noop", "wazero.wasm", Warm, 1, "no frames", false, false, true, true},
		{"noop", "docker.scratch", Warm, 1, "no frames", false, false, true, false},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
