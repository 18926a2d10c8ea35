// Package words makes text fit to be shown to people, whatever it holds:
// names from a stranger's module, the last words of a function, what an
// engine or a file's name says. A terminal obeys what it is shown, so that
// such text could clear it, write into its title, or turn the direction of
// writing and hide what stands there.
//
// It is not for data: what a program reads goes out as it is.
package words

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes a name harmless within a line: no escapes, no line breaks,
// nothing that turns the direction of writing. Each such character becomes
// the one that stands for what can't be shown.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if visible(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Text is Printable for text of several lines, with tabs.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		if visible(r) || r == '\n' || r == '\t' {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// visible reports whether a character is shown and does nothing else. The
// joiner makes one sign of several, and is part of names.
func visible(r rune) bool { return unicode.IsGraphic(r) || r == '\u200d' }

// Count says how many there are of something: 1 run, 2 runs.
func Count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// Last gives the end of a text of so many characters at most: a function's
// last words end with what matters.
func Last(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return "… " + string(r[len(r)-most:])
}

// Ends gives the beginning and the end of a text of so many characters: what
// went wrong stands at the one, and why at the other.
func Ends(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most/2]) + " … " + string(r[len(r)-(most-most/2):])
}

// escape is Text for bytes that end within a character, maybe; rest is that
// beginning of one.
func escape(b []byte) (out string, rest []byte) {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				b, rest = b[:i], b[i:]
			}
			break
		}
	}
	return Text(string(b)), rest
}
