package reports

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"flag"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./reports -update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s has changed (go test ./reports -update accepts it):\n%s", name, diff)
	}
}

// small is a run that fits a golden file, and in which some things went
// wrong.
func small() fixture {
	x := coldstart()
	x.inputs, x.repeat = []string{"n=0", "n=20"}, 8
	x.change = func(r *results.Trial) {
		if r.Trial%31 == 0 {
			one := 1
			r.Outcome, r.ExitCode, r.Error = experiment.Failed, &one, "exit status 1"
		}
	}
	return x
}

func runHTML(t *testing.T, f *results.Folder, fromNetwork bool) string {
	t.Helper()
	from := besidePage
	if fromNetwork {
		from = onNetwork
	}
	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newRunPage(s, "", from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "run", p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	f := small().write(t, t.TempDir())
	html := runHTML(t, f, false)
	// The style and the script are files of their own, and the policy holds
	// their digests.
	html = strings.NewReplacer(css, "{nebula.css}", script, "{nebula.js}").Replace(html)
	html = regexp.MustCompile(`content="default-src[^"]*"`).ReplaceAllString(html, `content="{policy}"`)
	golden(t, "run.html", []byte(html))

	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := WriteText(&text, s); err != nil {
		t.Fatal(err)
	}
	golden(t, "run.txt", text.Bytes())
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "run.json", append(b, '\n'))
}

func TestPageSize(t *testing.T) {
	if n := len(runHTML(t, coldstart().write(t, t.TempDir()), false)); n > 250<<10 {
		t.Errorf("the page of a common run has %d bytes, want at most 250 KiB", n)
	}
}

// hostile is a run in which everything that a file can name has one name.
func hostile(name string) fixture {
	x := coldstart()
	x.experiment, x.functions, x.inputs, x.repeat = strings.ReplaceAll(name, "/", "∕"), []string{name}, []string{name, name + "2"}, 6
	x.backends = []experiment.Backend{{Type: "wazero", Label: name}, {Type: "docker", Label: name, Starts: []experiment.Start{experiment.Cold}}}
	x.change = func(r *results.Trial) {
		if r.Trial%5 == 0 {
			r.Outcome, r.Error = experiment.Failed, name
		}
	}
	x.run = func(r *results.Run) {
		r.Title, r.Source, r.Command, r.Variables = name, name, []string{"nebula", name}, map[string]string{name: name}
		r.Host = results.Host{Name: name, OS: name, Kernel: name, CPU: name, Commit: name}
		r.Backends[name] = results.BackendFacts{Missing: name, Engine: map[string]string{name: name}, Options: name}
	}
	x.lacks = func(_ experiment.Function, b experiment.Backend, s experiment.Start) experiment.Lack {
		if s == experiment.Warm {
			return experiment.Lack{Reason: name, Machine: true}
		}
		return experiment.Lack{}
	}
	return x
}

// TestHostileNames puts names from files everywhere and looks for markup
// that they might have become. The browser test looks for what they might do.
func TestHostileNames(t *testing.T) {
	tag := regexp.MustCompile(`</?[a-zA-Z][^>]*>`)
	// Attributes of ours hold no names but aria-label, which is cut out.
	label := regexp.MustCompile(`aria-label="[^"]*"`)
	render := func(name string) string {
		x := hostile(name)
		html := runHTML(t, x.write(t, t.TempDir()), false)
		var b bytes.Buffer
		s, err := Summarise(x.write(t, t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteText(&b, s); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e\r\x07") {
			t.Errorf("%q reaches the terminal:\n%q", name, b.String())
		}
		return label.ReplaceAllString(html, "")
	}
	// In which order backends are listed hangs on their names.
	tags := func(html string) []string { return slices.Sorted(slices.Values(tag.FindAllString(html, -1))) }
	want := tags(render("harmless"))
	for _, name := range append([]string{"\x1b[31mred\a\r\nnew line"}, hostileNames...) {
		if diff := cmp.Diff(want, tags(render(name))); diff != "" {
			t.Errorf("%q has become markup:\n%s", name, diff)
		}
	}
}

func TestTroubledRuns(t *testing.T) {
	failing := func(r *results.Trial) {
		r.Outcome, r.Error = experiment.BackendError, "engine gone"
		r.At = experiment.NewStamps()
		r.At.Set(experiment.Requested, 0)
	}
	one := coldstart()
	one.inputs, one.repeat = []string{"n=0"}, 1
	none := coldstart()
	none.change = failing
	empty := coldstart()
	empty.state, empty.until = results.Running, -1
	zero := coldstart()
	zero.repeat = 8
	zero.change = func(r *results.Trial) {
		if r.Backend == "docker.scratch" {
			ready, _ := r.At.Get(experiment.Ready)
			r.At.Set(experiment.Done, ready)
		}
	}
	wrong := coldstart()
	wrong.repeat = 8
	wrong.change = func(r *results.Trial) {
		switch {
		case r.Backend == "docker.scratch" && r.Start == experiment.Cold && r.Block == 3:
			r.Outcome = experiment.Contaminated
		case r.Backend == "docker.scratch" && r.Input == "n=10":
			r.Answer = "sha256:another"
		case r.Backend == "wazero.wasm" && r.Input == "n=20" && r.Block == 4:
			r.Outcome = experiment.WrongOutput
		}
		if r.Backend == "wazero.wasm" {
			r.ReadySource = "started"
		}
	}
	killed := coldstart()
	killed.state, killed.until = results.Running, 100
	broken := coldstart()
	broken.state, broken.until = results.Broken, 99
	// A run that an outage and a resumption went through.
	resumed := coldstart()
	resumed.repeat = 8
	resumed.run = func(r *results.Run) {
		r.Sessions = []results.Session{{Started: began}, {Started: began.Add(time.Hour)}}
	}
	resumed.change = func(r *results.Trial) {
		if r.Backend == "docker.scratch" && r.Block == 3 && r.Input == "n=0" {
			r.Outcome, r.Error, r.Again = experiment.BackendError, "connection refused", true
		}
	}
	noisy := coldstart()
	noisy.run = func(r *results.Run) {
		r.Host.Facts = map[string]string{"microcode": "0x2b"}
		r.Sessions = []results.Session{{
			Started: began,
			Before: []experiment.Finding{
				{Check: "governor", Severity: experiment.Disturbing, Found: "powersave on 2 of 2 processors", Why: "short trials run slower", Remedy: "nebula tune"},
				{Check: "swap", Severity: experiment.Fine, Found: "none"},
			},
			During: []experiment.Finding{{Check: "stolen time", Severity: experiment.Disturbing, Found: "3.0 % of the processors' time", Why: "other guests"}},
		}}
	}
	narrow, wide := 0.018, 0.061
	precise := coldstart()
	precise.inputs, precise.repeat = []string{"n=0"}, 30
	precise.rule = &experiment.Until{RelativeError: 0.02, Metrics: []string{"startup"}, Min: 6, Max: 30, MaxTime: time.Minute}
	for _, c := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared} {
		precise.stops = append(precise.stops, results.Stop{
			Cell: experiment.Cell{Function: "fibonacci", Input: "n=0", Backend: "wazero.wasm", Start: c}, Block: 24, N: 23, Reason: results.Precise, Relative: &narrow,
		})
	}
	precise.stops = append(precise.stops,
		results.Stop{Cell: experiment.Cell{Function: "fibonacci", Input: "n=0", Backend: "docker.scratch", Start: "cold"}, Block: 31, N: 30, Reason: results.Repetitions, Relative: &wide},
		results.Stop{Cell: experiment.Cell{Function: "fibonacci", Input: "n=0", Backend: "docker.scratch", Start: "prepared"}, Block: 29, N: 28, Reason: results.OutOfTime})
	twin := wasm
	twin.Label, twin.ControlOf = "wasm-control", wasm.Name()
	control := coldstart()
	control.backends = []experiment.Backend{wasm, twin, scratch}
	drifting := control
	drifting.change = func(r *results.Trial) {
		if ready, ok := r.At.Get(experiment.Ready); ok && r.Backend == twin.Name() {
			r.At.Set(experiment.Ready, ready*3/2)
			r.At.Set(experiment.Done, ready*3/2+40_000)
		}
	}
	nothing := coldstart()
	nothing.lacks = func(experiment.Function, experiment.Backend, experiment.Start) experiment.Lack {
		return experiment.Lack{Reason: "no engine", Machine: true}
	}
	tests := []struct {
		name string
		fixture
		want []string // in this order
	}{
		{"one trial", one, []string{"Nothing is sure about", "with medians of", "a sample of 1 is too small", "5 cells have too few trials"}},
		{"all failed", none, []string{"620 of 620 trials failed in the backend, in 20 cells", "engine gone", "No trial counts, so there is nothing to compare.", "No trial counts in 20 cells", "Not in the chart"}},
		{"empty", empty, []string{"has not ended, or was killed: 620 of 620 trials are missing", "nothing to compare"}},
		{"zero", zero, []string{"Nothing is sure about", "a median is not above zero", "a median of 0", "has no place on this axis"}},
		{"wrong", wrong, []string{
			"Wrong answers.", "answered differently on", "docker.scratch", "n=10", "1 of 9 trials gave a wrong answer", "4 of 180 trials were not as cold",
			"What this run says", "No ready marker came from",
		}},
		{"killed", killed, []string{"has not ended, or was killed: 520 of 620 trials are missing", "What this run says"}},
		{"broken", broken, []string{"Nebula itself could not go on: 521 of 620 trials are missing", "What this run says"}},
		{"without docker", withoutDocker(), []string{"Missing.", "8 cells could not run here", "systemctl start docker", "What this run says", "Measurements"}},
		{"resumed", resumed, []string{
			"178 of 180 trials", "2 of 180 trials are missing", "What this run says",
			"2 attempts were failed", "docker.scratch", "connection refused", "it has 2 sessions",
		}},
		{"noisy", noisy, []string{
			"What this run says", "When the run began, governor: powersave on 2 of 2 processors; short trials run slower. What mends it: nebula tune.",
			"During the run, or at its end, stolen time: 3.0 % of the processors", "microcode", "0x2b", "What was looked at", "swap", "fine", "none",
		}},
		{"precise", precise, []string{
			"132 of 132 trials", "What this run says", "2 cells did not reach the ±2 %", "±1.8 % after 23",
			"repetitions spent at ±6.1 %", "time spent at no interval", "within ±2 % for startup, or after 1m0s",
		}},
		{"control", control, []string{"What this run says", "wazero.wasm ran twice, as its own control: 0 of 24 comparisons"}},
		{"control that differs", drifting, []string{"Warning.", "wazero.wasm ran twice, as its own control", "The widest is a ratio of"}},
		{"nothing ran", nothing, []string{"Missing.", "no engine", "No cell could run"}},
	}
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := test.write(t, t.TempDir())
			html := runHTML(t, f, false)
			_, body, _ := strings.Cut(html, "<body>")
			text := strings.Join(strings.Fields(tags.ReplaceAllString(body, "")), " ")
			rest := text
			for _, w := range test.want {
				_, after, found := strings.Cut(rest, w)
				if !found {
					t.Fatalf("the page does not say %q (in its place); it says\n%.3000s", w, text)
				}
				rest = after
			}
			if strings.Contains(body, "NaN") && !strings.Contains(script, "NaN") || strings.Contains(text, "Inf") {
				t.Errorf("a number that is none is on the page")
			}
			s, err := Summarise(f)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
			if err := WriteText(&bytes.Buffer{}, s); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSummaryJSON(t *testing.T) {
	s, err := Summarise(withoutDocker().write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Cells []struct {
			Function, Input, Backend, Start string
			N                               int
			Outcomes                        map[string]int
			Metrics                         map[string]struct {
				Median *int64 `json:"median_ns"`
				Low    *int64 `json:"low_ns"`
				High   *int64 `json:"high_ns"`
			}
			LeftOut string `json:"left_out"`
		}
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	ran, left := 0, 0
	for _, c := range got.Cells {
		if c.LeftOut != "" {
			left++
			if c.N != 0 || c.Input == "" && c.Function == "fibonacci" {
				t.Errorf("left out: %+v", c)
			}
			continue
		}
		ran++
		m := c.Metrics["startup"]
		if c.N != 30 || c.Outcomes["ok"] != 30 || len(c.Metrics) != 5 || m.Low == nil || *m.Low > *m.Median || *m.High < *m.Median {
			t.Errorf("%+v", c)
		}
	}
	// Of noop, which the experiment leaves out, no input is known.
	if ran != 12 || left != 8+5 {
		t.Errorf("%d cells ran, %d were left out; want 12 and 13", ran, left)
	}
}

func TestWrite(t *testing.T) {
	out := t.TempDir()
	f := small().write(t, out)
	for range 2 {
		if err := WriteAssets(out); err != nil {
			t.Fatal(err)
		}
		if err := Write(out, f); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(f.Dir, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left behind: %q, %v", names, err)
	}
	for _, bad := range []string{"", "..", "a/b", `a\b`} {
		g := *f
		g.Run.Experiment = bad
		if err := Write(out, &g); err == nil {
			t.Errorf("a page was written for the experiment %q", bad)
		}
	}

	// A run that lies elsewhere keeps its raw data there.
	elsewhere := t.TempDir()
	if err := Write(elsewhere, f); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(results.Dir(elsewhere, f.Run.Experiment, f.Run.ID), pageFile))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`href="(\.\./)+[^"]*/trials\.jsonl"`).Match(b) {
		t.Errorf("the page does not link to the run's folder")
	}
}

func TestAssets(t *testing.T) {
	as, err := assets()
	if err != nil {
		t.Fatal(err)
	}
	if as == nil {
		t.Skip("the chart library is not built in (npm ci --prefix reports/web && npm run --prefix reports/web build)")
	}
	sum := sha512.Sum384(as[echartsFile])
	if got := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); got != echartsIntegrity {
		t.Errorf("the chart library's digest is %s, the hosted copy is held against %s", got, echartsIntegrity)
	}
	if b, err := files.ReadFile("web/dist/LICENSES.txt"); err != nil || !bytes.Equal(b, licences) {
		t.Error("web/echarts.LICENSES.txt is not what npm has: copy web/dist/LICENSES.txt there", err)
	}
	for _, licence := range []string{"Apache License", "Mike Bostock", "ZRender", "tslib", "NOTICE"} {
		if !bytes.Contains(bytes.ToUpper(as[licencesFile]), []byte(strings.ToUpper(licence))) {
			t.Errorf("the licences lack %s", licence)
		}
	}
	out := t.TempDir()
	if err := WriteAssets(out); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(out, "assets", echartsFile)
	if err := os.WriteFile(file, []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteAssets(out); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, as[echartsFile]) {
		t.Errorf("a file that differed was not mended (%v)", err)
	}
}

func TestPinned(t *testing.T) {
	lock, err := os.ReadFile("web/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var l struct {
		Packages map[string]struct{ Version, Integrity, Resolved string }
	}
	if err := json.Unmarshal(lock, &l); err != nil {
		t.Fatal(err)
	}
	for name, p := range l.Packages {
		if name != "" && (p.Integrity == "" || p.Resolved != "") {
			t.Errorf("%s: integrity %q, resolved %q", name, p.Integrity, p.Resolved)
		}
	}
	if v := l.Packages["node_modules/echarts"].Version; v != echartsVersion {
		t.Errorf("npm has ECharts %s, the pages say %s", v, echartsVersion)
	}
	if v := l.Packages["node_modules/echarts"].Integrity; v != echartsPackage {
		t.Errorf("the lock file has the package %s, and the digests in assets.go are of %s", v, echartsPackage)
	}
}

func TestPolicy(t *testing.T) {
	got := newFrame("", "", besidePage).CSP
	want := "default-src 'none'; script-src 'self' " + hash(script) + "; style-src " + hash(css) + "; img-src data:; base-uri 'none'; form-action 'none'"
	if got != want || strings.Contains(got, "unsafe") {
		t.Errorf("the policy is\n%s, want\n%s", got, want)
	}
}

func TestHosted(t *testing.T) {
	html := html.UnescapeString(runHTML(t, small().write(t, t.TempDir()), true))
	for _, want := range []string{
		`<script src="` + echartsHosted + `" integrity="` + echartsIntegrity + `" crossorigin="anonymous">`,
		"script-src " + echartsHosted, "built without the chart library",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(html, "'self'") || strings.Contains(html, "assets/") {
		t.Errorf("the page still asks for a file beside it")
	}
}

func TestIndex(t *testing.T) {
	out := filepath.Join(t.TempDir(), "reports")
	read := func() string {
		t.Helper()
		if err := WriteIndex(out); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(out, pageFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if html := read(); !strings.Contains(html, "There is no run yet") {
		t.Errorf("without a run:\n%s", html)
	}

	f := small().write(t, out)
	if err := Write(out, f); err != nil {
		t.Fatal(err)
	}
	partial := small()
	partial.state, partial.until = results.Interrupted, 20
	partial.run = func(r *results.Run) { r.ID = "20261121T201500Z-aaaa" }
	partial.write(t, out)
	torn := small()
	torn.run = func(r *results.Run) { r.ID = "20261120T201500Z-bbbb" }
	g := torn.write(t, out)
	if err := os.WriteFile(filepath.Join(g.Dir, results.TrialsFile), []byte("{}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(out, "runs", "x", "y"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "runs", "x", "y", results.RunFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	html := read()
	for _, want := range []string{
		`<a href="runs/coldstart/20261122T201500Z-3f9a/index.html"><bdi>coldstart</bdi></a>`,
		"times sooner", "20261121T201500Z-aaaa", "interrupted", "20 of 90",
		"runs/coldstart/20261120T201500Z-bbbb/trials.jsonl:1: not a trial record", "runs/x/y/run.json:1:",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the index lacks %q", want)
		}
	}
	if strings.Contains(html, filepath.Dir(out)) {
		t.Errorf("the index says where it lies on this machine")
	}
	if strings.Contains(html, "aaaa/index.html") {
		t.Errorf("the index links to a page that is not there")
	}
}

func TestFormat(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 711: "711 ns", 999: "999 ns", 1000: "1.000 µs", 25_320: "25.32 µs", 999_949: "999.9 µs", 999_950: "1.000 ms",
		7_012_345: "7.012 ms", 60_000_000: "60.00 ms", 370_123_456: "370.1 ms", 1_503_000_000: "1.503 s", 3_600_000_000_000: "3600 s",
	} {
		if got := duration(ns); got != strings.ReplaceAll(want, " ", "\u00a0") {
			t.Errorf("duration(%d) = %q, want %q", ns, got, want)
		}
	}
	for r, want := range map[float64]string{1.004: "1.004", 1.5: "1.50", 9.994: "9.99", 46.21: "46.2", 271.4: "271"} {
		if got := span(r, r); got != want {
			t.Errorf("span(%g) = %q, want %q", r, got, want)
		}
	}
	if got, want := command([]string{"/a/b/nebula", "run", "x y", "it's", ""}), `nebula run 'x y' 'it'\''s' ''`; got != want {
		t.Errorf("command: %q, want %q", got, want)
	}
}

func TestThinning(t *testing.T) {
	x := coldstart()
	x.repeat = 500
	s, err := Summarise(x.write(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	n, all := 0, 0
	for _, c := range s.ran() {
		n, all = n+len(c.inOrder), all+c.N
	}
	if all != 10000 || n > shownInOrder || n < shownInOrder/2 {
		t.Errorf("%d of %d samples are shown in order", n, all)
	}
	if !slices.ContainsFunc(s.ran(), func(c Cell) bool { return len(c.samples["startup"]) == 500 }) {
		t.Errorf("samples were lost")
	}
}

// TestFamily: the inputs of a verdict are one family, and the sentence says
// what chance may have done.
func TestFamily(t *testing.T) {
	of := func(ps ...float64) Verdict {
		v := Verdict{Function: "f", Metric: "startup"}
		for _, p := range ps {
			r := stats.Ratio{NA: 30, NB: 30, Value: 1.1, Low: 1.03, High: 1.2, Bounded: true}
			v.Comparisons = append(v.Comparisons, Comparison{
				Input: "i", First: Side{Backend: "a.a", Start: experiment.Cold, N: 30, MedianNS: 100},
				Other: Side{Backend: "b.b", Start: experiment.Cold, N: 30, MedianNS: 110},
				Ratio: &r.Value, Low: &r.Low, High: &r.High, all: stats.Comparison{Ratio: r, Test: stats.MannWhitney{P: p}},
			})
		}
		v.judge()
		return v
	}
	v := of(0.01)
	if c := v.Comparisons[0]; c.State != stats.Differs || *c.P != 0.01 || !strings.Contains(v.Basis, "p = 0.010") || strings.Contains(v.Basis, "Holm") {
		t.Errorf("alone: %+v, %s", c, v.Basis)
	}
	v = of(0.01, 0.2, 0.3, 0.4, 0.5, 0.6)
	if c := v.Comparisons[0]; c.State != stats.Unsure || !c.Chance || math.Abs(*c.P-0.06) > 1e-12 {
		t.Errorf("among six: %+v", c)
	}
	if s := v.Sentence.String(); !strings.Contains(s, "may be chance") || !strings.Contains(v.Basis, "Holm over 6 inputs") {
		t.Errorf("%s (%s)", s, v.Basis)
	}
	// That all of them differ is one claim.
	v = of(0.01, 0.02, 0.03, 0.04, 0.049)
	if c := v.Comparisons[4]; c.State != stats.Differs || *c.P != 0.049 {
		t.Errorf("all alike: %+v", c)
	}
	if s := v.Sentence.String(); !strings.Contains(s, "sooner than b.b cold [1.03, 1.20] on all 5 inputs.") || !strings.Contains(v.Basis, "p ≤ 0.049 on each input") {
		t.Errorf("%s (%s)", s, v.Basis)
	}
}
