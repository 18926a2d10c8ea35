package results

import "github.com/nebula-bench/nebula/experiment"

// Disturbance is something that disturbed the machine for a while, before,
// within or after a run, as the run itself found it.
type Disturbance struct {
	Check string `json:"check"` // load, stolen time, …
	Found string `json:"found"`
}

// Disturbances gives those of a run, each check once: what was found within it,
// or else before it.
func (r *Run) Disturbances() (out []Disturbance) {
	seen := map[string]bool{}
	for _, s := range r.Sessions {
		for _, fs := range [][]experiment.Finding{s.During, s.Before} {
			for _, f := range fs {
				if f.Disturbed() && !seen[f.Check] {
					seen[f.Check] = true
					out = append(out, Disturbance{f.Check, f.Found})
				}
			}
		}
	}
	return out
}
