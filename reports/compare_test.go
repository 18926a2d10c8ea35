package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/words"
)

// slower makes a trial longer, every event of it.
func slower(t *results.Trial, factor float64) {
	for _, e := range []experiment.Event{experiment.Created, experiment.Started, experiment.Ready, experiment.Done, experiment.Responded, experiment.Exited, experiment.Removed} {
		if ns, ok := t.At.Get(e); ok {
			t.At.Set(e, int64(float64(ns)*factor))
		}
	}
}

// scatter makes a trial as long as another of its cell may have been, so that
// two fixtures are not the same numbers.
func scatter(seed uint64) func(*results.Trial) {
	rng := rand.New(rand.NewPCG(seed, 3))
	return func(t *results.Trial) { slower(t, 1+0.005*rng.NormFloat64()) }
}

func twoRuns(t *testing.T, change func(old, new *fixture)) (old, new *results.Folder) {
	t.Helper()
	a, b := coldstart(), coldstart()
	for i, x := range []*fixture{&a, &b} {
		x.inputs, x.repeat = []string{"n=0", "n=20"}, 60
		x.change = scatter(uint64(i))
	}
	b.run = func(r *results.Run) { r.ID = "20261123T201500Z-4b0c" }
	change(&a, &b)
	out := t.TempDir()
	return a.write(t, out), b.write(t, out)
}

// also adds to what a fixture does to its trials.
func (x *fixture) also(change func(*results.Trial)) {
	before := x.change
	x.change = func(t *results.Trial) { before(t); change(t) }
}

func mustCompare(t *testing.T, old, new *results.Folder, o CompareOptions) *Changes {
	t.Helper()
	c, err := Compare(old, new, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(t *testing.T, c *Changes) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteChanges(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompareSame(t *testing.T) {
	old, new := twoRuns(t, func(_, _ *fixture) {})
	c := mustCompare(t, old, new, CompareOptions{})
	if len(c.Cells) != 20 || c.Count(Worse)+c.Count(Better) > 0 || len(c.Apart)+len(c.Troubled) > 0 || len(c.Environment) > 0 {
		t.Errorf("%s", text(t, c))
	}
	margin := 0.5
	if c := mustCompare(t, old, new, CompareOptions{Margin: &margin}); c.Count(Same) != 20 || c.Open() || c.Worse() != nil {
		t.Errorf("%s", text(t, c))
	}
	c = mustCompare(t, old, new, CompareOptions{Metrics: []string{"total"}, Only: []string{"*/wazero.*/cold"}})
	if len(c.Cells) != 2 || len(c.Apart) > 0 || c.Cells[0].Metric != "total" {
		t.Errorf("%s", text(t, c))
	}
	if c := mustCompare(t, old, new, CompareOptions{Only: []string{"no such cell"}}); c.Comparable() || c.Line() != "Nothing is comparable." {
		t.Errorf("%s", text(t, c))
	}
}

// TestCompareGolden has one of everything.
func TestCompareGolden(t *testing.T) {
	old, new := twoRuns(t, func(a, b *fixture) {
		governor := func(r *results.Run, g string) { r.Host.Governor = g }
		a.run = func(r *results.Run) { governor(r, "performance") }
		b.run = func(r *results.Run) {
			r.ID = "20261123T201500Z-4b0c"
			governor(r, "powersave")
			r.Host.Kernel = "6.12.10"
			r.Artifacts["wazero.wasm"]["fibonacci"] = experiment.Identity{Kind: "module", Size: 2_700_000, Digest: "sha256:other"}
		}
		a.until, a.state = 390, results.Interrupted
		b.also(func(t *results.Trial) {
			is := func(backend string, start experiment.Start, input string) bool {
				return t.Backend == backend && t.Start == start && t.Input == input
			}
			switch {
			case is("wazero.wasm", experiment.Cold, "n=0"):
				slower(t, 1.3)
			case is("docker.scratch", experiment.Cold, "n=0"):
				slower(t, 0.4)
			case is("wazero.wasm", experiment.Cached, "n=20"):
				t.Outcome, t.Error = experiment.Failed, "exit status 1"
			case is("wazero.wasm", experiment.Prepared, "n=20") && t.Block%7 == 0:
				t.Outcome = experiment.Timeout
			}
		})
	})
	c := mustCompare(t, old, new, CompareOptions{})
	golden(t, "compare.txt", []byte(text(t, c)))
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.json", append(b, '\n'))
	var md bytes.Buffer
	if err := WriteStepSummary(&md, ForCI{Changes: c}); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.md", md.Bytes())
	cells := c.Worse()
	if len(cells) != 2 || !slices.ContainsFunc(c.Apart, func(x Apart) bool { return x.Broken && strings.Contains(x.Why, "failed") }) {
		t.Errorf("worse: %v", cells)
	}
	if c.Old.State != results.Interrupted || c.Old.Missing == 0 {
		t.Errorf("%+v", c.Old)
	}
}

// TestOnlyOneHas: cells that only one of the runs has are named, and compared
// with nothing.
func TestOnlyOneHas(t *testing.T) {
	old, new := twoRuns(t, func(a, b *fixture) {
		b.backends = []experiment.Backend{wasm}
		a.inputs = append(a.inputs, "n=30")
		b.lacks = func(f experiment.Function, _ experiment.Backend, s experiment.Start) experiment.Lack {
			if s == experiment.Prepared {
				return experiment.Lack{Reason: "no memory left", Machine: true}
			}
			return experiment.Lack{}
		}
		a.also(func(t *results.Trial) {
			if t.Input == "n=0" && t.Start == experiment.Cached {
				t.Outcome = experiment.WrongOutput
			}
		})
	})
	c := mustCompare(t, old, new, CompareOptions{})
	why := map[string]string{}
	for _, x := range c.Apart {
		why[x.Cell.String()] = x.Why
		if x.Broken {
			t.Errorf("broken: %+v", x)
		}
	}
	for cell, want := range map[string]string{
		"fibonacci/n=20/docker.scratch/cold": "only the old run has it",
		"fibonacci/n=30/wazero.wasm/cold":    "only the old run has it",
		"fibonacci/n=0/wazero.wasm/prepared": "no memory left",
		"fibonacci/n=0/wazero.wasm/cached":   "no trial counts in the old run: 60 wrong output",
	} {
		if !strings.Contains(why[cell], want) {
			t.Errorf("%s: %q, want %q", cell, why[cell], want)
		}
	}
	for _, x := range c.Cells {
		if why[x.Cell.String()] != "" {
			t.Errorf("%s is compared, too", x.Cell)
		}
	}
	if !c.Open() || c.Count(Worse) > 0 {
		t.Errorf("%s", text(t, c))
	}
}

func TestConfirm(t *testing.T) {
	bad := func(factor float64) func(*results.Trial) {
		return func(t *results.Trial) {
			if t.Start == experiment.Cold && t.Input == "n=0" {
				slower(t, factor)
			}
		}
	}
	old, new := twoRuns(t, func(_, b *fixture) {
		b.also(bad(1.2))
		b.also(func(t *results.Trial) {
			if t.Start == experiment.Cached {
				t.Outcome = experiment.Timeout
			}
		})
	})
	for _, again := range []float64{1.2, 1} {
		_, second := twoRuns(t, func(_, b *fixture) {
			b.change = scatter(7)
			b.also(bad(again))
			b.run = func(r *results.Run) { r.ID = "20261123T203000Z-5c1d" }
		})
		c := mustCompare(t, old, new, CompareOptions{Metrics: []string{"startup"}})
		if n := c.Count(Worse); n != 4 { // cold on both backends, and cached with both inputs
			t.Fatalf("%d worse: %s", n, text(t, c))
		}
		c.Confirm(mustCompare(t, old, second, CompareOptions{Metrics: []string{"startup"}}))
		want, line := 2, "Confirmed by run 20261123T203000Z-5c1d."
		if again == 1 {
			want, line = 0, "Run 20261123T203000Z-5c1d did not confirm that anything is worse."
		}
		if got := text(t, c); c.Count(Worse) != want || !strings.Contains(got, line) || !strings.Contains(got, "when it ran again, it worked") {
			t.Errorf("again %v: %d worse, want %d\n%s", again, c.Count(Worse), want, got)
		}
	}
}

// TestEnvironments: a change of the machine is named, what was asked for is
// not a change of the machine.
func TestEnvironments(t *testing.T) {
	base := func() *results.Run {
		return &results.Run{
			Host:     results.Host{CPU: "a", Cores: 2, Kernel: "1", Facts: map[string]string{"turbo": "on"}},
			Backends: map[string]results.BackendFacts{"docker.x": {Options: map[string]any{"memory": 1}, Engine: map[string]string{"runc": "1"}}},
			Resolved: json.RawMessage(`{"Functions":[{"Name":"f","Inputs":[{"Name":"i","Stdin":"1"}]}],"Run":{"Seed":1}}`),
			Sessions: []results.Session{{Started: time.Now()}},
		}
	}
	plan := func(backends ...string) experiment.Plan {
		var p experiment.Plan
		for _, b := range backends {
			p.Cells = append(p.Cells, experiment.Cell{Function: "f", Input: "i", Backend: b, Start: experiment.Cold})
		}
		return p
	}
	a, b := base(), base()
	b.Host.Memory, a.Host.Memory = 1000_000, 1000_001
	a.Backends["docker.alone"] = results.BackendFacts{Engine: map[string]string{"runc": "1"}}
	b.Artifacts = map[string]map[string]experiment.Identity{"docker.x": {"f": {Digest: "sha256:1", Size: 5}}}
	b.Asked.Only = []string{"x"}
	b.Variables = map[string]string{"n": "1"}
	b.Resolved = json.RawMessage(`{"Functions":[{"Name":"f","Inputs":[{"Name":"i","Stdin":"2"}],"Path":"/elsewhere"},{"Name":"g"}],"Run":{"Seed":2}}`)
	b.Host.Kernel, b.Host.Facts["turbo"] = "2", "off"
	b.Backends["docker.x"] = results.BackendFacts{Options: map[string]any{"memory": 2}, Engine: map[string]string{"runc": "2"}}
	b.Sessions[0].During = []experiment.Finding{{Check: "steal", Severity: experiment.Disturbing, Found: "12 %"}}
	got, err := environments(&results.Folder{Run: *a, Plan: plan("docker.x", "docker.alone")}, &results.Folder{Run: *b, Plan: plan("docker.x")})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range got {
		lines = append(lines, e.What+": "+e.Invalid)
	}
	want := []string{
		"backends.docker.x.options.memory: different settings of a backend",
		"host.facts.turbo: different turbo",
		"resolved.Functions.f.Inputs.i.Stdin: different input or expected answer",
		"disturbed.steal: only the new run was disturbed",
		"artifacts.docker.x.f.digest: ",
		"backends.docker.x.engine.runc: ",
		"host.kernel: ",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// parseJUnit reads JUnit XML as a CI system would.
func parseJUnit(t *testing.T, ci ForCI) (doc junitSuites) {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJUnit(&b, ci); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&b)
	d.Strict = true
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return doc
}

// TestCIWithHostileNames: no name ends an attribute, a table or a paragraph.
func TestCIWithHostileNames(t *testing.T) {
	names := append([]string{"a|b", "x](javascript:alert(1))", "new\nline", "\x1b[31mred", "]]>", `"><failure/>`}, hostileNames...)
	for _, name := range names {
		cell := experiment.Cell{Function: name, Input: name, Backend: "wazero.wasm", Start: experiment.Cold}
		ratio, low, high := 1.5, 1.4, 1.6
		ci := ForCI{
			Changes: &Changes{
				Cells: []Change{{Cell: cell, Metric: "startup", Ratio: &ratio, Low: &low, High: &high, Course: Worse}},
				Apart: []Apart{{Cell: cell, Why: name}}, Margin: 0.02,
			},
			Thresholds: []Checked{{Name: name, Metric: "startup", Assert: "median < 1ms", Holding: stats.Breached,
				Cells: []CheckedCell{{Cell: cell, Holding: stats.Breached, Why: name}}}},
		}
		doc := parseJUnit(t, ci)
		if len(doc.Suites) != 2 || doc.Suites[0].Failures != 1 || doc.Suites[1].Failures != 1 || doc.Suites[1].Skipped != 1 || len(doc.Suites[1].Cases) != 2 {
			t.Errorf("%q: %+v", name, doc)
		}
		clean := words.Text(cell.String())
		if got := doc.Suites[1].Cases[0].Name; got != clean {
			t.Errorf("%q became %q", clean, got)
		}
		var md bytes.Buffer
		if err := WriteStepSummary(&md, ci); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(md.String()) {
			if strings.HasPrefix(line, "| ❌") && strings.Count(line, "|") != 5 && strings.Count(line, "|") != 8 {
				t.Errorf("%q breaks a row: %s", name, line)
			}
		}
		if regexp.MustCompile(`<(script|b|failure)|\]\(|\x1b`).MatchString(md.String()) {
			t.Errorf("%q is not escaped: %s", name, md.String())
		}
	}
}

func TestJUnitStates(t *testing.T) {
	changes := &Changes{Cells: []Change{{Course: Worse}, {Course: Unsure}, {Course: Same}, {Course: Better}}, Apart: []Apart{{Broken: true}}}
	s := parseJUnit(t, ForCI{Changes: changes}).Suites[0]
	if s.Tests != 5 || s.Failures != 2 || s.Skipped != 1 {
		t.Errorf("%+v", s)
	}
	if s := parseJUnit(t, ForCI{Changes: changes, Strict: true}).Suites[0]; s.Failures != 3 || s.Skipped != 0 {
		t.Errorf("strict: %+v", s)
	}
}

// TestThresholds has a threshold in each state, for each reason.
func TestThresholds(t *testing.T) {
	at := func(input, backend, start string) experiment.Rule {
		r := experiment.Rule{}
		if input != "" {
			r.Input = []string{input}
		}
		if backend != "" {
			r.Backend = []string{backend}
		}
		if start != "" {
			r.Start = []string{start}
		}
		return r
	}
	threshold := func(name, quantile string, bound time.Duration, above bool, where experiment.Rule) experiment.Threshold {
		return experiment.Threshold{Name: name, Metric: "startup", Where: where, Quantile: quantile, Bound: bound, Above: above}
	}
	x := coldstart()
	x.inputs, x.repeat = []string{"n=0", "n=20"}, 60
	x.run = func(r *results.Run) {
		r.Thresholds = []experiment.Threshold{
			threshold("quick", "median", 10*time.Millisecond, false, at("", "wazero.*", "prepared")),
			threshold("not quick", "median", 10*time.Millisecond, false, at("", "docker.*", "prepared")),
			threshold("above", "p90", 100*time.Millisecond, true, at("", "docker.*", "prepared")),
			threshold("close", "p99", 3*time.Second, false, at("n=20", "wazero.*", "cold")),
			threshold("dead", "median", time.Hour, false, at("n=0", "wazero.*", "cold")),
			threshold("of noop, which nobody asked for", "median", 1, false, experiment.Rule{Function: []string{"noop"}}),
			threshold("could not run", "median", time.Hour, false, at("", "", "cached")),
		}
	}
	x.lacks = func(_ experiment.Function, _ experiment.Backend, s experiment.Start) experiment.Lack {
		if s == experiment.Cached {
			return experiment.Lack{Reason: "no disk", Machine: true}
		}
		return experiment.Lack{}
	}
	x.change = func(t *results.Trial) {
		if t.Input == "n=0" && t.Backend == "wazero.wasm" && t.Start == experiment.Cold {
			t.Outcome = experiment.Failed
		}
	}
	s, err := Summarise(x.write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]stats.Holding{}
	var lines []string
	for _, c := range s.Thresholds {
		got[c.Name] = c.Holding
		lines = append(lines, c.line().String())
	}
	want := map[string]stats.Holding{
		"quick": stats.Holds, "not quick": stats.Breached, "above": stats.Holds, "close": stats.Undecided,
		"dead": stats.Breached, "could not run": stats.Undecided,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !s.Breached() || !s.Undecided() {
		t.Error("the summary does not know of them")
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		"Threshold quick holds: median < 10ms of startup, in 2 of 2 cells, such as fibonacci/n=0/wazero.wasm/prepared: 6.",
		"Threshold dead is breached: median < 1h0m0s of startup, fibonacci/n=0/wazero.wasm/cold: no trial counts: 60 failed.",
		"Threshold could not run is unsure: median < 1h0m0s of startup, in 2 of 2 cells, such as fibonacci/n=0/wazero.wasm/cached: it could not run: no disk.",
		", ?], n = 60.",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	var md bytes.Buffer
	if err := WriteMarkdown(&md, s); err != nil {
		t.Fatal(err)
	}
	if want := "- Threshold `quick` holds: median &#60; 10ms of startup"; !strings.Contains(md.String(), want) {
		t.Errorf("no %q in\n%s", want, md.String())
	}
	page := runHTML(t, x.write(t, t.TempDir()), false)
	head, _, ok := strings.Cut(page, `class="verdict"`)
	if !ok {
		t.Fatal("no verdict on the page")
	}
	for _, title := range []string{"Breached.", "Unsure.", "Holds."} {
		if !strings.Contains(head, title) {
			t.Errorf("the page does not begin with %s", title)
		}
	}
}
