package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/internal/words"
)

// resumed is a run that did not end, about to be continued.
type resumed struct {
	folder *results.Folder
	prior  *runner.Prior
	w      *results.Writer // nil until it is taken
}

// openResumed reads the run that a user wants to go on with, and what it was
// asked for. The folder is not changed.
func (a *app) openResumed(name, file string, f *runFlags, flags *pflag.FlagSet) (*resumed, string, error) {
	for _, n := range []string{"var", "var-file", "only", "repetitions", "quick", "path.sysfs"} {
		if flags.Changed(n) {
			return nil, "", &exitError{exitUsage, fmt.Errorf("--%s can't stand beside --resume: the run goes on with what it was asked for", n)}
		}
	}
	folder, err := a.find(name)
	if err != nil {
		return nil, "", err
	}
	run := &folder.Run
	old := &resumed{folder: folder}
	if err := old.read(); err != nil {
		return nil, "", err
	}
	f.vars, f.varFiles, f.only = run.Asked.Vars, run.Asked.VarFiles, run.Asked.Only
	f.repetitions, f.quick, a.sysfs = run.Asked.Repetitions, run.Asked.Quick, run.Asked.Sysfs
	if file == "" {
		file = run.Asked.File
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, "", &exitError{exitUsage, fmt.Errorf("the experiment of run %s lay at %s and is not there; say where it is: nebula run --resume %s FILE", run.ID, file, name)}
		}
	}
	// Pages belong beside the run, wherever its folder has been copied.
	if runs := filepath.Dir(filepath.Dir(folder.Dir)); filepath.Base(runs) == "runs" && !flags.Changed("out") {
		a.out = filepath.Dir(runs)
	}
	return old, file, nil
}

// id is the run's; where none is resumed, that of a new one.
func (r *resumed) id() string {
	if r == nil {
		return backends.NewRunID(time.Now())
	}
	return r.folder.Run.ID
}

// take makes the run this process's, and reads again what it has come to: it
// may have gone on while this session waited for its turn.
func (r *resumed) take() (err error) {
	r.w, err = results.Resume(r.folder.Dir)
	if errors.Is(err, results.ErrBusy) {
		return &exitError{exitUnfit, fmt.Errorf("run %s goes on: %w", r.folder.Run.ID, err)}
	}
	if err != nil {
		return fmt.Errorf("take up the run's folder: %w", err)
	}
	if err := r.read(); err != nil {
		r.w.Close()
		return err
	}
	return nil
}

func (r *resumed) read() (err error) {
	if r.folder, err = results.Open(r.folder.Dir); err != nil {
		return &exitError{exitUsage, err}
	}
	id := r.folder.Run.ID
	if r.folder.Run.State == results.Complete {
		return &exitError{exitUsage, fmt.Errorf("run %s is complete: there is nothing to resume", id)}
	}
	if r.prior, err = runner.NewPrior(r.folder); err != nil {
		return &exitError{exitUsage, fmt.Errorf("run %s can't be resumed: %w", id, err)}
	}
	return nil
}

// refuse reports what has changed since the run began, where that forbids to
// go on with it.
func (r *resumed) refuse(plan *experiment.Plan, now *results.Run) error {
	then := &r.folder.Run
	ds, err := results.Differences(then, now)
	if err != nil {
		return err
	}
	var changed, shown []string
	for _, d := range ds {
		line := fmt.Sprintf("%s: %s → %s", d.What, orNothing(d.A), orNothing(d.B))
		if d.Obstacle() {
			changed = append(changed, line)
		} else if strings.HasPrefix(d.What, "resolved.") {
			shown = append(shown, line)
		}
	}
	if r.folder.Plan.Hash != plan.Hash {
		changed = append(changed, fmt.Sprintf("plan: %s of %s → %s of %s",
			words.Count(r.folder.Plan.Len(), "trial"), words.Count(len(r.folder.Plan.Cells), "cell"), words.Count(plan.Len(), "trial"), words.Count(len(plan.Cells), "cell")))
		changed = append(changed, shown...)
		changed = append(changed, leftOut(r.folder.Plan.LeftOut, plan.LeftOut)...)
	}
	if len(changed) == 0 {
		return nil
	}
	return &exitError{exitUsage, fmt.Errorf("run %s can't be resumed: its numbers before and after would not be of the same thing. Changed since it began:\n  %s\nUndo that, or begin a new run",
		then.ID, strings.Join(changed, "\n  "))}
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

// leftOut says which cells a plan leaves out that the other did not.
func leftOut(then, now []experiment.LeftOut) (lines []string) {
	before := map[experiment.LeftOut]bool{}
	for _, l := range then {
		before[l] = true
	}
	for _, l := range now {
		if !before[l] {
			lines = append(lines, fmt.Sprintf("left out now: %s on %s, %s: %s", l.Function, l.Backend, l.Start, l.Reason))
		}
	}
	return lines
}
