package reports

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nebula-bench/nebula/internal/words"
)

// Sentence is text in which names from files are marked, so that a page can
// keep them apart from its own words whatever they hold.
type Sentence []Span

// Span is a piece of a sentence.
type Span struct {
	Kind string // "": our words; name: a name from a file; number; interval
	Text string
}

// String is the sentence as plain text.
func (s Sentence) String() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Text)
	}
	return b.String()
}

// MarshalJSON writes the sentence as a string.
func (s Sentence) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

func (s *Sentence) say(format string, args ...any) *Sentence {
	*s = append(*s, Span{"", fmt.Sprintf(format, args...)})
	return s
}

func (s *Sentence) name(names ...string) *Sentence {
	for i, n := range names {
		if i > 0 {
			s.say(" ")
		}
		*s = append(*s, Span{"name", n})
	}
	return s
}

func (s *Sentence) number(text string) *Sentence {
	*s = append(*s, Span{"number", text})
	return s
}

func (s *Sentence) interval(text string) *Sentence {
	*s = append(*s, Span{"interval", text})
	return s
}

// names lists names, the last after "and"; of many, only the first few.
func (s *Sentence) names(names []string) *Sentence {
	const most = 4
	shown := names
	if len(names) > most+1 {
		shown = names[:most]
	}
	for i, n := range shown {
		switch {
		case i > 0 && i == len(names)-1:
			s.say(" and ")
		case i > 0:
			s.say(", ")
		}
		s.name(n)
	}
	if more := len(names) - len(shown); more > 0 {
		s.say(" and %d more", more)
	}
	return s
}

func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + " …"
}

func plural(n int, one string) string { return words.Count(n, one) }
