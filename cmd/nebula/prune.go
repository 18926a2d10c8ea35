package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/reports"
)

func (a *app) pruneCommand() *cobra.Command {
	var r results.Retention
	var dry bool
	c := &cobra.Command{
		Use:   "prune",
		Short: "Remove old runs, and make the index again",
		Long: `Remove complete runs that are older than --keep, and not among the newest
--keep-runs of their experiment. The baseline and the newest complete run of an
experiment always stay, and so does a run that did not end and could be
resumed, unless --interrupted is given. What is not a run's folder, or is
reached by a link, is not touched.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case c.Flags().Changed("keep-runs") && r.Runs < 1:
				return &exitError{exitUsage, fmt.Errorf("--keep-runs is %d: it must be 1 or more", r.Runs)}
			case r.Age == 0 && r.Runs == 0:
				return &exitError{exitUsage, errors.New("which runs should stay? Say how old they may be, or how many there may be: --keep 90d, --keep-runs 30")}
			case r.Interrupted && r.Age == 0:
				return &exitError{exitUsage, errors.New("--interrupted goes by the age of runs: it needs --keep, such as --keep 90d")}
			}
			return fail(a.prune(r, dry))
		},
	}
	c.Flags().Var((*age)(&r.Age), "keep", "keep runs that started less than `age` ago, such as 90d or 12w")
	c.Flags().IntVar(&r.Runs, "keep-runs", 0, "keep the newest `n` complete runs of each experiment")
	c.Flags().BoolVar(&r.Interrupted, "interrupted", false, "remove also old runs that did not end, and could be resumed")
	c.Flags().BoolVar(&dry, "dry-run", false, "remove nothing; list what would be removed")
	return c
}

func (a *app) prune(r results.Retention, dry bool) error {
	old, errs := r.Old(a.out, time.Now())
	for i, err := range errs {
		errs[i] = fmt.Errorf("left alone: %w", err)
	}
	verb, removed := "removed", 0
	if dry {
		verb = "would remove"
	}
	for _, f := range old {
		bytes := folderSize(f.Dir)
		if !dry {
			if err := f.Remove(); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		removed++
		fmt.Fprintf(a.stdout, "%s %s of %s: %s, %s, %d days old\n", verb, printable(f.Run.ID), printable(f.Run.Experiment), f.Run.State,
			units.BytesSize(float64(bytes)), int(time.Since(f.Run.Started)/day))
	}
	switch {
	case len(old) == 0:
		fmt.Fprintln(a.stderr, "nothing to remove")
	case removed > 0 && !dry:
		a.fetchLibrary()
		if err := reports.WriteIndex(a.out); err != nil {
			errs = append(errs, fmt.Errorf("write the index of reports: %w", err))
		}
	}
	return errors.Join(errs...)
}

// folderSize adds up the files of a folder, as far as they can be seen.
func folderSize(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return nil
	})
	return n
}

const day = 24 * time.Hour

// age is a flag's value for long times. Go's durations end at hours, and a
// month has no length.
type age time.Duration

var ageForm = regexp.MustCompile(`^([0-9]+)([hdw])$`)

func (a *age) Set(s string) error {
	m := ageForm.FindStringSubmatch(s)
	if m == nil {
		return errors.New("an age is a whole number of hours, days or weeks: 36h, 90d, 12w")
	}
	unit := map[string]time.Duration{"h": time.Hour, "d": day, "w": 7 * day}[m[2]]
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > int64(100*365*day/unit) {
		return errors.New("an age is at most a hundred years")
	}
	if n == 0 {
		return errors.New("an age of nothing would keep no run: it must be 1 or more")
	}
	*a = age(time.Duration(n) * unit)
	return nil
}

func (a *age) String() string {
	switch d := time.Duration(*a); {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	default:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
}

func (a *age) Type() string { return "age" }

func (a *app) baselineCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "baseline [RUN]",
		Short: "Make a run the one that its experiment's later runs are held against",
		Long: `Make a complete run the baseline of its experiment: the run that later ones are
held against, and that nebula prune never removes. Without RUN, list the
baselines. Other commands call it baseline, or EXPERIMENT/baseline.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fail(a.listBaselines())
			}
			f, err := a.find(args[0])
			if err != nil {
				return err
			}
			if err := results.SetBaseline(a.out, f); err != nil {
				return &exitError{exitUsage, err}
			}
			for _, d := range f.Run.Disturbances() {
				fmt.Fprintf(a.stderr, "nebula: its machine was disturbed, so no comparison with it will tell better from worse: %s: %s\n", d.Check, printable(d.Found))
			}
			_, err = fmt.Fprintf(a.stdout, "the baseline of %s is run %s\n", printable(f.Run.Experiment), printable(f.Run.ID))
			return fail(err)
		},
	}
}

func (a *app) listBaselines() error {
	experiments, err := os.ReadDir(filepath.Join(a.out, "runs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var errs []error
	n := 0
	for _, e := range experiments {
		id, err := results.Baseline(a.out, e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if id != "" {
			n++
			fmt.Fprintf(a.stdout, "%s\t%s\n", printable(e.Name()), printable(id))
		}
	}
	if n == 0 && len(errs) == 0 {
		fmt.Fprintf(a.stderr, "no experiment in %s has a baseline\n", a.out)
	}
	return errors.Join(errs...)
}
