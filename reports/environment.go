package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// environment is the section on the machine, the engines and what they ran.
type environment struct {
	Host      []fact
	Findings  *table
	Blocks    *table
	Backends  []backendView
	Artifacts *table
}

func newEnvironment(s *Summary) environment {
	run := &s.run
	e := environment{Host: hostFacts(run), Findings: findings(run), Blocks: blockTable(s.blocks), Artifacts: artifacts(run)}
	for _, name := range slices.Sorted(maps.Keys(run.Backends)) {
		e.Backends = append(e.Backends, backendFacts(name, run.Backends[name]))
	}
	return e
}

type backendView struct {
	Name    string
	Missing string
	Facts   []fact
}

func hostFacts(run *results.Run) []fact {
	h := run.Host
	commit := h.Commit
	if h.Dirty {
		commit += ", with changes that were not committed"
	}
	governor := h.Governor
	if governor == "" {
		governor = "unknown"
	}
	out := facts("host", h.Name, "system", h.OS, "kernel", h.Kernel, "processor", h.CPU,
		"cores", fmt.Sprint(h.Cores), "memory", size(h.Memory), "governor", governor, "hypervisor", hypervisor(run),
		"Nebula", run.Nebula, "built with", h.Go, "experiment's commit", commit)
	for _, k := range slices.Sorted(maps.Keys(h.Facts)) {
		out = append(out, fact{k, h.Facts[k]})
	}
	return out
}

// hypervisor is what the run's host runs on, in words. Where its facts name none,
// what doctor found is the word: older runs' facts knew less.
func hypervisor(run *results.Run) string {
	if run.Host.Hypervisor != "" {
		return run.Host.Hypervisor
	}
	for _, s := range run.Sessions[max(0, len(run.Sessions)-1):] {
		for _, f := range s.Before {
			if f.Check == "hypervisor" {
				return f.Found
			}
		}
	}
	return "unknown"
}

// guest reports whether the run's host is a virtual machine, and of what.
func guest(run *results.Run) (of string, is bool) {
	if run.Host.Hypervisor != "" {
		return run.Host.Hypervisor, true
	}
	for _, s := range run.Sessions {
		for _, f := range s.Before {
			if f.Check == "hypervisor" && f.Severity == experiment.Noted {
				return "a hypervisor that does not say its name", true
			}
		}
	}
	return "", false
}

// findings is what was looked at on the machine, in the run's last session.
func findings(run *results.Run) *table {
	t := &table{Head: left("check", "severity", "found", "why it matters")}
	for _, s := range run.Sessions[max(0, len(run.Sessions)-1):] {
		for _, fs := range [][]experiment.Finding{s.Before, s.During} {
			for _, f := range fs {
				row := cells(f.Check, string(f.Severity), f.Found, f.Why)
				row[1].Bad = f.Severity == experiment.Disturbing
				t.Rows = append(t.Rows, row)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// blockTable is what others did on the machine while the trials ran.
func blockTable(bs []results.Block) *table {
	if len(bs) == 0 {
		return nil
	}
	t := &table{Head: append(left("blocks", "began"), right("lasted", "others kept the processors busy", "stolen time", "throttled", "swapped pages")...)}
	for _, b := range bs {
		blocks := "–"
		switch {
		case b.Block > 0 && b.To > b.Block:
			blocks = fmt.Sprintf("%d–%d", b.Block, b.To)
		case b.Block > 0:
			blocks = fmt.Sprint(b.Block)
		}
		row := cells(blocks, b.Start.UTC().Format("15:04:05"))
		put := func(text string) { row = append(row, td{Text: text, Right: true}) }
		put(lasting(b.End.Sub(b.Start)))
		for _, share := range []*float64{b.Others, b.Stolen} {
			if share == nil {
				put("–")
			} else {
				put(number(100**share, 1) + " %")
			}
		}
		for _, n := range []*int64{b.Throttled, b.Swapped} {
			if n == nil {
				put("–")
			} else {
				put(fmt.Sprint(*n))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	t.cut()
	return t
}

func backendFacts(name string, b results.BackendFacts) backendView {
	v := backendView{Name: name, Missing: b.Missing}
	for _, k := range slices.Sorted(maps.Keys(b.Engine)) {
		v.Facts = append(v.Facts, fact{k, b.Engine[k]})
	}
	// Options are the backend type's own; as stored they are any JSON.
	if o, err := json.Marshal(b.Options); err == nil && b.Options != nil {
		v.Facts = append(v.Facts, fact{"settings", string(o)})
	}
	return v
}

func artifacts(run *results.Run) *table {
	t := &table{Head: append(left("function", "backend", "kind"), append(right("size", "compressed"), left("digest", "made with")...)...)}
	for _, b := range slices.Sorted(maps.Keys(run.Artifacts)) {
		for _, f := range slices.Sorted(maps.Keys(run.Artifacts[b])) {
			a := run.Artifacts[b][f]
			row := cells(f, b, a.Kind)
			compressed := "–"
			if a.Compressed > 0 {
				compressed = size(uint64(a.Compressed))
			}
			row = append(row, td{Text: size(uint64(max(a.Size, 0))), Right: true}, td{Text: compressed, Right: true})
			t.Rows = append(t.Rows, append(row, cells(a.Digest, a.Toolchain)...))
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}
