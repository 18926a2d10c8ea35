// Package experiments holds Nebula's own experiments as data, so that a
// program that was installed without its source can write them anywhere.
//
// Of each it knows what its opening comment says: the question, where it
// comes from, what to look at, and how long it takes. It refuses a comment of
// any other form; what the rest of a file means is experiment/config's affair.
package experiments

//go:generate go test . -update

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Files are the experiments and what lies beside them for their use.
//
//go:embed *.hcl base/*.sh reference/*.json
var Files embed.FS

// Description is what an experiment's opening comment says.
type Description struct {
	Name     string // of the file, without .hcl
	Question string // one sentence
	Source   string // who asked it before, with what result
	LookAt   string // what answers it in the report
	Takes    string // begins with about how long; then what it needs
}

// About is how long the experiment takes: "2 minutes".
func (d Description) About() string {
	return strings.TrimPrefix(takes.FindString(d.Takes), "about ")
}

// List describes every experiment, in the order of their names.
func List() ([]Description, error) {
	entries, err := Files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Description
	for _, e := range entries {
		if path.Ext(e.Name()) != ".hcl" {
			continue
		}
		src, err := Files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		d, err := Describe(string(src))
		if err != nil {
			return nil, fmt.Errorf("experiments/%s: %w", e.Name(), err)
		}
		d.Name = strings.TrimSuffix(e.Name(), ".hcl")
		all = append(all, d)
	}
	return all, nil
}

var (
	field = regexp.MustCompile(`^# (Source|Look at|Takes): +(\S.*)$`)
	more  = regexp.MustCompile(`^# {11}(\S.*)$`)
	takes = regexp.MustCompile(`^about [1-9][0-9]* (second|minute|hour)s?\b`)
)

// Describe reads the opening comment of an experiment. It has one form:
//
//	# Does one thing happen, or
//	# another?
//	#
//	# Source:   where the question comes from
//	# Look at:  what answers it,
//	#           and why
//	# Takes:    about 2 minutes. Needs Go.
//
// and a blank line after it.
func Describe(src string) (Description, error) {
	var d Description
	values := map[string]*string{"Source": &d.Source, "Look at": &d.LookAt, "Takes": &d.Takes}
	order := []string{"Source", "Look at", "Takes"}
	comment, _, _ := strings.Cut(src, "\n\n")
	question, fields, ok := strings.Cut(comment, "\n#\n")
	if !ok {
		return d, errors.New("no opening comment with a question, a line that is just #, and Source, Look at and Takes")
	}
	for line := range strings.SplitSeq(question, "\n") {
		text, ok := strings.CutPrefix(line, "# ")
		if !ok {
			return d, fmt.Errorf("%q is no line of a comment", line)
		}
		add(&d.Question, text)
	}
	if strings.IndexAny(d.Question, ".?!") != len(d.Question)-1 || !strings.HasSuffix(d.Question, "?") {
		return d, fmt.Errorf("%q is not one question", d.Question)
	}
	var current *string
	for line := range strings.SplitSeq(fields, "\n") {
		if m := field.FindStringSubmatch(line); m != nil {
			if len(order) == 0 || m[1] != order[0] {
				return d, fmt.Errorf("%q: the order is Source, Look at, Takes, each once", line)
			}
			current, order = values[m[1]], order[1:]
			add(current, m[2])
		} else if m := more.FindStringSubmatch(line); m != nil && current != nil {
			add(current, m[1])
		} else {
			return d, fmt.Errorf("%q belongs to none of Source, Look at and Takes", line)
		}
	}
	if len(order) > 0 {
		return d, fmt.Errorf("nothing is said of %q", order[0])
	}
	if !takes.MatchString(d.Takes) {
		return d, fmt.Errorf("%q does not begin with how long, such as \"about 2 minutes\"", d.Takes)
	}
	return d, nil
}

func add(text *string, more string) {
	*text = strings.TrimSpace(*text + " " + more)
}
