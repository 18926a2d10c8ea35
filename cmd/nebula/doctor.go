package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/machine"
)

// defaultJournal survives a reboot, and belongs to root as the settings do.
const defaultJournal = "/var/lib/nebula/tune.json"

// machineRoot is put before /proc and /sys by tests that look at another machine
// than this one.
var machineRoot string

func (a *app) machine() machine.Machine { return machine.Machine{Root: machineRoot, Sysfs: a.sysfs} }

// look looks at the machine, and for a while at what others do on it.
func (a *app) look(ctx context.Context, withDocker bool, watch time.Duration) []experiment.Finding {
	m := a.machine()
	fs := append([]experiment.Finding{m.Idle(watch)}, m.Check(a.out)...)
	if withDocker {
		fs = append(fs, docker.Look(ctx)...)
	}
	return fs
}

func (a *app) doctorCommand() *cobra.Command {
	var strict, asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what on this machine will disturb the numbers, and what mends it",
		Long: `Say what on this machine will disturb the numbers, and the command that mends
it. Each run makes the same checks, before and after, and stores them.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			before := a.machine().Counters()
			found := a.look(c.Context(), true, time.Second)
			found = machine.Worst(append(found, machine.During(before, a.machine().Counters())...))
			var err error
			if asJSON {
				err = writeJSON(a.data(), found)
			} else {
				err = a.printFindings(found)
			}
			if err != nil {
				return fail(err)
			}
			if n := len(machine.Disturbing(found)); strict && n > 0 {
				return &exitError{exitUnfit, fmt.Errorf("%d of %d findings disturb numbers, and --strict asks for none", n, len(found))}
			}
			return nil
		},
	}
	a.sysfsFlag(c)
	c.Flags().BoolVar(&strict, "strict", false, "exit with 5 where something disturbs")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *app) printFindings(found []experiment.Finding) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Severity, f.Check, printable(f.Found))
		if f.Why != "" {
			fmt.Fprintf(w, "\t\twhy: %s\n", f.Why)
		}
		if f.Remedy != "" {
			fmt.Fprintf(w, "\t\tmend: %s\n", f.Remedy)
		}
	}
	return w.Flush()
}

func warnOf(log zerolog.Logger, found []experiment.Finding, what string) {
	var checks, parts []string
	of := map[string][]string{} // what each check found, maybe within the run and at its end
	for _, f := range machine.Disturbing(found) {
		if of[f.Check] == nil {
			checks = append(checks, f.Check)
		}
		of[f.Check] = append(of[f.Check], f.Found)
	}
	for _, check := range checks {
		parts = append(parts, check+" ("+strings.Join(of[check], "; ")+")")
	}
	if len(parts) > 0 {
		log.Warn().Msgf("%s: %s; see nebula doctor", what, strings.Join(parts, "; "))
	}
}

func (a *app) tuneCommand() *cobra.Command {
	var journal string
	c := &cobra.Command{
		Use:   "tune",
		Short: "Set this machine for even numbers: governor, turbo, address randomisation",
		Long: "Set " + machine.Tunes + `, where
this machine has them. What was there before is written down first, and nebula
restore puts it back, also after a crash or a reboot.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			set, err := machine.Machine{}.Tune(journal)
			if err != nil {
				if errors.Is(err, fs.ErrPermission) {
					err = fmt.Errorf("%w: only root may change these settings", err)
				}
				if errors.Is(err, machine.ErrTuned) {
					return &exitError{exitUsage, fmt.Errorf("%w; put it back first: nebula restore", err)}
				}
				return fail(err)
			}
			for _, s := range set {
				fmt.Fprintf(a.stdout, "%s: %s, was %s\n", s.File, s.Set, s.Was)
			}
			if len(set) == 0 {
				fmt.Fprintln(a.stderr, "nothing to tune: what this machine shows is as it should be")
			}
			return nil
		},
	}
	c.Flags().StringVar(&journal, "journal", defaultJournal, "`file` that keeps what is to be put back")
	return c
}

func (a *app) restoreCommand() *cobra.Command {
	var journal string
	c := &cobra.Command{
		Use:   "restore",
		Short: "Put back what nebula tune changed",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			done, err := machine.Machine{}.Restore(journal)
			for _, d := range done {
				if d.Kept != "" {
					fmt.Fprintf(a.stderr, "%s: left at %s, which somebody has set since; it was %s\n", d.File, d.Kept, d.Was)
					continue
				}
				fmt.Fprintf(a.stdout, "%s: %s\n", d.File, d.Was)
			}
			if err == nil && done == nil {
				fmt.Fprintln(a.stderr, "nothing to put back")
			}
			return fail(err)
		},
	}
	c.Flags().StringVar(&journal, "journal", defaultJournal, "`file` that keeps what is to be put back")
	return c
}

// usesDocker reports whether a run's findings should speak of containers.
func usesDocker(x *experiment.Experiment) bool {
	for _, b := range x.Backends {
		if b.Type == "docker" {
			return true
		}
	}
	return false
}
