package results

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/perf/benchfmt"

	"github.com/nebula-bench/nebula/experiment"
)

// ExportBenchfmt writes one result per trial that counts in the Go benchmark
// format (https://go.dev/design/14313-benchmark-format), which benchstat
// reads. Units are metric-ns, as Go's own benchmarks call further times; a
// reader makes seconds of them.
//
// A cell is the name: BenchmarkTrial/function=f/input=i/backend=b/start=s.
// What of the machine would make numbers incomparable is the configuration,
// because benchstat keeps results of different configurations in different
// tables. Which run it was is a line that readers pass over.
func (f *Folder) ExportBenchfmt(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "# run %s\n", benchToken(f.Run.ID)); err != nil {
		return err
	}
	out := benchfmt.NewWriter(w)
	units := []string{"cpu-ns", "peak-memory-B"}
	for _, m := range experiment.Metrics {
		units = append(units, m.Name+"-ns")
	}
	for _, u := range units {
		if err := out.Write(&benchfmt.UnitMetadata{
			UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: u, Key: "better"}, OrigUnit: u, Value: "lower",
		}); err != nil {
			return err
		}
	}
	result := &benchfmt.Result{Config: f.benchConfig(), Iters: 1}
	for t, err := range f.Trials() {
		if err != nil {
			return err
		}
		if !t.Counts() {
			continue
		}
		result.Name = fmt.Appendf(result.Name[:0], "Trial/function=%s/input=%s/backend=%s/start=%s",
			benchToken(t.Function), benchToken(t.Input), benchToken(t.Backend), t.Start)
		if result.Values = t.benchValues(result.Values[:0]); len(result.Values) == 0 {
			continue // a line without a value can't be read
		}
		if err := out.Write(result); err != nil {
			return err
		}
	}
	return nil
}

func (t *Trial) benchValues(vs []benchfmt.Value) []benchfmt.Value {
	add := func(n int64, ok bool, unit string) {
		if ok {
			vs = append(vs, benchfmt.Value{Value: float64(n), Unit: unit})
		}
	}
	for _, m := range experiment.Metrics {
		ns, ok := t.At.Metric(m)
		add(ns, ok, m.Name+"-ns")
	}
	add(t.CPU, t.CPU > 0, "cpu-ns")
	add(t.PeakMemory, t.PeakMemory > 0, "peak-memory-B")
	return vs
}

func (f *Folder) benchConfig() (cs []benchfmt.Config) {
	h := f.Run.Host
	for _, c := range [][2]string{
		{"experiment", f.Run.Experiment}, {"os", h.OS}, {"kernel", h.Kernel}, {"cpu", h.CPU},
		{"cores", fmt.Sprint(h.Cores)}, {"governor", h.Governor}, {"hypervisor", h.Hypervisor},
	} {
		if v := oneLine(c[1]); v != "" {
			cs = append(cs, benchfmt.Config{Key: c[0], Value: []byte(v), File: true})
		}
	}
	return cs
}

// benchToken makes one part of a benchmark's name of a name from a file. The
// format gives a meaning to spaces and slashes and knows no escape, so they
// are written as in a URL: a/b is a%2Fb.
func benchToken(s string) string { return url.PathEscape(s) }

// oneLine keeps a fact of the machine on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
