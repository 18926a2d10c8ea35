package config

import (
	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// judge asks each backend whether it can run, going by their files, the
// functions that the matrix gives it.
func (ld *loader) judge(x *experiment.Experiment) {
	if ld.blurred || ld.trouble() > 0 {
		return // of half an experiment nothing can be said
	}
	for _, f := range x.Functions {
		at, ok := ld.sources[f.Name]
		said := map[string]bool{}
		for _, b := range x.Backends {
			j, can := b.Options.(backends.Judge)
			if !ok || !can || b.ControlOf != "" || !anyOf(x.Matrix, f, b) {
				continue
			}
			if err := j.Judge(f); err != nil && !said[err.Error()] {
				said[err.Error()] = true
				ld.errorf(at, "Unsuitable function", "Function %s can't run on %s: %s.", quote(f.Name), quote(b.Name()), shortened(err.Error()))
			}
		}
	}
}

// anyOf reports whether a matrix keeps a cell of a function and a backend.
func anyOf(m experiment.Matrix, f experiment.Function, b experiment.Backend) bool {
	return anyLeft(&experiment.Experiment{
		Functions: []experiment.Function{f}, Backends: []experiment.Backend{b}, Matrix: m,
	}, func(experiment.Cell) bool { return true })
}
