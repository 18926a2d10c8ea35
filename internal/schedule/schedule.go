// Package schedule writes a nightly job as text: systemd units, a line for
// cron and a workflow for GitHub Actions.
//
// It starts nothing and writes no file. A name or path never becomes more
// than itself: what one of the formats cannot hold is an error.
package schedule

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Job is what happens every night: a run, whose exit code is the night's, and
// then, whatever that was, a pruning of old runs.
type Job struct {
	Name    string   // of the experiment: letters, digits, '.', '_', '-'
	File    string   // the experiment, absolute
	Program string   // nebula itself, absolute
	Dir     string   // where it runs, absolute
	Env     []string // NAME=value
	Run     []string // arguments of the run
	Prune   []string // arguments of the pruning
	At      Clock
	// Calendar is a systemd calendar expression, instead of At.
	Calendar string
	Log      string // for cron, absolute; systemd has its journal
}

// Clock is a time of day.
type Clock struct{ Hour, Minute int }

var clockForm = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):([0-5][0-9])$`)

// ParseClock reads a time such as 02:30.
func ParseClock(s string) (c Clock, err error) {
	m := clockForm.FindStringSubmatch(s)
	if m == nil {
		return c, fmt.Errorf("%q is no time of day: it is hours and minutes, such as 02:30", s)
	}
	c.Hour, _ = strconv.Atoi(m[1])
	c.Minute, _ = strconv.Atoi(m[2])
	return c, nil
}

func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// Check reports what no format could hold.
func (j Job) Check() error {
	texts := append([]string{j.File, j.Program, j.Dir, j.Log, j.Calendar}, j.Env...)
	for _, s := range append(append(texts, j.Run...), j.Prune...) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("%q holds what can't stand on one line of text: it can't be scheduled", s)
		}
	}
	for _, p := range []string{j.File, j.Program, j.Dir, j.Log} {
		if !filepath.IsAbs(p) {
			return fmt.Errorf("%q is not an absolute path", p)
		}
	}
	if j.Calendar != "" && strings.TrimSpace(j.Calendar) == "" {
		return errors.New("the calendar expression is empty")
	}
	return nil
}

// shell makes one word for sh of any text.
func shell(s string) string {
	if plain(s, "-_./=:,@+") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func shellWords(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shell(w)
	}
	return strings.Join(quoted, " ")
}

// plain reports whether a text holds only ASCII letters, digits and some
// other characters.
func plain(s, others string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(others, r)
	}) < 0
}
