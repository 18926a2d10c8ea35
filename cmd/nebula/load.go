package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	textdiff "github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/config"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/words"
)

// experimentFlags choose what of an experiment is meant.
type experimentFlags struct {
	vars, varFiles, only []string
	repetitions          int
	quick                bool
}

func (f *experimentFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.vars, "var", nil, "set a variable: `name=value`")
	c.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "read variables from a `file`")
	c.Flags().StringArrayVar(&f.only, "only", nil, "keep only the cells that match `pattern`, such as 'fibonacci/*/wazero.*/cold'")
	c.Flags().Var((*repetitions)(&f.repetitions), "repetitions", "run each cell `n` times, or at most so often where the file says until")
	c.Flags().BoolVar(&f.quick, "quick", false, "one block without warm-up and the fewest energy windows, with each function's smallest input")
}

// repetitions is the value of --repetitions; 0: it was not given.
type repetitions int

func (r *repetitions) String() string { return strconv.Itoa(int(*r)) }

func (r *repetitions) Type() string { return "int" }

func (r *repetitions) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > experiment.MaxRepetitions {
		return fmt.Errorf("it must be a whole number from 1, which runs each cell once, to %d", experiment.MaxRepetitions)
	}
	*r = repetitions(n)
	return nil
}

func (f *experimentFlags) apply(x *experiment.Experiment) {
	if f.quick {
		x.Run.Repetitions, x.Run.Warmup, x.Run.Until = 1, 0, nil
		x.Energy.Windows = min(x.Energy.Windows, experiment.MinWindows)
		for i := range x.Functions {
			x.Functions[i].Inputs = []experiment.Input{smallest(x.Functions[i].Inputs)}
		}
	}
	if f.repetitions > 0 {
		x.Run.Repetitions, x.Run.Where = f.repetitions, "--repetitions"
		if u := x.Run.Until; u != nil {
			u.Max, u.Min = f.repetitions, min(u.Min, f.repetitions)
		}
	}
}

// plan fixes what runs. That there can be no plan is the user's mistake.
func (f *experimentFlags) plan(x *experiment.Experiment, lacks experiment.Lacks) (*experiment.Plan, error) {
	p, err := experiment.NewPlan(x, f.only, lacks)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("%w; nothing was written", err)}
	}
	return p, nil
}

// nothingLeft says why the matrix and --only leave no cell.
func (f *experimentFlags) nothingLeft() error {
	const form = "a pattern has four parts, function/input/backend/start, such as 'fibonacci/*/wazero.*/cold'"
	what := "the matrix leaves out all of them"
	switch {
	case len(f.only) == 1:
		what = fmt.Sprintf("--only %s matches none that the matrix keeps; %s", f.only[0], form)
	case len(f.only) > 1:
		what = fmt.Sprintf("none of --only %s matches one that the matrix keeps; %s", strings.Join(f.only, ", --only "), form)
	}
	return &exitError{exitUsage, fmt.Errorf("the plan is empty, no cell is left to run: %s. nebula plan without --only lists the cells; nothing was written", what)}
}

// load reads an experiment and prints what is wrong with it.
func (a *app) load(file string, f experimentFlags) (*experiment.Experiment, error) {
	language := config.Language{Backends: backendTypes, CheckFunction: checkFunction}
	x, problems := language.Load(file, config.Inputs{Vars: f.vars, VarFiles: f.varFiles})
	if err := a.printProblems(problems); err != nil {
		return nil, err
	}
	f.apply(x)
	return x, nil
}

// checkFunction returns what can be seen to be wrong with a function before
// anything is built.
func checkFunction(f experiment.Function) error {
	if err := build.Check(f); err != nil {
		return err
	}
	return docker.CheckFunction(f)
}

func (a *app) printProblems(p config.Problems) error {
	if len(p.Diagnostics) == 0 {
		return nil
	}
	if err := p.Write(colourful(a.stderr), 0, isTerminal(a.stderr)); err != nil {
		return fail(err)
	}
	if p.HasErrors() {
		return &exitError{code: exitUsage}
	}
	return nil
}

func (a *app) validateCommand() *cobra.Command {
	var f experimentFlags
	c := &cobra.Command{
		Use: "validate FILE", Short: "Check an experiment without running it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			x, err := a.load(args[0], f)
			if err != nil {
				return err
			}
			p, err := f.plan(x, runner.Lacks)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s, %s, %s\n", args[0],
				words.Count(len(x.Functions), "function"), words.Count(len(x.Backends), "backend"), words.Count(len(p.Cells), "cell"))
			return fail(err)
		},
	}
	f.register(c)
	return c
}

func (a *app) fmtCommand() *cobra.Command {
	var check, diff bool
	c := &cobra.Command{
		Use: "fmt FILE...", Short: "Rewrite experiments in the canonical layout", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			changed := false
			for _, file := range files {
				c, err := a.format(file, check, diff)
				if err != nil {
					return err
				}
				changed = changed || c
			}
			if check && changed {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "change nothing; list the files that would change, and exit with 1 if there are any")
	c.Flags().BoolVar(&diff, "diff", false, "change nothing; print what would change")
	return c
}

// format formats one file and reports whether that changes it.
func (a *app) format(file string, check, diff bool) (changed bool, err error) {
	src, problems := config.Read(file)
	if err := a.printProblems(problems); err != nil {
		return false, err
	}
	out, problems := config.Format(src, file)
	if err := a.printProblems(problems); err != nil {
		return false, err
	}
	if string(out) == string(src) {
		return false, nil
	}
	switch {
	case diff:
		_, err = a.data().Write(textdiff.Diff(file, src, file, out))
	case check:
		_, err = fmt.Fprintln(a.stdout, file)
	default:
		err = atomicfile.Write(file, func(w io.Writer) error {
			_, err := w.Write(out)
			return err
		})
	}
	return true, fail(err)
}
