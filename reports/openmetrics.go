package reports

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// WriteOpenMetrics writes what a run says as gauges, in OpenMetrics text that
// is the older Prometheus text format (0.0.4) as well: the textfile collector
// of node_exporter reads the latter, and takes the lines that only the former
// knows (UNIT, EOF) for comments.
//
// Names of cells are labels; the run's id is none, or every night would make
// new series. A median that there is not, and an interval for which trials are
// too few, have no line.
func WriteOpenMetrics(w io.Writer, s *Summary) error {
	var b strings.Builder
	of := []string{"experiment", s.Experiment}
	gauge(&b, "nebula_run_started_timestamp_seconds", "seconds", "When the run started, in Unix time.")
	gaugeLine(&b, "nebula_run_started_timestamp_seconds", seconds(s.Started.UnixNano()), of...)
	gauge(&b, "nebula_run_complete", "", "Whether the run came to its end.")
	complete := "0"
	if s.State == results.Complete {
		complete = "1"
	}
	gaugeLine(&b, "nebula_run_complete", complete, of...)
	gauge(&b, "nebula_run_missing_trials", "", "Trials of the plan that did not end.")
	gaugeLine(&b, "nebula_run_missing_trials", strconv.Itoa(s.Trials.Missing), of...)

	cells := s.ran()
	gauge(&b, "nebula_trials", "", "Trials of the cell by outcome, without warm-ups. Only those with outcome ok are in the medians.")
	for _, c := range cells {
		for _, o := range experiment.Outcomes {
			if n := c.Outcomes[o]; n > 0 || o == experiment.OK {
				gaugeLine(&b, "nebula_trials", strconv.Itoa(n), append(labels(s, c), "outcome", string(o))...)
			}
		}
	}
	for _, m := range experiment.Metrics {
		name := "nebula_" + m.Name + "_seconds"
		gauge(&b, name, "seconds", fmt.Sprintf("From %s to %s: the median over the trials that count, and its 95 percent interval.", m.From, m.To))
		for _, c := range cells {
			v, ok := c.Metrics[m.Name]
			if !ok {
				continue
			}
			gaugeLine(&b, name, seconds(v.MedianNS), append(labels(s, c), "stat", "median")...)
			if v.LowNS != nil {
				gaugeLine(&b, name, seconds(*v.LowNS), append(labels(s, c), "stat", "low")...)
				gaugeLine(&b, name, seconds(*v.HighNS), append(labels(s, c), "stat", "high")...)
			}
		}
	}
	gauge(&b, "nebula_cpu_seconds", "seconds", "CPU time of a trial: the median over those that count.")
	for _, c := range cells {
		if c.CPUNS > 0 {
			gaugeLine(&b, "nebula_cpu_seconds", seconds(c.CPUNS), labels(s, c)...)
		}
	}
	gauge(&b, "nebula_peak_memory_bytes", "bytes", "Peak memory of a trial: the median over those that count.")
	for _, c := range cells {
		if c.PeakMemory > 0 {
			gaugeLine(&b, "nebula_peak_memory_bytes", strconv.FormatInt(c.PeakMemory, 10), labels(s, c)...)
		}
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// gauge writes what stands above the samples of a metric.
func gauge(b *strings.Builder, name, unit, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	if unit != "" {
		fmt.Fprintf(b, "# UNIT %s %s\n", name, unit)
	}
}

func gaugeLine(b *strings.Builder, name, value string, pairs ...string) {
	b.WriteString(name)
	for i, pair := range slices.Collect(slices.Chunk(pairs, 2)) {
		b.WriteString([]string{"{", ","}[min(i, 1)])
		fmt.Fprintf(b, `%s="%s"`, pair[0], labelEscape.Replace(pair[1]))
	}
	fmt.Fprintf(b, "} %s\n", value)
}

// labelEscape makes any text a label's value; both formats know these three
// escapes and no other.
var labelEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labels(s *Summary, c Cell) []string {
	return []string{"experiment", s.Experiment, "function", c.Function, "input", c.Input, "backend", c.Backend, "start", string(c.Start)}
}

// seconds shows nanoseconds as seconds, every digit of them.
func seconds(ns int64) string {
	return strconv.FormatFloat(float64(ns)/float64(time.Second), 'f', -1, 64)
}
