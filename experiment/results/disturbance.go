package results

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
)

// Disturbance is something that disturbed the machine for a while, before,
// within or after a run, as the run itself found it.
type Disturbance struct {
	Check string `json:"check"` // load, stolen time, …
	Found string `json:"found"`
}

// Disturbances gives those of a run, each check once.
func (r *Run) Disturbances() (out []Disturbance) {
	for _, f := range r.Findings(experiment.Finding.Disturbed) {
		out = append(out, Disturbance{f.Check, f.Found})
	}
	return out
}

// Findings gives those of a run's findings that count, each check once: of each
// session what was found within it, or else before it.
func (r *Run) Findings(count func(experiment.Finding) bool) []experiment.Finding {
	var sessions [][]experiment.Finding
	for _, s := range r.Sessions {
		sessions = append(sessions, slices.Concat(s.During, s.Before))
	}
	return AcrossSessions(sessions, count)
}

// AcrossSessions gives those of the sessions' findings that count, each check
// once. A session tells the first of its worst findings of a check. Sessions
// that found something else are all told, with their numbers: a resumed run is
// disturbed if any of its sessions was, and the first may be the quietest.
func AcrossSessions(sessions [][]experiment.Finding, count func(experiment.Finding) bool) (out []experiment.Finding) {
	type told struct {
		worst experiment.Finding
		found []string // by session; empty: nothing as bad as the worst
	}
	var checks []string
	all := map[string]*told{}
	for i, fs := range sessions {
		for _, f := range fs {
			if !count(f) {
				continue
			}
			t := all[f.Check]
			worse := t != nil && f.Severity == experiment.Disturbing && t.worst.Severity != experiment.Disturbing
			switch {
			case t == nil:
				checks = append(checks, f.Check)
				fallthrough
			case worse:
				t = &told{f, make([]string, len(sessions))}
				all[f.Check] = t
			case f.Severity != t.worst.Severity:
				continue
			}
			if t.found[i] == "" {
				t.found[i] = f.Found
			}
		}
	}
	for _, check := range checks {
		t := all[check]
		t.worst.Found = bySession(t.found)
		out = append(out, t.worst)
	}
	return out
}

// bySession words what sessions found. Where all say the same, it is said once.
func bySession(found []string) string {
	var parts, different []string
	for i, f := range found {
		if f == "" {
			continue
		}
		parts = append(parts, fmt.Sprintf("session %d: %s", i+1, f))
		if !slices.Contains(different, f) {
			different = append(different, f)
		}
	}
	if len(different) < 2 {
		return strings.Join(different, "")
	}
	return strings.Join(parts, "; ")
}
