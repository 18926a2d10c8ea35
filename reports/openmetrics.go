package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/stats"
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
	gauge(&b, "nebula_run_started_timestamp_seconds", "seconds", "When the run started, in Unix time.", func(add addSample) {
		add(seconds(s.Started.UnixNano()), of...)
	})
	gauge(&b, "nebula_run_complete", "", "Whether the run came to its end.", func(add addSample) {
		add(truth(s.State == results.Complete), of...)
	})
	gauge(&b, "nebula_run_missing_trials", "", "Trials of the plan that did not end.", func(add addSample) {
		add(strconv.Itoa(s.Trials.Missing), of...)
	})
	gauge(&b, "nebula_threshold", "", "The state of a threshold of the experiment: 1 for the one it is in, 0 for the others.", func(add addSample) {
		for _, t := range s.Thresholds {
			for _, h := range []stats.Holding{stats.Holds, stats.Undecided, stats.Breached} {
				add(truth(t.Holding == h), "experiment", s.Experiment, "threshold", t.Name, "state", string(h))
			}
		}
	})
	cells := s.ran()
	gauge(&b, "nebula_trials", "", "Trials of the cell by outcome, without warm-ups. Only those with outcome ok are in the medians.", func(add addSample) {
		for _, c := range cells {
			for _, o := range experiment.Outcomes {
				if n := c.Outcomes[o]; n > 0 || o == experiment.OK {
					add(strconv.Itoa(n), labels(s, c, "outcome", string(o))...)
				}
			}
		}
	})
	for _, m := range experiment.Metrics {
		help := fmt.Sprintf("From %s to %s: the median over the trials that count, and its %g percent interval.", m.From, m.To, 100*stats.Confidence)
		gauge(&b, "nebula_"+m.Name+"_seconds", "seconds", help, func(add addSample) {
			for _, c := range cells {
				v, ok := c.Metrics[m.Name]
				if !ok {
					continue
				}
				add(seconds(v.MedianNS), labels(s, c, "stat", "median")...)
				if v.LowNS != nil {
					add(seconds(*v.LowNS), labels(s, c, "stat", "low")...)
					add(seconds(*v.HighNS), labels(s, c, "stat", "high")...)
				}
			}
		})
	}
	gauge(&b, "nebula_cpu_seconds", "seconds", "CPU time of a trial: the median over those that count.", func(add addSample) {
		for _, c := range cells {
			if c.CPUNS > 0 {
				add(seconds(c.CPUNS), labels(s, c)...)
			}
		}
	})
	gauge(&b, "nebula_peak_memory_bytes", "bytes", "Peak memory of a trial: the median over those that count.", func(add addSample) {
		for _, c := range cells {
			if c.PeakMemory > 0 {
				add(strconv.FormatInt(c.PeakMemory, 10), labels(s, c)...)
			}
		}
	})
	gauge(&b, "nebula_energy_joules", "joules", "Energy of an invocation. Net is without what the idle machine takes; where it can not be told from nothing, below is what it is less than. Status and source say what the number is worth.", func(add addSample) {
		for _, c := range cells {
			e := c.Energy
			if e == nil || e.Status == stats.Unavailable {
				continue
			}
			source := e.Source
			if e.Simulated {
				source = "simulation: " + source
			}
			energy := func(stat string, joules *float64) {
				if joules != nil {
					add(strconv.FormatFloat(*joules, 'g', -1, 64), labels(s, c, "stat", stat, "status", strings.ReplaceAll(string(e.Status), " ", "_"), "source", source)...)
				}
			}
			if e.Status == stats.BelowResolution {
				energy("below", e.BelowJ)
				continue
			}
			energy("gross", e.GrossJ)
			energy("net", e.NetJ)
			energy("net_uncertainty", e.UJ)
		}
	})
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// addSample adds one value of a metric with its labels, name after name.
type addSample func(value string, pairs ...string)

// gauge writes a metric with its samples; nothing at all where it has none.
func gauge(b *strings.Builder, name, unit, help string, fill func(addSample)) {
	begun := false
	fill(func(value string, pairs ...string) {
		if !begun {
			fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
			if unit != "" {
				fmt.Fprintf(b, "# UNIT %s %s\n", name, unit)
			}
			begun = true
		}
		b.WriteString(name)
		for i := 0; i < len(pairs); i += 2 {
			fmt.Fprintf(b, `%s%s="%s"`, []string{"{", ","}[min(i, 1)], pairs[i], labelEscape.Replace(pairs[i+1]))
		}
		fmt.Fprintf(b, "} %s\n", value)
	})
}

func truth(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// labelEscape makes any text a label's value; both formats know these three
// escapes and no other.
var labelEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labels(s *Summary, c Cell, more ...string) []string {
	return append([]string{"experiment", s.Experiment, "function", c.Function, "input", c.Input, "backend", c.Backend, "start", string(c.Start)}, more...)
}

// seconds shows nanoseconds as seconds, every digit of them.
func seconds(ns int64) string {
	return strconv.FormatFloat(float64(ns)/float64(time.Second), 'f', -1, 64)
}
