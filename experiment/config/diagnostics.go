package config

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"

	"github.com/nebula-bench/nebula/internal/words"
)

// Problems are what is wrong with an experiment, with the sources to show
// them in.
type Problems struct {
	hcl.Diagnostics
	Files map[string]*hcl.File
}

// Write prints the problems for people. A width of 0 does not wrap lines. What
// stands in a file, or in its name, does nothing to a terminal.
func (p Problems) Write(w io.Writer, width uint, color bool) error {
	files := map[string]*hcl.File{}
	for name, f := range p.Files {
		shown := *f
		shown.Bytes = inPlace(f.Bytes)
		files[words.Text(name)] = &shown
	}
	var diags hcl.Diagnostics
	for _, d := range p.Diagnostics {
		if f := p.Files[d.Subject.Filename]; f != nil && f.Bytes == nil {
			// Of a file that was not read there is no line to show. The
			// detail names the file.
			if _, err := fmt.Fprintf(w, "Error: %s\n", words.Printable(d.Detail)); err != nil {
				return err
			}
			continue
		}
		shown := *d
		shown.Summary, shown.Detail = words.Text(d.Summary), words.Text(d.Detail)
		shown.Subject, shown.Context = named(d.Subject), named(d.Context)
		diags = append(diags, &shown)
	}
	return hcl.NewDiagnosticTextWriter(w, files, width, color).WriteDiagnostics(diags)
}

func named(r *hcl.Range) *hcl.Range {
	if r == nil {
		return nil
	}
	shown := *r
	shown.Filename = words.Text(r.Filename)
	return &shown
}

// inPlace makes the text of a file harmless and keeps its length, because
// diagnostics point into it by bytes.
func inPlace(text []byte) []byte {
	if s := string(text); words.Text(s) == s {
		return text
	}
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		_, n := utf8.DecodeRune(text)
		if c := string(text[:n]); words.Text(c) == c || c == "\r" && n < len(text) && text[n] == '\n' {
			out = append(out, c...)
		} else {
			out = append(out, strings.Repeat("?", n)...)
		}
		text = text[n:]
	}
	return out
}

// maxProblems is how many mistakes are worth reading in one go.
const maxProblems = 50

func (ld *loader) add(diags hcl.Diagnostics) { ld.diags = append(ld.diags, diags...) }

func (ld *loader) errorf(at hcl.Range, summary, detail string, args ...any) {
	ld.diags = append(ld.diags, problem(at, summary, fmt.Sprintf(detail, args...)))
}

func problem(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}
}

// followUp marks a diagnostic that stops a library from going on but says
// nothing new.
type followUp struct{}

func silent(at hcl.Range) *hcl.Diagnostic {
	d := problem(at, "Unknown value", "This value follows from an earlier error.")
	d.Extra = followUp{}
	return d
}

// tidy puts diagnostics in the order of the file, and leaves out follow-ups
// and repetitions: an expression inside a loop fails once for each element.
func tidy(diags hcl.Diagnostics, file string) hcl.Diagnostics {
	diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { _, ok := d.Extra.(followUp); return ok })
	other := func(d *hcl.Diagnostic) int {
		if d.Subject.Filename == file {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(other(a), other(b)),
			strings.Compare(a.Subject.Filename, b.Subject.Filename),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Subject.End.Byte, b.Subject.End.Byte),
			strings.Compare(a.Summary, b.Summary),
			strings.Compare(a.Detail, b.Detail),
		)
	})
	diags = slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return *a.Subject == *b.Subject && a.Summary == b.Summary && a.Detail == b.Detail
	})
	if n := len(diags); n > maxProblems {
		diags = append(diags[:maxProblems:maxProblems], problem(*diags[maxProblems].Subject, "Too many mistakes",
			fmt.Sprintf("%d more are not shown. Mend the first ones.", n-maxProblems)))
	}
	return diags
}

// explain adds what would be right where package hcl only says that
// something is not expected.
func explain(diags hcl.Diagnostics, schema *hcl.BodySchema) hcl.Diagnostics {
	var names []string
	for _, a := range schema.Attributes {
		names = append(names, a.Name)
	}
	for _, b := range schema.Blocks {
		names = append(names, b.Type)
	}
	slices.Sort(names)
	for _, d := range diags {
		if !strings.HasSuffix(d.Detail, " not expected here.") {
			continue
		}
		given := ""
		if quoted := strings.Split(d.Detail, `"`); len(quoted) > 1 {
			given = quoted[1]
		}
		switch hint := didYouMean(given, names); {
		case hint != "":
			d.Detail += hint
		case len(names) > 0:
			d.Detail += " Remove it, or write " + list(names) + "."
		default:
			d.Detail += " Remove it."
		}
	}
	return diags
}

// start is the place of what concerns a file as a whole.
func start(file string) hcl.Range {
	return hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// place names a range for use in a sentence, shorter than its String.
func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", filepath.Base(r.Filename), r.Start.Line) }

// quote quotes a name of unknown length.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// shortened takes the middle out of a text that repeats a long value: how to
// mend it stands at the end.
func shortened(s string) string {
	const most = 1500
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most/2], "") + " … " + strings.ToValidUTF8(s[len(s)-most/2:], "")
}

// didYouMean gives a sentence that suggests the nearest name, led by a
// space, or nothing when no name is near.
func didYouMean(given string, names []string) string {
	if n := nearest(given, names); n != "" {
		return " Did you mean " + quote(n) + "?"
	}
	return ""
}

// lost reports whether there are so many mistakes that nobody will read what
// is suggested for the next one. Suggestions take time.
func (ld *loader) lost() bool { return len(ld.diags) > 4*maxProblems }

func (ld *loader) didYouMean(given string, names []string) string {
	if ld.lost() {
		return ""
	}
	return didYouMean(given, names)
}

// nearest gives the name that given was probably meant to be, or "".
func nearest(given string, names []string) string {
	const longest, most = 200, 2000 // what is worth the time
	if len(given) > longest || len(names) > most {
		return ""
	}
	best, distance := "", 3 // of three letters off, nobody can tell
	for _, n := range names {
		d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(n), nil)
		if d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	if best != "" || len(given) < 3 {
		return best
	}
	for _, n := range names {
		if strings.Contains(n, given) {
			return n
		}
	}
	return ""
}

// list joins names for a sentence: a, b or c. Of many it gives the first.
func list(names []string) string { return enumerate(names, "or") }

// listAll is list of names that there are all together.
func listAll(names []string) string { return enumerate(names, "and") }

func enumerate(names []string, last string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", enumerate(names[:most], last), len(names)-most)
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " " + last + " " + quoted[len(quoted)-1]
}
