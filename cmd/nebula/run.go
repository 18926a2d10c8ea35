package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/machine"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/internal/system"
	"github.com/nebula-bench/nebula/reports"
)

type runFlags struct {
	experimentFlags
	gateFlags
	strict, json           bool
	progress, resume, lock string
	wait                   time.Duration
	confirms               string // the run whose cells run again; no flag
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "Run an experiment and write its report",
		Long: `Run an experiment and write its report. Only one run may use a machine at a time.

A run that was interrupted, killed or broken goes on with --resume RUN, where
RUN is its folder, its id, or latest; FILE is needed only if the experiment no
longer lies where it lay.

With --baseline RUN the run is compared with another when it is over, and exits
with 3 where it is worse. With --confirm, what seems worse runs again first, as
a run of its own. A threshold of the experiment that is breached exits with 3,
too.`,
		Args: func(c *cobra.Command, args []string) error {
			if f.resume != "" {
				return cobra.MaximumNArgs(1)(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			return fail(a.runAndJudge(c.Context(), strings.Join(args, ""), f, c))
		},
	}
	f.experimentFlags.register(c)
	f.gateFlags.register(c)
	a.sysfsFlag(c)
	c.Flags().BoolVar(&f.strict, "strict", false, "exit with 5 where this machine lacks something or disturbs: before any trial, or after the last; and with 4 where a threshold or the comparison is unsure")
	c.Flags().BoolVar(&f.json, "json", false, "print the summary as JSON")
	c.Flags().StringVar(&f.progress, "progress", "auto", "how to show progress: auto, bar, plain, json or none")
	c.Flags().StringVar(&f.resume, "resume", "", "go on with `run`, which did not end")
	c.Flags().StringVar(&f.lock, "lock", defaultLock, "`file` that keeps two runs apart")
	c.Flags().DurationVar(&f.wait, "wait", 0, "how long to wait for another run to end, such as 1h")
	return c
}

// run executes an experiment. Where that does not come to its end, it reports
// what there is.
func (a *app) run(ctx context.Context, file string, f runFlags, flags *pflag.FlagSet) (*ended, error) {
	e, err := a.execute(ctx, file, f, flags)
	if p := (*partial)(nil); errors.As(err, &p) {
		// Nothing of the run is left to be removed if this is interrupted, too.
		if ferr := a.finish(p.dir, f.json, p.log); ferr != nil {
			return nil, ferr
		}
	}
	return e, err
}

// partial is the error of a run with records worth a report.
type partial struct {
	error
	dir string
	log zerolog.Logger
}

func (p *partial) Unwrap() error { return p.error }

// execute opens what the experiment needs, fixes the plan and runs it.
func (a *app) execute(ctx context.Context, file string, f runFlags, flags *pflag.FlagSet) (_ *ended, err error) {
	var old *resumed
	if f.resume != "" {
		if old, file, err = a.openResumed(f.resume, file, &f, flags); err != nil {
			return nil, err
		}
	}
	x, err := a.load(file, f.experimentFlags)
	if err != nil {
		return nil, err
	}
	if err := checkOut(a.out); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	bar, err := newProgress(f.progress, a.stderr)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	log := a.logger(bar)
	held, err := a.openGate(ctx, &f, x, log)
	if err != nil {
		return nil, err
	}
	if why := build.CacheDistrusted(); why != "" {
		log.Warn().Msg(why)
	}
	stop, abort, release := interrupts(ctx, log)
	defer release()

	owner := backends.NewOwner(old.id())
	scratch, giveBack, err := claim(stop, f, x, owner, old, log)
	if err != nil {
		return nil, err
	}
	defer giveBack()

	engines, err := runner.Open(stop, x, f.only, backends.Session{Owner: owner, Scratch: scratch.dir, Log: log})
	defer closeEngines(engines, log)
	if stop.Err() != nil {
		return nil, errInterrupted
	}
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	plan, faulty, err := f.planFor(x, engines, log)
	if err != nil {
		return nil, err
	}
	before, err := a.inspect(stop, x, f.strict, log)
	if err != nil {
		return nil, err
	}
	record, err := a.session(stop, x, file, f, owner.Run, before, engines)
	if err != nil {
		return nil, err
	}
	energy, err := a.openEnergy(plan, engines, f, log)
	if err != nil {
		return nil, err
	}
	defer energy.Close()
	record.Energy = energy.Facts()
	e := &execution{plan: plan, engines: engines, energy: energy, record: record, bar: bar, log: log, machine: a.machine()}
	e.look = func() []experiment.Finding { return a.look(context.WithoutCancel(ctx), usesDocker(x), watch) }
	if err := e.open(stop, a.out, old); err != nil {
		return nil, err
	}
	runErr := e.run(stop, abort)
	warnOf(log, e.during, "this machine disturbed the numbers")
	if runErr != nil {
		return nil, e.unfinished(runErr)
	}
	return &ended{
		gate: held, file: file, flags: f, dir: e.dir, done: e.done, bad: e.bad, faulty: faulty, log: a.logger(a.stderr),
		unfit: f.strict && len(machine.Disturbing(e.during)) > 0,
	}, nil
}

func closeEngines(engines *runner.Engines, log zerolog.Logger) {
	if err := engines.Close(); err != nil {
		log.Error().Err(err).Msg("could not remove everything: nebula clean will")
	}
}

// session gives what run.json says before the first trial.
func (a *app) session(stop context.Context, x *experiment.Experiment, file string, f runFlags, id string, before []experiment.Finding, engines *runner.Engines) (*results.Run, error) {
	record, err := a.describe(stop, x, file, f)
	if err != nil {
		return nil, err
	}
	record.ID = id
	record.Sessions[0].Before = before
	engines.Describe(record)
	if stop.Err() != nil {
		return nil, errInterrupted
	}
	return record, nil
}

// claim makes this machine, the run that is resumed and a scratch folder this
// session's own, until they are given back.
func claim(stop context.Context, f runFlags, x *experiment.Experiment, owner backends.Owner, old *resumed, log zerolog.Logger) (s scratch, giveBack func(), err error) {
	var claimed []func()
	giveBack = func() {
		for _, undo := range slices.Backward(claimed) {
			undo()
		}
	}
	defer func() {
		if err != nil {
			giveBack()
		}
	}()
	lock, err := lockMachine(stop, f.lock, f.wait, owner, log)
	if err != nil {
		return s, giveBack, err
	}
	claimed = append(claimed, lock.release)
	if old != nil {
		if err := old.take(); err != nil {
			return s, giveBack, err
		}
		claimed = append(claimed, func() { old.w.Close() }) // no effect where the run has come to its end
	}
	sweep(stop, x, log)
	if s, err = newScratch(owner); err != nil {
		return s, giveBack, fmt.Errorf("make a scratch folder: %w", err)
	}
	claimed = append(claimed, func() { s.remove() })
	return s, giveBack, nil
}

// planFor fixes the plan of what these engines can run, and counts the cells
// that are left out because their function is at fault.
func (f *runFlags) planFor(x *experiment.Experiment, engines *runner.Engines, log zerolog.Logger) (plan *experiment.Plan, faulty int, err error) {
	if plan, err = f.plan(x, engines.Lacks); err != nil {
		return nil, 0, err
	}
	missed, faulty := warnOfMissing(log, plan)
	switch {
	case faulty > 0 && f.strict:
		err = &exitError{exitUsage, errors.New("a function can't run (see above), and --strict asks for the whole experiment; nothing was written")}
	case missed && f.strict:
		err = &exitError{exitUnfit, errors.New("this machine cannot run the whole experiment, and --strict asks for it; nothing was written")}
	case len(plan.Cells) == 0 && faulty > 0:
		err = &exitError{exitUsage, errors.New("no function can run (see above); nothing was written")}
	case len(plan.Cells) == 0 && missed:
		err = errors.New("no cell can run on this machine (see above); nothing was written")
	case len(plan.Cells) == 0:
		err = f.nothingLeft()
	}
	return plan, faulty, err
}

// inspect looks at the machine before the first trial.
func (a *app) inspect(stop context.Context, x *experiment.Experiment, strict bool, log zerolog.Logger) ([]experiment.Finding, error) {
	found := a.look(stop, usesDocker(x), watch)
	if stop.Err() != nil {
		return nil, errInterrupted
	}
	warnOf(log, found, "this machine will disturb the numbers")
	if strict && len(machine.Disturbing(found)) > 0 {
		return nil, &exitError{exitUnfit, errors.New("this machine disturbs numbers (see above), and --strict asks for one that does not; nothing was written")}
	}
	return found, nil
}

// unfinished is the error of a run that did not come to its end.
func (e *execution) unfinished(err error) error {
	resume := "nebula run --resume " + e.dir
	if e.record.State == results.Interrupted {
		err := fmt.Errorf("interrupted; the trials until then are in %s; go on with: %s", e.dir, resume)
		return &partial{&exitError{exitInterrupted, err}, e.dir, e.log}
	}
	away := errors.Is(err, runner.ErrAway)
	err = fmt.Errorf("the run stopped: %w; what was recorded until then is in %s; when that is mended, go on with: %s", err, e.dir, resume)
	if away {
		return &partial{err, e.dir, e.log}
	}
	return err
}

// warnOfMissing says which cells can't run, and why. It reports whether this
// machine lacks something, and how many cells have a function at fault.
func warnOfMissing(log zerolog.Logger, plan *experiment.Plan) (missed bool, faulty int) {
	said := map[[3]string]bool{}
	for _, l := range plan.LeftOut {
		if l.Chosen {
			continue
		}
		e := log.Warn().Str("function", l.Function).Str("backend", l.Backend)
		if l.Fault {
			// What a compiler says is long, and the same for every start.
			faulty += l.Cells
			if key := [3]string{l.Function, l.Backend, l.Reason}; !said[key] {
				said[key] = true
				e.Msg("left out: " + l.Reason)
			}
			continue
		}
		missed = missed || !l.Unasked
		e.Str("start", string(l.Start)).Int("cells", l.Cells).Msg("left out: " + l.Reason)
	}
	return missed, faulty
}

// checkOut reports why nothing can be written into the output folder, before
// any work has been done for it.
func checkOut(out string) error {
	for dir := out; ; dir = filepath.Dir(dir) { // what is missing will be made
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err == nil && !info.IsDir():
			err = syscall.ENOTDIR
		case err == nil:
			err = system.MayWrite(dir)
		}
		if err != nil {
			return fmt.Errorf("nothing can be written below %s: %s: %w; choose another folder with --out", out, dir, err)
		}
		return nil
	}
}

// watch is how long a run watches the idle machine, before and after.
const watch = 300 * time.Millisecond

// describe gives what run.json says before any engine is asked.
func (a *app) describe(ctx context.Context, x *experiment.Experiment, file string, f runFlags) (*results.Run, error) {
	resolved, err := x.Resolved()
	if err != nil {
		return nil, err
	}
	binary, err := ownDigest()
	if err != nil {
		return nil, fmt.Errorf("read nebula's own program: %w", err)
	}
	mounts, err := digestMounts(ctx, x)
	if err != nil {
		return nil, err
	}
	asked := a.asked(f)
	if asked.File, err = filepath.Abs(file); err != nil {
		return nil, err
	}
	for _, v := range f.varFiles {
		if v, err = filepath.Abs(v); err != nil {
			return nil, err
		}
		asked.VarFiles = append(asked.VarFiles, v)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &results.Run{
		Experiment: x.Name, Title: x.Description, File: x.File, Source: string(x.Source),
		Command: os.Args, Started: now, State: results.Running, Nebula: version(), Binary: binary,
		Host: describeHost(ctx, x), Variables: x.Variables, Thresholds: x.Thresholds,
		Asked: asked, Confirms: f.confirms, Resolved: resolved, Mounts: mounts, Sessions: []results.Session{{Started: now}},
	}, nil
}

func (a *app) asked(f runFlags) results.Asked {
	return results.Asked{Vars: f.vars, Only: f.only, Repetitions: f.repetitions, Quick: f.quick, Sysfs: a.sysfs}
}

// identity gives that of the run to come, before any engine is opened.
func (a *app) identity(ctx context.Context, x *experiment.Experiment, f *runFlags) (results.Identity, error) {
	resolved, err := x.Resolved()
	if err != nil {
		return results.Identity{}, err
	}
	coming := results.Run{
		Host: describeHost(ctx, x), Variables: x.Variables, Asked: a.asked(*f), Resolved: resolved,
	}
	return coming.Identity(), nil
}

// describeHost is the source of every fact about this machine that a run keeps;
// doctor uses the same code.
func describeHost(ctx context.Context, x *experiment.Experiment) results.Host {
	h := runner.DescribeHost(ctx, filepath.Dir(x.File))
	m := machine.Machine{}
	h.Hypervisor, _ = m.Hypervisor(ctx)
	h.Governor, h.Facts = m.Governor(), m.Facts()
	return h
}

// ownDigest is that of the program that runs. Linux shows it even where its
// file has been replaced since.
func ownDigest() (string, error) {
	name, err := os.Executable()
	if runtime.GOOS == "linux" {
		name, err = "/proc/self/exe", nil
	}
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// execution is one session of a run: from here on there is a folder.
type execution struct {
	plan    *experiment.Plan
	engines *runner.Engines
	energy  *runner.Energy
	record  *results.Run
	bar     progress
	log     zerolog.Logger
	machine machine.Machine
	look    func() []experiment.Finding // at the machine

	dir       string
	w         *results.Writer
	prior     *runner.Prior
	done, bad int // trials with their final record, of all sessions
	during    []experiment.Finding
}

// open makes the run's folder, or takes up that of an earlier session.
func (e *execution) open(ctx context.Context, out string, old *resumed) (err error) {
	if ctx.Err() != nil {
		return errInterrupted
	}
	if old == nil {
		e.dir = results.Dir(out, e.record.Experiment, e.record.ID)
		e.w, err = results.CreateContext(ctx, e.dir, e.plan, e.record)
		switch {
		case errors.Is(err, context.Canceled):
			return errInterrupted
		case err != nil:
			return fmt.Errorf("make the run's folder: %w", err)
		}
		e.log.Info().Str("run", e.record.ID).Int("cells", len(e.plan.Cells)).Int("trials", e.plan.Len()).Msg("running")
		return nil
	}
	if err := old.refuse(e.plan, e.record); err != nil {
		return err
	}
	session := e.record.Sessions[0]
	run := old.folder.Run
	run.Sessions, run.State, run.Ended = append(run.Sessions, session), results.Running, nil
	run.Energy = e.record.Energy // there may be counters now that there were not
	*e.record = run
	e.dir, e.w, e.prior = old.folder.Dir, old.w, old.prior
	e.done, e.bad = e.prior.Done(), e.prior.Bad()
	if err := errors.Join(e.w.Mend(), e.w.Update(e.record)); err != nil {
		return fmt.Errorf("take up the run's folder: %w", err)
	}
	e.log.Info().Str("run", e.record.ID).Int("done", e.done).Int("left", e.prior.Left(e.plan)).Msg("going on")
	return nil
}

// run executes what is left of the plan and writes how that ended.
func (e *execution) run(stop, abort context.Context) error {
	blocks := e.plan.Warmup + e.plan.Repetitions
	e.bar.start("trials", e.prior.Left(e.plan), e.plan.Order != experiment.Sequential)
	counters := e.machine.Counters()
	watch := &blockWatch{machine: e.machine, others: e.engines.Others(), record: e.w.Block}
	r := runner.Runner{
		Plan: e.plan, Engines: e.engines, Prior: e.prior, Log: e.log, Between: watch.between,
		Record: func(t *results.Trial) error {
			if err := e.w.Append(t); err != nil || !t.Final() {
				return err
			}
			e.done++
			if t.Outcome != experiment.OK {
				e.bad++
			}
			e.bar.done(trialStep(t)) // what is shown has been recorded
			return nil
		},
		Stop: func(s *results.Stop) error {
			e.bar.fewer(blocks - s.Block)
			return e.w.Stop(s)
		},
	}
	runErr := r.Run(stop, abort)
	e.bar.stop()
	if runErr == nil {
		runErr = e.measure(&r, stop, abort)
	}

	ended := time.Now().UTC().Truncate(time.Millisecond)
	e.record.Ended, e.record.State = &ended, results.Complete
	e.during = machine.Within(machine.During(counters, e.machine.Counters()), watch.stretches, unitOf(e.plan))
	session := &e.record.Sessions[len(e.record.Sessions)-1]
	e.during = append(e.during, machine.Changed(session.Before, e.look())...)
	session.Ended, session.During = &ended, e.during
	switch {
	case errors.Is(runErr, context.Canceled):
		e.record.State = results.Interrupted
	case runErr != nil:
		e.record.State = results.Broken
	}
	err := errors.Join(e.w.Update(e.record), e.w.Close())
	if err != nil {
		// Half of a good end is a bad end.
		e.record.State = results.Broken
	}
	return errors.Join(runErr, err)
}

// finish writes the pages and says what a run showed that did not come to its
// end.
func (a *app) finish(dir string, asJSON bool, log zerolog.Logger) error {
	_, s, err := a.pages(dir, log)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(a.data(), s)
	}
	return reports.WriteText(a.stdout, s)
}

// pages writes the pages of a run that is over.
func (a *app) pages(dir string, log zerolog.Logger) (*results.Folder, *reports.Summary, error) {
	f, err := results.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	unwritten, err := a.writePages(f)
	if err = errors.Join(append(unwritten, err)...); err != nil {
		return nil, nil, err
	}
	s, err := reports.Summarise(f)
	log.Info().Str("report", filepath.Join(a.out, "index.html")).Msg("done")
	return f, s, err
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
