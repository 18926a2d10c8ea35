package results

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
)

// byStart orders runs by when they began. An id tells that to the second
// only, and ends in chance.
func (f *Folder) byStart(g *Folder) int {
	return cmp.Or(f.Run.Started.Compare(g.Run.Started), strings.Compare(f.Run.ID, g.Run.ID))
}

// Confirming reports whether the run only ran cells of another again. Folders
// that are older than the field are known by what --confirm did to them: they
// have that run's command, and hold cells, each by its whole name, which the
// command does not name.
func (f *Folder) Confirming() bool {
	r := &f.Run
	if r.Confirms != "" {
		return true
	}
	given := slices.ContainsFunc(r.Command, func(arg string) bool { return arg == "--confirm" || arg == "--confirm=true" })
	if !given || len(r.Asked.Only) == 0 {
		return false
	}
	for _, name := range r.Asked.Only {
		isCell := slices.ContainsFunc(f.Plan.Cells, func(c experiment.Cell) bool { return c.String() == name })
		if !isCell || slices.ContainsFunc(r.Command, func(arg string) bool { return arg == name || arg == "--only="+name }) {
			return false
		}
	}
	return true
}

// Identity is what two runs must share to be held against each other without
// being asked: where they ran and what they were asked for. Each part is a
// text that is only compared and shown.
type Identity struct {
	Host      string // the machine
	Variables string // of the experiment with their values, one a line
	Matrix    string // which cells were wanted, whether or not they could run
}

// Identity gives the run's.
//
// A machine is its name, processor, number of cores and architecture. Kernel,
// distribution, memory, governor and microcode are no part of it: they change
// on a machine that stays the same, and a night after an update is just the
// one to be held against the night before. What they changed stands beside
// each comparison.
//
// The matrix is what was wanted, not the plan: the cells of a backend that is
// missing tonight were wanted all the same. How often each cell runs is no
// part of it, since a comparison knows n, and neither is the order's seed.
func (r *Run) Identity() Identity {
	// The architecture comes last; a system's own name may hold commas.
	arch := r.Host.OS[strings.LastIndexByte(r.Host.OS, ' ')+1:]
	id := Identity{Host: strings.Join([]string{r.Host.Name, cmp.Or(r.Host.CPU, "an unknown processor"), fmt.Sprintf("%d cores", r.Host.Cores), arch}, ", ")}
	var vars []string
	for _, name := range slices.Sorted(maps.Keys(r.Variables)) {
		vars = append(vars, name+" = "+r.Variables[name])
	}
	id.Variables = strings.Join(vars, "\n")
	id.Matrix = matrix(r)
	return id
}

// matrix says in a line of text which cells a run was asked for.
func matrix(r *Run) string {
	type rule struct{ Function, Input, Backend, Start []string }
	var wanted struct {
		Functions []struct {
			Name   string
			Inputs []struct{ Name string }
		}
		Backends []struct {
			Type, Label string
			Starts      []experiment.Start
		}
		Matrix struct{ Include, Exclude []rule } // without where it stands
	}
	if len(r.Resolved) > 0 && json.Unmarshal(r.Resolved, &wanted) != nil {
		return "unreadable: " + r.ID // like no other
	}
	only := slices.Compact(slices.Sorted(slices.Values(r.Asked.Only)))
	text, err := json.Marshal(map[string]any{"of": wanted, "only": only, "quick": r.Asked.Quick})
	if err != nil {
		return "unreadable: " + r.ID
	}
	return string(text)
}

// Apart names the parts in which two identities differ, in words; none where
// they are the same.
func (i Identity) Apart(j Identity) (parts []string) {
	if i.Host != j.Host {
		parts = append(parts, "another machine ("+i.Host+")")
	}
	if i.Variables != j.Variables {
		theirs := strings.Split(j.Variables, "\n")
		own := slices.DeleteFunc(strings.Split(i.Variables, "\n"), func(v string) bool { return slices.Contains(theirs, v) })
		parts = append(parts, "other variables ("+cmp.Or(strings.Join(own, ", "), "fewer of them")+")")
	}
	if i.Matrix != j.Matrix {
		parts = append(parts, "another matrix, --only or --quick")
	}
	return parts
}

// Predecessor gives the newest complete run of the experiment below the output
// folder that has an identity and confirms nothing. Where there is none, but
// there is another complete run, it gives the newest of those as other.
func Predecessor(out, experiment string, id Identity) (found, other *Folder) {
	runs, _ := list(dirs(out, experiment))
	for _, f := range slices.Backward(runs) {
		if f.Run.State != Complete || f.Confirming() {
			continue
		}
		if f.Run.Identity() == id {
			return f, nil
		}
		if other == nil {
			other = f
		}
	}
	return nil, other
}
