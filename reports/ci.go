package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/nebula-bench/nebula/internal/words"
)

// ForCI is what a CI system is told of: a run's comparison with an older
// one, its thresholds, or both.
type ForCI struct {
	Changes    *Changes
	Thresholds []Checked
	Strict     bool // what is unsure has failed
}

// JUnit is the part of the format that CI systems agree on.
type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Name    string       `xml:"name,attr"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Failure *junitWhy `xml:"failure,omitempty"`
	Skipped *junitWhy `xml:"skipped,omitempty"`
	Out     string    `xml:"system-out,omitempty"`
}

type junitWhy struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
}

// WriteJUnit writes JUnit XML: a test for each threshold of each cell and for
// each metric of each cell that was compared. What is unsure was skipped, or,
// where that is strict, has failed.
func WriteJUnit(w io.Writer, ci ForCI) error {
	doc := junitSuites{Name: "nebula"}
	if len(ci.Thresholds) > 0 {
		s := junitSuite{Name: "thresholds"}
		for _, t := range ci.Thresholds {
			for _, c := range t.Cells {
				s.add(ci.Strict, t.Name, c.Cell.String(), string(c.Holding), t.Assert+": "+c.text())
			}
		}
		doc.Suites = append(doc.Suites, s)
	}
	if c := ci.Changes; c != nil {
		s := junitSuite{Name: words.Text(fmt.Sprintf("%s against %s", c.New.Run, c.Old.Run))}
		for _, x := range c.Cells {
			text := fmt.Sprintf("%s → %s, %s, %s, %s", medianText(x.Old), medianText(x.New), x.changeText(), x.verdictText(), x.basisText())
			if x.disturbed != nil {
				text += "; " + printable(*x.Disturbed)
			}
			s.add(ci.Strict, x.Metric, x.Cell.String(), string(x.Course), text)
		}
		for _, x := range c.Apart {
			state := string(Unsure)
			if x.Broken {
				state = string(Worse)
			}
			s.add(ci.Strict, "trials", x.Cell.String(), state, x.Why)
		}
		doc.Suites = append(doc.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(strict bool, class, name, state, text string) {
	// Spaces that do not break look odd in a CI system's tables.
	// Names and messages go from there to somebody's terminal.
	text = words.Text(strings.ReplaceAll(text, "\u00a0", " "))
	c := junitCase{Class: words.Text(class), Name: words.Text(name)}
	switch {
	case state == string(Worse) || state == "breached" || state == string(Unsure) && strict:
		c.Failure = &junitWhy{text, state}
		s.Failures++
	case state == string(Unsure):
		c.Skipped = &junitWhy{Message: text}
		s.Skipped++
	default:
		c.Out = text
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// mostRows is how many rows a step summary's table holds; a page of GitHub's
// may have 1 MiB.
const mostRows = 500

// WriteStepSummary writes Markdown for the page of a CI job, what matters
// first.
func WriteStepSummary(w io.Writer, ci ForCI) error {
	var b strings.Builder
	if len(ci.Thresholds) > 0 {
		b.WriteString("### Thresholds\n\n| | threshold | cell | measured |\n|---|---|---|---|\n")
		for _, t := range ci.Thresholds {
			for _, c := range t.Cells {
				fmt.Fprintf(&b, "| %s %s | %s: %s | %s | %s |\n", sign(string(c.Holding), ci.Strict), c.Holding,
					mdCode(t.Name), mdText(t.Metric+" "+t.Assert), mdCode(c.Cell.String()), mdText(c.text()))
			}
		}
		b.WriteByte('\n')
	}
	if c := ci.Changes; c != nil {
		fmt.Fprintf(&b, "### %s against %s\n\n%s\n\n", mdCode(c.New.Run), mdCode(c.Old.Run), mdText(c.Line()))
		for _, line := range c.notes() {
			fmt.Fprintf(&b, "> %s\n\n", mdText(line))
		}
		if len(c.Cells) > 0 {
			b.WriteString("| | cell | metric | old | new | change | verdict |\n|---|---|---|---:|---:|---:|---|\n")
		}
		rows := 0
		for _, course := range Courses {
			for _, x := range c.Cells {
				if x.Course != course {
					continue
				}
				if rows++; rows > mostRows {
					continue
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", sign(string(course), ci.Strict), mdCode(x.Cell.String()), x.Metric,
					medianText(x.Old), medianText(x.New), mdText(x.changeText()), mdText(x.verdictText()))
			}
		}
		if rows > mostRows {
			fmt.Fprintf(&b, "\n%d more rows are not shown.\n", rows-mostRows)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sign(state string, strict bool) string {
	switch {
	case state == string(Worse) || state == "breached" || state == string(Unsure) && strict:
		return "❌"
	case state == string(Unsure):
		return "❔"
	}
	return "✅"
}
