package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/experiment/runner"
	"github.com/nebula-bench/nebula/internal/words"
)

func (a *app) planCommand() *cobra.Command {
	var f experimentFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what would run, in what order, and what would not, and why",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			x, err := a.load(args[0], f)
			if err != nil {
				return err
			}
			p, err := f.plan(x, runner.Lacks)
			if err != nil {
				return err
			}
			if asJSON {
				return fail(p.WriteJSON(a.data()))
			}
			if err := a.printPlan(p); err != nil {
				return fail(err)
			}
			if len(p.Cells) == 0 && !slices.ContainsFunc(p.LeftOut, func(l experiment.LeftOut) bool { return !l.Chosen }) {
				return f.nothingLeft()
			}
			if len(p.Cells) == 0 {
				return &exitError{exitUsage, errors.New("the plan is empty: everything was left out")}
			}
			return nil
		},
	}
	f.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan, with every trial, as JSON")
	return c
}

func (a *app) printPlan(p *experiment.Plan) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "experiment\t%s\n", p.Experiment)
	atMost := ""
	if p.Until != nil {
		atMost = " at most"
	}
	fmt.Fprintf(w, "trials\t%d%s: %s × %d (%d warm-up, %d counted)\n", p.Len(), atMost, words.Count(len(p.Cells), "cell"), p.Warmup+p.Repetitions, p.Warmup, p.Repetitions)
	if u := p.Until; u != nil {
		fmt.Fprintf(w, "until\ta cell's %s is known to ±%g %%, after %d trials or more", strings.Join(u.Metrics, " and "), 100*u.RelativeError, u.Min)
		if u.MaxTime > 0 {
			fmt.Fprintf(w, "; %s at most", u.MaxTime)
		}
		fmt.Fprintln(w)
	}
	if e := p.Energy; e != nil && len(p.Cells) > 0 {
		fmt.Fprintf(w, "energy\t%s\n", energyInWords(e, len(p.Cells)))
	}
	fmt.Fprintf(w, "order\t%s\n", orderInWords(p))
	fmt.Fprintf(w, "time\t%s\n", a.estimate(p))
	fmt.Fprintf(w, "hash\t%s\n", p.Hash)
	fmt.Fprintln(w, "\nFUNCTION\tBACKEND\tSTART\tINPUTS")
	printCells(w, p.Cells)
	if len(p.LeftOut) > 0 {
		fmt.Fprintln(w, "\nLEFT OUT\tBACKEND\tSTART\tINPUTS\tWHY")
		for _, l := range p.LeftOut {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", printable(l.Function), l.Backend, l.Start, l.Cells, printable(l.Reason))
		}
	}
	return w.Flush()
}

// energyInWords says what measuring energy adds to a run.
func energyInWords(e *experiment.Energy, cells int) string {
	where := "only where this machine has counters"
	if e.Estimate != nil {
		where = "estimated where this machine has no counters"
	}
	return fmt.Sprintf("%d windows of %s or more after the trials, with idle ones between: %s or more; %s",
		cells*e.Windows, e.Window, e.Least(cells).Round(time.Second), where)
}

func orderInWords(p *experiment.Plan) string {
	switch p.Order {
	case experiment.Shuffled:
		return fmt.Sprintf("every block runs every cell once, shuffled from seed %d", p.Seed)
	case experiment.Interleaved:
		return "every block runs every cell once, in the file's order"
	}
	return "all trials of a cell, then the next cell: drift of the machine will look like a difference"
}

// printCells writes one line for the cells that differ in their input alone.
func printCells(w io.Writer, cells []experiment.Cell) {
	group := func(c experiment.Cell) experiment.Cell {
		c.Input = ""
		return c
	}
	for i := 0; i < len(cells); {
		j := i
		for j < len(cells) && group(cells[j]) == group(cells[i]) {
			j++
		}
		c := cells[i]
		inputs := printable(c.Input)
		if j-i > 1 {
			inputs = fmt.Sprintf("%s … %s (%d)", inputs, printable(cells[j-1].Input), j-i)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(c.Function), c.Backend, c.Start, inputs)
		i = j
	}
}

// printable makes a name harmless on a terminal.
func printable(s string) string { return words.Printable(s) }

// estimate says how long the plan should take, from the newest run of the
// same experiment. Each cell counts with what a trial of it took there, with
// everything around the trial.
func (a *app) estimate(p *experiment.Plan) string {
	runs, _ := results.List(a.out)
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Run.Experiment != p.Experiment || runs[i].Confirming() {
			continue
		}
		took, err := trialTimes(runs[i])
		if err != nil || len(took) == 0 {
			continue
		}
		var all, known time.Duration
		for _, d := range took {
			known += d
		}
		for _, c := range p.Cells {
			d, ok := took[c]
			if !ok {
				d = known / time.Duration(len(took))
			}
			all += d * time.Duration(p.Warmup+p.Repetitions)
		}
		return fmt.Sprintf("about %s, going by run %s", all.Round(time.Second), runs[i].Run.ID)
	}
	return "not known before a first run"
}

// trialTimes gives the mean time from one trial's request to the next one's.
func trialTimes(f *results.Folder) (map[experiment.Cell]time.Duration, error) {
	sum, n := map[experiment.Cell]time.Duration{}, map[experiment.Cell]int{}
	var last *results.Trial
	for t, err := range f.Trials() {
		if err != nil {
			return nil, err
		}
		if last != nil {
			sum[last.Cell()] += t.Requested.Sub(last.Requested)
			n[last.Cell()]++
		}
		last = t
	}
	for c := range sum {
		sum[c] /= time.Duration(n[c])
	}
	return sum, nil
}
