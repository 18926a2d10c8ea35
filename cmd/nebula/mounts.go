package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/regular"
)

// digestMounts gives the digests of what functions may read, by function and
// by where it finds it: a resumed run must find the same there.
func digestMounts(ctx context.Context, x *experiment.Experiment) (map[string]map[string]string, error) {
	var out map[string]map[string]string
	known := map[string]string{} // by folder
	for _, f := range x.Functions {
		for target, dir := range f.Mounts {
			digest, ok := known[dir]
			if !ok {
				var err error
				digest, err = regular.Digest(ctx, dir)
				switch {
				case ctx.Err() != nil:
					return nil, errInterrupted
				case err != nil:
					return nil, &exitError{exitUsage, fmt.Errorf("function %q: mount %q: %w; nothing was written", f.Name, target, err)}
				}
				known[dir] = digest
			}
			if out == nil {
				out = map[string]map[string]string{}
			}
			if out[f.Name] == nil {
				out[f.Name] = map[string]string{}
			}
			out[f.Name][target] = digest
		}
	}
	return out, nil
}

// errInterrupted ends a run that was stopped before its first trial.
var errInterrupted = &exitError{exitInterrupted, errors.New("interrupted before the first trial; nothing was written")}
