package reports

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"html"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	ghtml "github.com/yuin/goldmark/renderer/html"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/atomicfile"
)

func summary(t *testing.T, f *results.Folder) *Summary {
	t.Helper()
	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openMetrics(t *testing.T, s *Summary) string {
	t.Helper()
	var b strings.Builder
	if err := WriteOpenMetrics(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func markdown(t *testing.T, s *Summary) string {
	t.Helper()
	var b strings.Builder
	if err := WriteMarkdown(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExportGolden(t *testing.T) {
	s := summary(t, small().write(t, t.TempDir()))
	golden(t, "run.prom", []byte(openMetrics(t, s)))
	golden(t, "run.md", []byte(markdown(t, s)))
}

// parsed reads metrics as node_exporter's textfile collector does.
func parsed(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	fs, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return fs
}

// TestOpenMetrics reads the metrics with Prometheus's parser, holds them
// against the summary, and has Prometheus's own writer write them as
// OpenMetrics: that must give the same lines.
func TestOpenMetrics(t *testing.T) {
	x := small()
	x.run = func(r *results.Run) {
		r.Thresholds = []experiment.Threshold{
			{Name: "starts", Metric: "startup", Quantile: "median", Bound: time.Hour},
			{Name: "flies \"now\"", Metric: "startup", Quantile: "median", Bound: 1},
		}
	}
	s := summary(t, x.write(t, t.TempDir()))
	text := openMetrics(t, s)
	fs := parsed(t, text)
	got := map[string]float64{}
	for name, f := range fs {
		if f.GetType() != dto.MetricType_GAUGE || f.GetHelp() == "" {
			t.Errorf("%s is a %v, %q", name, f.GetType(), f.GetHelp())
		}
		for _, m := range f.Metric {
			got[key(name, m)] = m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{}
	run := "{experiment=" + s.Experiment
	want["nebula_run_started_timestamp_seconds"+run] = float64(began.Unix())
	want["nebula_run_complete"+run], want["nebula_run_missing_trials"+run] = 1, 0
	for threshold, state := range map[string]string{"starts": "holds", "flies \"now\"": "breached"} {
		for _, h := range []string{"holds", "unsure", "breached"} {
			want["nebula_threshold"+run+" threshold="+threshold+" state="+h] = 0
		}
		want["nebula_threshold"+run+" threshold="+threshold+" state="+state] = 1
	}
	for _, c := range s.ran() {
		cell := run + " function=" + c.Function + " input=" + c.Input + " backend=" + c.Backend + " start=" + string(c.Start)
		for o, n := range c.Outcomes {
			want["nebula_trials"+cell+" outcome="+string(o)] = float64(n)
		}
		if c.CPUNS > 0 {
			want["nebula_cpu_seconds"+cell], want["nebula_peak_memory_bytes"+cell] = float64(c.CPUNS)/1e9, float64(c.PeakMemory)
		}
		for m, v := range c.Metrics {
			want["nebula_"+m+"_seconds"+cell+" stat=median"] = float64(v.MedianNS) / 1e9
			if v.LowNS != nil {
				want["nebula_"+m+"_seconds"+cell+" stat=low"] = float64(*v.LowNS) / 1e9
				want["nebula_"+m+"_seconds"+cell+" stat=high"] = float64(*v.HighNS) / 1e9
			}
		}
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	var again strings.Builder
	for name, f := range fs {
		for _, unit := range []string{"seconds", "bytes", "joules"} {
			if strings.HasSuffix(name, "_"+unit) {
				f.Unit = &unit // which the older format does not know
			}
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(&again, f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := expfmt.FinalizeOpenMetrics(&again); err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(metricLines(again.String()), metricLines(text)); d != "" {
		t.Errorf("not as Prometheus writes OpenMetrics:\n%s", d)
	}
	if !strings.HasSuffix(text, "\n# EOF\n") || strings.Contains(text, "\n\n") {
		t.Error("OpenMetrics ends in # EOF and has no empty line")
	}
}

func key(name string, m *dto.Metric) string {
	var pairs []string
	for _, l := range m.Label {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	return name + "{" + strings.Join(pairs, " ")
}

// metricLines sorts lines and writes every number in one way.
func metricLines(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, l := range lines {
		at := strings.LastIndexByte(l, ' ') + 1
		if v, err := strconv.ParseFloat(l[at:], 64); err == nil && l[0] != '#' {
			lines[i] = l[:at] + strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	slices.SortFunc(lines, cmp.Compare)
	return lines
}

// TestOpenMetricsEnergy: no energy without what it is worth, and none where
// there is none.
func TestOpenMetricsEnergy(t *testing.T) {
	for name, c := range energyCases() {
		s := summary(t, c.fixture.write(t, t.TempDir()))
		ms := parsed(t, openMetrics(t, s))["nebula_energy_joules"].GetMetric()
		want := len(s.ran())
		switch c.status {
		case stats.Unavailable:
			want = 0
		case stats.BelowResolution:
		default:
			want *= 3
		}
		if len(ms) != want {
			t.Errorf("%s: %d values, want %d", name, len(ms), want)
		}
		for _, m := range ms {
			k := key("", m)
			if !strings.Contains(k, " status="+strings.ReplaceAll(string(c.status), " ", "_")+" source=") ||
				strings.Contains(name, "estimated") != strings.Contains(k, "source=estimate: ") ||
				strings.Contains(name, "simulated") != strings.Contains(k, "source=simulation: ") ||
				m.GetGauge().GetValue() <= 0 {
				t.Errorf("%s: %s %v", name, k, m.GetGauge().GetValue())
			}
		}
	}
}

// TestOpenMetricsNames puts any name into a label and reads it back.
func TestOpenMetricsNames(t *testing.T) {
	for _, name := range append([]string{"a\"} 1\nnebula_false 1", `back\slash\n`, "é 漢", "\r\t\x7f"}, hostileNames...) {
		fs := parsed(t, openMetrics(t, summary(t, hostile(name).write(t, t.TempDir()))))
		ms := fs["nebula_startup_seconds"].GetMetric()
		if len(ms) == 0 {
			t.Fatalf("%q: no metric", name)
		}
		for _, l := range ms[0].Label {
			if l.GetName() == "function" && l.GetValue() != name {
				t.Errorf("%q has become %q", name, l.GetValue())
			}
		}
		if fs["nebula_false"] != nil {
			t.Errorf("%q has become a metric", name)
		}
	}
}

// TestMarkdownNames has a reader of GitHub's Markdown make HTML of a summary:
// whatever names hold, it must have the same elements and show the names.
func TestMarkdownNames(t *testing.T) {
	reader := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(ghtml.WithUnsafe()))
	tag := regexp.MustCompile(`</?[a-zA-Z!][^>]*>`)
	cell := regexp.MustCompile(`(?m)^<td><code>(.*)</code></td>$`)
	render := func(name string) string {
		var b bytes.Buffer
		if err := reader.Convert([]byte(markdown(t, summary(t, hostile(name).write(t, t.TempDir())))), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	tags := func(html string) []string { return slices.Sorted(slices.Values(tag.FindAllString(html, -1))) }
	want := tags(render("harmless"))
	names := []string{
		"a|b", `a\|b`, `a\`, "`a`", "``", "*a* __b__ ~~c~~", "[x](javascript:alert(1))", "![x](http://example.org/x.png)",
		"<!-- ", "</code><b>", "&amp;", "&#60;b&#62;", "@somebody #1", "$x$", "- a", "1. a", "# a", "> a", "a\n\n# b", " a ",
		"http://example.org", "HTTPS://EXAMPLE.ORG", "www.example.org", "WWW.EXAMPLE.ORG", "a@example.org", "|---|", "[^1]", "[ ] a", "=== ---",
	}
	for _, name := range append(names, hostileNames...) {
		got := render(name)
		if diff := gocmp.Diff(want, tags(got)); diff != "" {
			t.Errorf("%q has become markup:\n%s\n%s", name, diff, got)
		}
		first := cell.FindStringSubmatch(got)
		if len(first) == 0 || html.UnescapeString(first[1]) != printable(name) {
			t.Errorf("%q is shown as %q", name, first)
		}
	}
}

// TestBenchstat has benchstat read a run and give the medians that Nebula
// gives.
func TestBenchstat(t *testing.T) {
	f := coldstart().write(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "run.txt")
	if err := atomicfile.Write(file, f.ExportBenchfmt); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "tool", "benchstat", "-format", "csv", "-table", "", "-row", "/function,/input,/backend,/start", file)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for _, c := range summary(t, f).ran() {
		for m, v := range c.Metrics {
			want[m+"-sec "+strings.Join([]string{c.Function, c.Input, c.Backend, string(c.Start)}, " ")] = float64(v.MedianNS)
		}
	}
	r := csv.NewReader(bytes.NewReader(out))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	unit, found := "", 0
	for _, row := range rows {
		if len(row) < 3 || row[0] == "" {
			if len(row) == 3 {
				unit = row[1]
			}
			continue
		}
		ns, ok := want[unit+" "+row[0]]
		if !ok {
			continue // geomean, CPU time, memory
		}
		found++
		got, err := strconv.ParseFloat(row[1], 64)
		if err != nil || math.Abs(got*1e9-ns) > 0.501 { // ours is in whole nanoseconds
			t.Errorf("%s of %s: benchstat gives %s s, Nebula %.0f ns", unit, row[0], row[1], ns)
		}
	}
	if found != len(want) {
		t.Errorf("benchstat gives %d of %d medians:\n%s", found, len(want), out)
	}
}
