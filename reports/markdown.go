package reports

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/nebula-bench/nebula/internal/words"
)

// WriteMarkdown writes verdicts, caveats and the tables of cells as Markdown,
// for a paper or a pull request. Names from files are code, and can't end it.
func WriteMarkdown(w io.Writer, s *Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\nRun %s: %s, %d of %d trials, %d not ok.", mdCode(s.Experiment), mdCode(s.Run),
		s.State, s.Trials.Ended, s.Trials.Planned, s.Trials.Bad)
	if s.Title != "" {
		fmt.Fprintf(&b, " %s", mdText(oneLine(s.Title)))
	}
	b.WriteString("\n\n")
	for _, c := range s.Thresholds {
		fmt.Fprintf(&b, "- %s\n", mdSentence(c.line()))
	}
	if len(s.Thresholds) > 0 {
		b.WriteByte('\n')
	}
	above, below := split(s.Caveats)
	mdCaveats(&b, above)
	for _, v := range s.Verdicts {
		fmt.Fprintf(&b, "- %s: %s (%s)\n", mdCode(v.subject()), mdSentence(v.Sentence), mdText(v.Basis))
	}
	for _, c := range s.Crossovers {
		fmt.Fprintf(&b, "- %s: %s (%s)\n", mdCode(c.Function), mdSentence(c.Sentence), crossoverBasis)
	}
	if len(s.Verdicts) > 0 {
		b.WriteByte('\n')
	}
	mdCaveats(&b, below)
	fmt.Fprintf(&b, "| function | input | backend | start | %s | n | not ok |\n", strings.Join(shownMetrics, " | "))
	fmt.Fprintf(&b, "|---|---|---|---|%s---:|---|\n", strings.Repeat("---:|", len(shownMetrics)))
	for _, f := range functions(s.ran()) {
		for _, c := range byInput(s.ran(), f) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |", mdCode(c.Function), mdCode(c.Input), mdCode(c.Backend), c.Start)
			for _, name := range shownMetrics {
				if m, ok := c.Metrics[name]; ok {
					fmt.Fprintf(&b, " %s %s |", duration(m.MedianNS), bounds(m))
				} else {
					b.WriteString(" – |")
				}
			}
			fmt.Fprintf(&b, " %d | %s |\n", c.N, bad(c))
		}
	}
	fmt.Fprintf(&b, "\nMedians with %ss.", intervalHead)
	mdEnergy(&b, s)
	h := s.run.Host
	fmt.Fprintf(&b, " Nebula %s on %s, %s, %s, kernel %s", mdText(s.run.Nebula),
		mdText(h.CPU), plural(h.Cores, "core"), mdText(h.OS), mdText(h.Kernel))
	if of, is := guest(&s.run); is {
		fmt.Fprintf(&b, ", a virtual machine (%s)", mdText(of))
	}
	b.WriteString(".\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func mdEnergy(b *strings.Builder, s *Summary) {
	if !hasEnergy(s) {
		return
	}
	b.WriteString("\n\n| function | input | backend | start | net energy | gross energy | invocations |\n|---|---|---|---|---:|---:|---:|\n")
	for _, f := range functions(s.ran()) {
		for _, c := range byInput(s.ran(), f) {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", mdCode(c.Function), mdCode(c.Input), mdCode(c.Backend), c.Start,
				mdText(c.Energy.net()), mdText(c.Energy.gross()), c.Energy.counted())
		}
	}
	fmt.Fprintf(b, "\n%s", energyBasis(s))
}

func mdCaveats(b *strings.Builder, cs []Caveat) {
	for _, c := range cs {
		fmt.Fprintf(b, "> **%s**: %s", c.Level, mdSentence(c.Text))
		if c.Detail != "" {
			fmt.Fprintf(b, " %s", mdCode(oneLine(c.Detail)))
		}
		if c.LastWords != "" {
			fmt.Fprintf(b, " The function's last words: %s", mdCode(oneLine(words.Last(c.LastWords, mostError))))
		}
		b.WriteString("\n\n")
	}
}

func mdSentence(s Sentence) string {
	var b strings.Builder
	for _, p := range s {
		switch p.Kind {
		case "name":
			b.WriteString(mdCode(p.Text))
		case "number":
			b.WriteString("**" + mdText(p.Text) + "**")
		default:
			b.WriteString(mdText(p.Text))
		}
	}
	return b.String()
}

// mdText makes any text a piece of a paragraph: what Markdown could read as
// more than text is written as a reference to its character, which holds in
// tables too, where a backslash does not always.
func mdText(s string) string { return mdLinks.Replace(mdEscape(s, ",.;:!?()%/'+-=[] ")) }

// mdLinks takes away what makes a link of brackets and of addresses.
var mdLinks = strings.NewReplacer("](", "]&#40;", "www.", "www&#46;", "://", "&#58;//")

// mdCode makes any text code. Most names are plain and stand between
// backticks. Between those nothing can be escaped, so the others are an
// element with character references.
func mdCode(s string) string {
	if s != "" && s == strings.TrimSpace(s) && strings.IndexFunc(s, func(r rune) bool { return !mdPlain(r, ".-=:/+ _") }) < 0 {
		return "`" + s + "`"
	}
	return "<code>" + mdEscape(s, ".-=:/+ ") + "</code>"
}

func mdEscape(s, plain string) string {
	var b strings.Builder
	for _, r := range printable(s) {
		if mdPlain(r, plain) || r > unicode.MaxASCII {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

func mdPlain(r rune, plain string) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(plain, r)
}
