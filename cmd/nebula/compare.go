package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/stats"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/reports"
)

// compareFlags choose what of two runs is compared, and how strictly. They are
// those of nebula compare, and of nebula run --baseline.
type compareFlags struct {
	margin  string
	metrics []string
}

func (f *compareFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.margin, "margin", fmt.Sprintf("%g%%", 100*stats.DefaultMargin), "how far apart two medians may be and still count as the same, such as `5%`")
	c.Flags().StringArrayVar(&f.metrics, "metric", nil, "compare this `metric`, and not startup and runtime; may be repeated")
}

func (f compareFlags) options(only []string) (reports.CompareOptions, error) {
	margin, err := parseMargin(f.margin)
	if err != nil {
		return reports.CompareOptions{}, &exitError{exitUsage, err}
	}
	var known []string
	for _, m := range experiment.Metrics {
		known = append(known, m.Name)
	}
	for _, m := range f.metrics {
		if !slices.Contains(known, m) {
			return reports.CompareOptions{}, &exitError{exitUsage, fmt.Errorf("unknown --metric %q: it is one of %s", m, strings.Join(known, ", "))}
		}
	}
	return reports.CompareOptions{Metrics: slices.Compact(f.metrics), Only: only, Margin: &margin}, nil
}

// parseMargin reads a share: 5%, or 0.05.
func parseMargin(s string) (float64, error) {
	text, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= 0 && x < 1) {
		return 0, fmt.Errorf("--margin is %q: it must be a share of at least 0%% and below 100%%, such as 5%%", s)
	}
	return x, nil
}

// ciFlags are the files that CI systems read.
type ciFlags struct {
	junit, summary string
}

func (f *ciFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.junit, "junit", "", "write thresholds and comparison as JUnit XML to `file`")
	c.Flags().StringVar(&f.summary, "summary", "", "append them as Markdown to `file`; without it, to what GITHUB_STEP_SUMMARY names, if anything")
}

func (f ciFlags) write(ci reports.ForCI) error {
	if ci.Changes == nil && len(ci.Thresholds) == 0 {
		return nil
	}
	if f.junit != "" {
		if err := atomicfile.Write(f.junit, func(w io.Writer) error { return reports.WriteJUnit(w, ci) }); err != nil {
			return err
		}
	}
	file := f.summary
	if file == "" {
		file = os.Getenv("GITHUB_STEP_SUMMARY")
	}
	if file == "" {
		return nil
	}
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(reports.WriteStepSummary(w, ci), w.Close())
}

func (a *app) compareCommand() *cobra.Command {
	var cf compareFlags
	var ci ciFlags
	var only []string
	var asJSON, strict bool
	c := &cobra.Command{
		Use: "compare OLD NEW", Short: "Say what is worse, better or the same from one run to another", Args: cobra.ExactArgs(2),
		Long: `Say what is worse, better or the same from one run to another, or that nobody
can tell yet. OLD and NEW are folders, ids, or latest. It needs their folders
and nothing else.

Where one of the runs found its machine disturbed for a while (load, stolen
time, throttling), nothing is better or worse: it is unsure, with what was found.

Exit codes: 0 nothing is worse; 2 nothing is comparable, or both are the same run; 3 something is worse
beyond the margin; 4 something is unsure, under --strict.

To run what is worse again before it counts: nebula run --baseline OLD --confirm.`,
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := cf.options(only)
			if err != nil {
				return err
			}
			old, err := a.find(args[0])
			if err != nil {
				return err
			}
			new, err := a.find(args[1])
			if err != nil {
				return err
			}
			if old.Run.ID == new.Run.ID && old.Run.Experiment == new.Run.Experiment && old.Run.Started.Equal(new.Run.Started) {
				return &exitError{exitUsage, fmt.Errorf("%s and %s are the same run, %s: compare it with another (nebula list says which there are)", args[0], args[1], old.Run.ID)}
			}
			changes, err := reports.Compare(old, new, o)
			if err != nil {
				return fail(err)
			}
			if asJSON {
				err = writeJSON(a.data(), changes)
			} else {
				err = reports.WriteChanges(a.stdout, changes)
			}
			if err != nil {
				return fail(err)
			}
			if err := ci.write(reports.ForCI{Changes: changes, Strict: strict}); err != nil {
				return fail(err)
			}
			return verdictOf(changes, strict)
		},
	}
	cf.register(c)
	ci.register(c)
	c.Flags().StringArrayVar(&only, "only", nil, "compare only the cells that match `pattern`, such as 'fibonacci/*/wazero.*/cold'")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&strict, "strict", false, "exit with 4 where anything is unsure")
	return c
}

// verdictOf gives the error that a comparison ends with.
func verdictOf(c *reports.Changes, strict bool) error {
	switch {
	case !c.Comparable():
		return &exitError{exitUsage, fmt.Errorf("nothing in %s and %s is comparable", c.Old.Run, c.New.Run)}
	case c.Count(reports.Worse) > 0:
		return &exitError{code: exitWorse}
	case strict && c.Open():
		return &exitError{code: exitUnsure}
	}
	return nil
}
