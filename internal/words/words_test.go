package words

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"fibonacci n=10 日本 naïve 👩\u200d🔬": "fibonacci n=10 日本 naïve 👩\u200d🔬",
		"\x1b]0;owned\a\x1b[2J":            "�]0;owned��[2J",
		"a\nb\tc\rd":                       "a�b�c�d",
		"\u202eevil\u2066":                 "�evil�",
		"\u009b2J\x7f":                     "�2J�",
		"\x9b2J\xff":                       "�2J�", // as one byte, and no character
		"":                                 "",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Text("a\n\tb\r\x1b"); got != "a\n\tb��" {
		t.Errorf("Text: %q", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 runs", 1: "1 run", 2: "2 runs"} {
		if got := Count(n, "run"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		got, want string
	}{
		{Ends("äöü", 3), "äöü"}, {Ends("äöüß", 3), "ä … üß"}, {Last("äöü", 3), "äöü"}, {Last("äöü", 2), "… öü"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// What is shown does not depend on how it was cut into pieces.
func FuzzTerminal(f *testing.F) {
	f.Add("日本\x1b[31m\x9b\xe6\x97", 3)
	f.Add("👩\u200d🔬\xf0\x9f\x91", 5)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = max(1, n%7)
		var b strings.Builder
		w := NewTerminal(&b)
		for rest := s + "\n"; rest != ""; {
			part := rest[:min(n, len(rest))]
			rest = rest[len(part):]
			if k, err := w.Write([]byte(part)); k != len(part) || err != nil {
				t.Fatal(k, err)
			}
		}
		if b.String() != Text(s+"\n") {
			t.Errorf("in pieces of %d: %q, want %q", n, b.String(), Text(s+"\n"))
		}
		for _, r := range b.String() {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) || !utf8.ValidRune(r) {
				t.Errorf("%q comes through", r)
			}
		}
	})
}
