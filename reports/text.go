package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nebula-bench/nebula/experiment"
)

// shownMetrics are those of the tables; the others are in the JSON.
var shownMetrics = []string{"startup", "runtime", "total", "teardown"}

// WriteText writes the summary for a terminal, in the order of the page.
func WriteText(w io.Writer, s *Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", printable(s.Experiment), printable(s.Run))
	if s.Title != "" {
		fmt.Fprintf(&b, "%s\n", printable(oneLine(s.Title)))
	}
	fmt.Fprintf(&b, "%s, %d of %d trials, %d not ok\n\n", s.State, s.Trials.Ended, s.Trials.Planned, s.Trials.Bad)
	for _, c := range s.Thresholds {
		fmt.Fprintf(&b, "%s\n", printable(c.line().String()))
	}
	if len(s.Thresholds) > 0 {
		b.WriteByte('\n')
	}
	above, below := split(s.Caveats)
	for _, c := range above {
		textCaveat(&b, strings.ToUpper(string(c.Level)), c)
	}
	for _, v := range s.Verdicts {
		fmt.Fprintf(&b, "%s: %s\n    (%s)\n", printable(v.subject()), printable(v.Sentence.String()), v.Basis)
	}
	for _, c := range s.Crossovers {
		fmt.Fprintf(&b, "%s: %s\n    (%s)\n", printable(c.Function), printable(c.Sentence.String()), crossoverBasis)
	}
	if len(s.Verdicts) > 0 {
		b.WriteByte('\n')
	}
	for _, c := range below {
		textCaveat(&b, string(c.Level), c)
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	stopped := slices.ContainsFunc(s.ran(), func(c Cell) bool { return c.Stop != nil })
	fmt.Fprintf(t, "FUNCTION\tINPUT\tBACKEND\tSTART\t%s\tN\tNOT OK", strings.ToUpper(strings.Join(shownMetrics, "\t")))
	if stopped {
		fmt.Fprint(t, "\tSTOPPED")
	}
	fmt.Fprintln(t)
	for _, f := range functions(s.ran()) {
		for _, c := range byInput(s.ran(), f) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t", printable(c.Function), printable(c.Input), printable(c.Backend), c.Start)
			for _, name := range shownMetrics {
				if m, ok := c.Metrics[name]; ok {
					fmt.Fprintf(t, "%s %s\t", duration(m.MedianNS), bounds(m))
				} else {
					fmt.Fprint(t, "–\t")
				}
			}
			fmt.Fprintf(t, "%d\t%s", c.N, bad(c))
			if stopped {
				fmt.Fprintf(t, "\t%s", stopWords(c.Stop))
			}
			fmt.Fprintln(t)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "Medians with %ss.\n", intervalHead)
	if err := textEnergy(&b, s); err != nil {
		return err
	}
	for _, l := range s.LeftOut {
		if l.Chosen {
			fmt.Fprintf(&b, "left out: %s on %s %s, %s: %s\n", printable(l.Function), printable(l.Backend), l.Start,
				plural(l.Cells, "cell"), printable(oneLine(l.Reason)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func textCaveat(b *strings.Builder, level string, c Caveat) {
	fmt.Fprintf(b, "%s: %s\n", level, printable(c.Text.String()))
	if c.Detail != "" {
		first, rest, more := strings.Cut(strings.TrimSpace(c.Detail), "\n")
		fmt.Fprintf(b, "    %s\n", printable(oneLine(first)))
		if more {
			for _, line := range firstLines(rest, mostLines) {
				fmt.Fprintf(b, "    | %s\n", printable(line))
			}
		}
	}
	if c.LastWords != "" {
		b.WriteString("    the function's last words:\n")
		for _, line := range lastLines(c.LastWords, 10) {
			fmt.Fprintf(b, "    | %s\n", printable(line))
		}
	}
	b.WriteByte('\n')
}

// lastLines gives the last few lines of a text.
func lastLines(s string, most int) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\t", "    "), "\r\n "), "\n")
	return lines[max(0, len(lines)-most):]
}

// mostLines is how many further lines are shown of what a compiler or a builder
// said. The log and the page have all.
const mostLines = 20

// firstLines gives the first few lines of a text, and says how many follow.
func firstLines(s string, most int) []string {
	lines := lastLines(s, len(s)+1)
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, "\r")
	}
	if n := len(lines) - most; n > 0 {
		return append(lines[:most:most], "… and "+plural(n, "line")+" more")
	}
	return lines
}

// subject says what a verdict is about.
func (v Verdict) subject() string {
	if len(v.Comparisons) == 1 {
		return v.Function + " " + v.Comparisons[0].Input
	}
	return v.Function
}

// bad counts the outcomes of a cell that are not ok, warm-ups apart.
func bad(c Cell) string {
	var parts []string
	for _, o := range experiment.Outcomes {
		if n := c.Outcomes[o]; n > 0 && o != experiment.OK {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(o), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}
