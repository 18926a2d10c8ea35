package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/reports"
)

type runFlags struct {
	experimentFlags
	strict, json bool
	progress     string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "Run an experiment and write its report",
		Args:  cobra.ExactArgs(1),
		RunE:  func(c *cobra.Command, args []string) error { return fail(a.run(c.Context(), args[0], f)) },
	}
	f.register(c)
	c.Flags().BoolVar(&f.strict, "strict", false, "exit with 5, before any trial, where this machine lacks something")
	c.Flags().BoolVar(&f.json, "json", false, "print the summary as JSON")
	c.Flags().StringVar(&f.progress, "progress", "auto", "how to show progress: auto, bar, plain, json or none")
	return c
}

func (a *app) run(ctx context.Context, file string, f runFlags) (err error) {
	x, err := a.load(file, f.experimentFlags)
	if err != nil {
		return err
	}
	bar, err := newProgress(f.progress, a.stderr)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	log := a.logger(bar)
	stop, abort, release := interrupts(ctx, log)
	defer release()

	owner := backends.NewOwner(backends.NewRunID(time.Now()))
	sweep(stop, x, log)
	scratch, err := newScratch(owner)
	if err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	defer scratch.remove()

	engines, err := runner.Open(stop, x, f.only, backends.Session{Owner: owner, Scratch: scratch.dir, Log: log})
	defer func() {
		if cerr := engines.Close(); cerr != nil {
			log.Error().Err(cerr).Msg("could not remove everything: nebula clean will")
		}
	}()
	if stop.Err() != nil {
		return &exitError{exitInterrupted, errors.New("interrupted before the first trial; nothing was written")}
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	plan, err := experiment.NewPlan(x, f.only, engines.Lacks)
	if err != nil {
		return err
	}
	missed := false
	for _, l := range plan.LeftOut {
		if !l.Chosen {
			missed = true
			log.Warn().Str("function", l.Function).Str("backend", l.Backend).Str("start", string(l.Start)).Int("cells", l.Cells).Msg("left out: " + l.Reason)
		}
	}
	if missed && f.strict {
		return &exitError{exitUnfit, errors.New("this machine cannot run the whole experiment, and --strict asks for it; nothing was written")}
	}
	if len(plan.Cells) == 0 {
		return errors.New("no cell can run on this machine (see above); nothing was written")
	}

	record := &results.Run{
		ID: owner.Run, Experiment: x.Name, Title: x.Description, File: x.File, Source: string(x.Source),
		Command: os.Args, Started: time.Now().UTC().Truncate(time.Millisecond), State: results.Running,
		Nebula: version(), Host: runner.DescribeHost(stop, filepath.Dir(x.File)), Variables: x.Variables,
	}
	engines.Describe(record)
	dir := results.Dir(a.out, x.Name, owner.Run)
	w, err := results.Create(dir, plan, record)
	if err != nil {
		return fmt.Errorf("make the run's folder: %w", err)
	}
	log.Info().Str("run", owner.Run).Int("cells", len(plan.Cells)).Int("trials", plan.Len()).Msg("running")

	bad := 0
	bar.start(plan.Len())
	r := runner.Runner{Plan: plan, Engines: engines, Record: func(t *results.Trial) error {
		if t.Outcome != experiment.OK {
			bad++
		}
		bar.trial(t)
		return w.Append(t)
	}}
	runErr := r.Run(stop, abort)
	bar.stop()

	ended := time.Now().UTC().Truncate(time.Millisecond)
	record.Ended, record.State = &ended, results.Complete
	if runErr != nil {
		record.State = results.Broken
		if errors.Is(runErr, context.Canceled) {
			record.State, runErr = results.Interrupted, nil
		}
	}
	if err := errors.Join(runErr, w.Update(record), w.Close()); err != nil {
		return fmt.Errorf("the run stopped; what was recorded until then is in %s: %w", dir, err)
	}
	if err := a.finish(dir, f.json, log); err != nil {
		return err
	}
	switch {
	case record.State == results.Interrupted:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted; the trials until then are in %s", dir)}
	case bad > 0:
		return &exitError{exitFailed, fmt.Errorf("%d of %d trials failed; the report counts them by cell", bad, plan.Len())}
	}
	return nil
}

// finish writes the pages and says what the run showed.
func (a *app) finish(dir string, asJSON bool, log zerolog.Logger) error {
	f, err := results.Open(dir)
	if err != nil {
		return err
	}
	if err := a.writePages(f); err != nil {
		return err
	}
	s, err := reports.Summarise(f)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(a.stdout, s)
	} else {
		err = reports.WriteText(a.stdout, s)
	}
	log.Info().Str("report", filepath.Join(a.out, "index.html")).Msg("done")
	return err
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// interrupts gives two contexts: the first Ctrl-C ends the first, after
// which the trial in flight is finished; a second one ends the other too.
func interrupts(ctx context.Context, log zerolog.Logger) (stop, abort context.Context, release func()) {
	abort, cancelAbort := context.WithCancel(ctx)
	stop, cancelStop := context.WithCancel(abort)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
				if n == 0 {
					log.Warn().Msg("stopping after the trial in flight; once more to stop at once")
					cancelStop()
					continue
				}
				cancelAbort()
			}
		}
	}()
	return stop, abort, func() {
		signal.Stop(signals)
		close(done)
		cancelAbort()
	}
}
