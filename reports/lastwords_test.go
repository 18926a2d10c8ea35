package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// TestLastWords: of what a function wrote before it failed, its end is shown
// everywhere, and so are both ends of a long message.
func TestLastWords(t *testing.T) {
	x := coldstart()
	x.inputs, x.repeat = []string{"n=0"}, 6
	x.change = func(r *results.Trial) {
		r.Outcome = experiment.Failed
		r.Error = "exit code 2" + strings.Repeat(" and so on", 100) + " BECAUSE"
		r.Stderr = "\x1b[31mBEGIN" + strings.Repeat("frame of a <stack>\n\tat a line\n", 130) + "THE END\n"
	}
	out := t.TempDir()
	f := x.write(t, out)
	s, err := Summarise(f)
	if err != nil {
		t.Fatal(err)
	}
	var text, md bytes.Buffer
	if err := WriteText(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := WriteMarkdown(&md, s); err != nil {
		t.Fatal(err)
	}
	if err := Write(out, f); err != nil {
		t.Fatal(err)
	}
	if err := WriteIndex(out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(f.Dir, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(out, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]string{"text": text.String(), "Markdown": md.String(), "page": string(page), "index": string(index), "JSON": string(asJSON)} {
		for _, want := range []string{"THE END", "exit code 2 and so on", "BECAUSE"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q", where, want)
			}
		}
		if strings.Contains(got, "BEGIN") || len(s.Cells) == 0 {
			t.Errorf("%s: it holds all that was written", where)
		}
	}
	if !strings.Contains(string(page), "<details><summary>The function’s last words</summary><pre class=\"detail\"><bdi>") || strings.Contains(string(page), "<stack>") {
		t.Error("the page does not fold them, or takes them for its own")
	}
	if !strings.Contains(text.String(), "    | THE END\n") || strings.Count(text.String(), "    | ") != 10*strings.Count(text.String(), "last words:") {
		t.Errorf("text:\n%s", text.String())
	}
}

// TestLinesOfADetail: what a compiler said is shown line by line, from its
// beginning, and harmless; one line stays one.
func TestLinesOfADetail(t *testing.T) {
	for name, tt := range map[string]struct{ detail, want string }{
		"one":     {"no engine", ":\n    no engine\n\n"},
		"several": {"clang: exit status 1\n./main.c:1:\t\x1b[2Jerror\r\n  ^\n", "    clang: exit status 1\n    | ./main.c:1:    \ufffd[2Jerror\n    |   ^\n\n"},
		"many":    {"go: exit status 1" + strings.Repeat("\nline", mostLines+2), "    | line\n    | … and 2 lines more\n\n"},
	} {
		var b strings.Builder
		textCaveat(&b, "MISSING", Caveat{Level: Missing, Detail: tt.detail})
		if got := strings.Replace(b.String(), ": \n", ":\n", 1); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
