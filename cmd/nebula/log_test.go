package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/internal/words"
)

// TestLinesOfALog: what is logged with several lines, as a compiler's errors
// are, is shown line by line, and harmless.
func TestLinesOfALog(t *testing.T) {
	var b bytes.Buffer
	a := &app{stderr: words.NewTerminal(&b)}
	log := a.logger(a.stderr)
	log.Warn().Str("function", "f").Err(errors.New("second\nof the error")).Msg("left out: clang\r\nmain.c:1:\t\x1b[2Jint\u202e\n\n    ^\n")
	_, got, _ := strings.Cut(b.String(), " ") // the time
	want := "WRN left out: clang error=second function=f\n" +
		"    main.c:1:    \ufffd[2Jint\ufffd\n    \n        ^\n    of the error\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
