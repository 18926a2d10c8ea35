package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
)

// openEnergy opens the source of energy and says what will come of it.
func (a *app) openEnergy(plan *experiment.Plan, engines *runner.Engines, f runFlags, log zerolog.Logger) (*runner.Energy, error) {
	energy, err := runner.OpenEnergy(plan, engines, a.sysfs)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("open the source of energy: %w", err)}
	}
	if energy == nil {
		return nil, nil
	}
	facts := energy.Facts()
	switch {
	case len(facts.Doors) == 0:
	case !plan.Energy.Asked: // nobody misses it
		log.Info().Msg("no energy: this machine shows no counters; nebula doctor says why")
	default:
		for _, d := range facts.Doors {
			e := log.Warn()
			if d.Remedy != "" {
				e.Str("remedy", d.Remedy)
			}
			e.Msg("no energy from " + d.Name + ": " + d.Why)
		}
	}
	switch {
	case facts.Source != "":
		e := log.Info().Str("source", facts.Source).Str("least", plan.Energy.Least(len(plan.Cells)).Round(time.Second).String())
		if facts.Simulated {
			e.Bool("simulated", true)
		}
		e.Msg("energy will be measured after the trials")
	case plan.Energy.Asked && f.strict:
		return nil, &exitError{exitUnfit, errors.New("this machine has no energy counters (see above), and --strict asks for what the experiment does; nothing was written")}
	case plan.Energy.Estimate != nil:
		log.Warn().Msg("energy will be estimated from CPU time, after the trials: that is no measurement")
	}
	return energy, nil
}

// measure runs the energy windows that are left.
func (e *execution) measure(r *runner.Runner, stop, abort context.Context) error {
	n := r.WindowsLeft(e.energy)
	if n == 0 {
		return nil
	}
	e.bar.start("energy windows", n, true)
	defer e.bar.stop()
	e.energy.Record = func(w *results.EnergyWindow) error {
		if err := e.w.Energy(w); err != nil || !w.Final() {
			return err
		}
		e.bar.done(windowStep(w))
		return nil
	}
	return r.Energy(stop, abort, e.energy)
}
