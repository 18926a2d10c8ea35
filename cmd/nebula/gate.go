package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/words"
	"github.com/nebula-bench/nebula/reports"
)

// gateFlags are what a complete run is held against.
type gateFlags struct {
	compareFlags
	ciFlags
	baseline string
	confirm  bool
}

func (f *gateFlags) register(c *cobra.Command) {
	f.compareFlags.register(c)
	f.ciFlags.register(c)
	c.Flags().StringVar(&f.baseline, "baseline", "", "compare with `run` when the last trial is over: a folder, an id, baseline, or latest, which is the newest complete run of the same machine, variables and matrix")
	c.Flags().BoolVar(&f.confirm, "confirm", false, "run the cells that are worse than in --baseline again, and call them worse only if they are so twice")
}

// gate is gateFlags, looked at before the first trial.
type gate struct {
	options  reports.CompareOptions
	baseline *results.Folder // nil where there is nothing to compare with
}

func (a *app) openGate(ctx context.Context, f *runFlags, x *experiment.Experiment, log zerolog.Logger) (g gate, err error) {
	if f.confirm && f.baseline == "" {
		return g, &exitError{exitUsage, errors.New("--confirm runs again what is worse than in another run: name that with --baseline")}
	}
	if g.options, err = f.compareFlags.options(nil); err != nil {
		return g, err
	}
	for _, file := range []string{f.junit, f.summary} {
		if file == "" {
			continue
		}
		if err := atomicfile.Check(file); err != nil {
			return g, &exitError{exitUsage, fmt.Errorf("%s can't be written: %w", file, err)}
		}
	}
	switch f.baseline {
	case "":
		return g, nil
	case "latest":
		g.baseline, err = a.newest(ctx, f, x, log)
		return g, err
	case "baseline":
		g.baseline, err = a.find(x.Name + "/baseline")
	default:
		g.baseline, err = a.find(f.baseline)
	}
	return g, err
}

// newest gives the newest complete run of an experiment on this machine with the
// same variables and the same matrix, or says that there is none.
func (a *app) newest(ctx context.Context, f *runFlags, x *experiment.Experiment, log zerolog.Logger) (*results.Folder, error) {
	coming, err := a.identity(ctx, x, f)
	if err != nil {
		return nil, err
	}
	found, other := results.Predecessor(a.out, x.Name, coming)
	switch {
	case found != nil:
		log.Info().Str("run", found.Run.ID).Msg("comparing with it at the end")
	case other == nil:
		log.Info().Msgf("there is no complete run of %s yet to compare with", x.Name)
	default:
		log.Warn().Msgf("there is no complete run of %s to compare with: the newest, %s, is of %s; to compare all the same, name a run",
			x.Name, other.Run.ID, graphic(strings.Join(other.Run.Identity().Apart(coming), ", of ")))
	}
	return found, nil
}

// graphic removes from another run's text what would control a terminal. Quotes
// stay: they are around the values of variables.
func graphic(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// ended is a complete run, before anything is said of it.
type ended struct {
	gate
	file      string
	flags     runFlags
	dir       string
	done, bad int
	faulty    int  // cells of functions that could not be built or can't run
	unfit     bool // the machine disturbed it, and --strict asks for one that does not
	log       zerolog.Logger
}

// runAndJudge is nebula run: it runs the experiment, shows what came out, and
// gives the error that this ends with.
func (a *app) runAndJudge(ctx context.Context, file string, f runFlags, c *cobra.Command) error {
	e, err := a.run(ctx, file, f, c.Flags())
	if err != nil {
		return err
	}
	folder, summary, err := a.pages(e.dir, e.log)
	if err != nil {
		return err
	}
	if !f.json {
		if err := reports.WriteText(a.stdout, summary); err != nil {
			return err
		}
	}
	var changes *reports.Changes
	var unconfirmed error
	if e.baseline != nil {
		if changes, err = reports.Compare(e.baseline, folder, e.options); err != nil {
			return err
		}
		if f.confirm && changes.Count(reports.Worse) > 0 {
			unconfirmed = a.confirm(ctx, e, changes, c)
		}
	}
	if err := a.showChanges(summary, changes, f.json); err != nil {
		return err
	}
	if err := f.write(reports.ForCI{Changes: changes, Thresholds: summary.Thresholds, Strict: f.strict}); err != nil {
		return err
	}
	return e.verdict(summary, changes, unconfirmed)
}

// showChanges prints the comparison behind the summary, or both as JSON.
func (a *app) showChanges(s *reports.Summary, c *reports.Changes, asJSON bool) error {
	if asJSON {
		return writeJSON(a.data(), struct {
			*reports.Summary
			Comparison *reports.Changes `json:"comparison,omitempty"`
		}{s, c})
	}
	if c == nil {
		return nil
	}
	if _, err := fmt.Fprintln(a.stdout); err != nil {
		return err
	}
	return reports.WriteChanges(a.stdout, c)
}

// confirm runs the cells that are worse once more, as a run of its own, and
// takes what it says into the comparison.
func (a *app) confirm(ctx context.Context, e *ended, changes *reports.Changes, c *cobra.Command) error {
	f := e.flags
	f.resume, f.gateFlags, f.strict = "", gateFlags{compareFlags: f.compareFlags}, false
	f.only, f.confirms = nil, changes.New.Run
	for _, cell := range changes.Worse() {
		f.only = append(f.only, cell.String())
	}
	f.wait = max(f.wait, time.Hour) // the machine was free for a moment
	e.log.Info().Int("cells", len(f.only)).Msg("running again what seems worse")
	again, err := a.run(ctx, e.file, f, c.Flags())
	if err != nil {
		return fmt.Errorf("what is worse could not be confirmed: %w", err)
	}
	folder, _, err := a.pages(again.dir, e.log)
	if err != nil {
		return err
	}
	second, err := reports.Compare(e.baseline, folder, e.options)
	if err != nil {
		return err
	}
	changes.Confirm(second)
	return nil
}

// verdict gives the error that a complete run ends with: first that its numbers
// are worth nothing, then what they say, then what is missing in them. Of a run
// that was disturbed, the comparison says so itself: it is unsure.
func (e *ended) verdict(s *reports.Summary, c *reports.Changes, unconfirmed error) error {
	switch {
	case e.unfit && (c == nil || !c.Disturbed()):
		return &exitError{exitUnfit, errors.New("this machine disturbed the run (see above), and --strict asks for one that does not; everything was written")}
	case unconfirmed != nil:
		return unconfirmed
	case s.Breached():
		return &exitError{exitWorse, errors.New("a threshold is breached")}
	case c != nil && c.Count(reports.Worse) > 0:
		return &exitError{exitWorse, fmt.Errorf("it is worse than run %s", c.Old.Run)}
	case e.bad > 0:
		return &exitError{exitFailed, fmt.Errorf("%d of %s failed; the report counts them by cell", e.bad, words.Count(e.done, "trial"))}
	case e.faulty > 0:
		return &exitError{exitFailed, fmt.Errorf("%s left out because a function can't run (see above); the report says which", words.Count(e.faulty, "cell"))}
	case e.flags.strict && s.Undecided():
		return &exitError{exitUnsure, errors.New("nobody can tell yet whether a threshold holds, and --strict asks for that")}
	case e.flags.strict && c != nil && (c.Open() || !c.Comparable()):
		why := ""
		if c.Disturbed() {
			why = ", because the machine was disturbed"
		}
		return &exitError{exitUnsure, fmt.Errorf("nobody can tell yet whether something is worse%s, and --strict asks for that", why)}
	}
	return nil
}
