package reports

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// mostEnvironment is how many differences that only may explain a change are
// written out.
const mostEnvironment = 8

// WriteChanges writes a comparison for a terminal: first what a reader must
// know before the table.
func WriteChanges(w io.Writer, c *Changes) error {
	var b strings.Builder
	for _, side := range []struct {
		name string
		r    Compared
	}{{"old", c.Old}, {"new", c.New}} {
		fmt.Fprintf(&b, "%s: %s  %s, %s", side.name, printable(side.r.Experiment), printable(side.r.Run), side.r.State)
		if side.r.Missing > 0 {
			fmt.Fprintf(&b, ", %s missing", plural(side.r.Missing, "trial"))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, line := range c.notes() {
		fmt.Fprintf(&b, "%s\n", printable(line))
	}
	if len(c.notes()) > 0 {
		b.WriteByte('\n')
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	metric := ""
	for _, m := range c.byMetric() {
		for _, x := range m {
			if x.Metric != metric {
				if metric != "" {
					fmt.Fprintln(t)
				}
				metric = x.Metric
				fmt.Fprintf(t, "%s\tOLD\tNEW\tCHANGE\tVERDICT\tP, N\n", strings.ToUpper(metric))
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(x.Cell.String()), medianText(x.Old), medianText(x.New), x.changeText(), x.verdictText(), x.basisText())
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(c.Cells) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\n", c.Line())
	if len(c.Cells) > 0 {
		fmt.Fprintf(&b, "Medians; change of the median with its %s bootstrap interval, beyond a margin of %s; Mann–Whitney, Holm over %d.\n", level, percent(c.Margin), len(c.Cells))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notes are what a reader must know before the table.
func (c *Changes) notes() (lines []string) {
	if c.Old.Experiment != c.New.Experiment {
		lines = append(lines, fmt.Sprintf("comparison likely invalid: different experiments, %s and %s", c.Old.Experiment, c.New.Experiment))
	}
	explain, left := 0, 0
	for _, e := range c.Environment {
		from, to := orNothing(e.A), orNothing(e.B)
		switch {
		case e.Invalid != "":
			lines = append(lines, fmt.Sprintf("comparison likely invalid: %s (%s: %s → %s)", e.Invalid, e.What, from, to))
		case strings.HasPrefix(e.What, disturbedPrefix): // whole, however long
			explain++
			lines = append(lines, fmt.Sprintf("may explain a change: %s: %s → %s", e.What, from, to))
		case explain < mostEnvironment:
			explain++
			lines = append(lines, fmt.Sprintf("may explain a change: %s: %s → %s", e.What, shorten(from, 80), shorten(to, 80)))
		default:
			left++
		}
	}
	if left > 0 {
		lines = append(lines, fmt.Sprintf("%s more may explain a change: nebula show %s --diff %s", plural(left, "difference"), c.Old.Run, c.New.Run))
	}
	for _, x := range c.Apart {
		what := "not compared"
		if x.Broken {
			what = "broken"
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s", what, x.Cell, x.Why))
	}
	for _, x := range c.Troubled {
		lines = append(lines, fmt.Sprintf("note: %s: %s", x.Cell, x.Why))
	}
	return lines
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

// byMetric groups what was compared, keeping the order of cells.
func (c *Changes) byMetric() (groups [][]Change) {
	index := map[string]int{}
	for _, x := range c.Cells {
		i, ok := index[x.Metric]
		if !ok {
			i = len(groups)
			index[x.Metric] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	return groups
}

// medianText is a median with half its interval in per cent of it, the longer
// half.
func medianText(m Metric) string {
	text := duration(m.MedianNS)
	if m.LowNS == nil || m.MedianNS <= 0 {
		return text + " ± ?"
	}
	half := max(*m.HighNS-m.MedianNS, m.MedianNS-*m.LowNS)
	return fmt.Sprintf("%s ± %.0f %%", text, 100*float64(half)/float64(m.MedianNS))
}

// changeText is the change of the median with its interval, in per cent; as a
// factor where it is large.
func (x Change) changeText() string {
	if x.Ratio == nil {
		return "–"
	}
	interval := " [too few trials]"
	if *x.Ratio >= 2 || *x.Ratio <= 0.5 {
		if x.Low != nil {
			interval = fmt.Sprintf(" [%.3g, %.3g]", *x.Low, *x.High)
		}
		return fmt.Sprintf("× %.3g%s", *x.Ratio, interval)
	}
	if x.Low != nil {
		interval = fmt.Sprintf(" [%+.1f, %+.1f]", 100*(*x.Low-1), 100*(*x.High-1))
	}
	return fmt.Sprintf("%+.1f %%%s", 100*(*x.Ratio-1), interval)
}

func (x Change) verdictText() string {
	switch {
	case x.Unconfirmed:
		return "unsure: not when it ran again"
	case x.disturbed != nil:
		return x.wasDisturbed()
	case x.Course != Unsure:
		return string(x.Course)
	}
	text := "unsure"
	if x.Chance {
		text += ": may be chance"
	}
	if x.Need > 0 {
		text += fmt.Sprintf(", about %d trials would settle it", x.Need)
	}
	return text
}

func (x Change) basisText() string {
	n := fmt.Sprintf("n=%d+%d", x.Old.N, x.New.N)
	switch {
	case x.P == nil:
		return n
	case *x.P < 0.001:
		return "p<0.001 " + n
	}
	return fmt.Sprintf("p=%.3f %s", *x.P, n)
}

// Line says in one sentence how the comparison came out.
func (c *Changes) Line() string {
	if !c.Comparable() {
		return "Nothing is comparable."
	}
	var parts []string
	for _, course := range Courses {
		if n := c.Count(course); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, course))
		}
	}
	line := strings.Join(parts, ", ") + "."
	line = strings.ToUpper(line[:1]) + line[1:]
	if c.Confirmed != nil {
		if c.Count(Worse) > 0 {
			line += fmt.Sprintf(" Confirmed by run %s.", printable(c.Confirmed.Run))
		} else {
			line += fmt.Sprintf(" Run %s did not confirm that anything is worse.", printable(c.Confirmed.Run))
		}
	}
	if n := c.takenBack(); n > 0 {
		line += fmt.Sprintf(" %d can't be judged, because the machine was disturbed: %s.", n, printable(c.disturbances()))
	}
	if worst := c.worst(); worst != nil {
		line += fmt.Sprintf(" The worst: %s of %s, %s.", worst.Metric, printable(worst.Cell.String()), worst.changeText())
	}
	return line
}

func (c *Changes) worst() (worst *Change) {
	for i, x := range c.Cells {
		if x.Course == Worse && (worst == nil || math.Log(*x.Ratio) > math.Log(*worst.Ratio)) {
			worst = &c.Cells[i]
		}
	}
	return worst
}
