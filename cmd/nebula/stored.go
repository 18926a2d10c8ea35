package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/words"
	"github.com/nebula-bench/nebula/reports"
)

// This file holds the commands on stored runs. They need no engine.

func (a *app) find(name string) (*results.Folder, error) {
	f, err := results.Find(a.out, name)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return f, nil
}

func (a *app) reportCommand() *cobra.Command {
	var single bool
	c := &cobra.Command{
		Use:   "report [RUN...]",
		Short: "Rebuild the pages from stored runs: those named, or all",
		RunE: func(_ *cobra.Command, args []string) error {
			var folders []*results.Folder
			for _, arg := range args {
				f, err := a.find(arg)
				if err != nil {
					return err
				}
				folders = append(folders, f)
			}
			if single {
				return a.singleFiles(folders)
			}
			var bad []error
			if len(args) == 0 {
				folders, bad = results.List(a.out)
			}
			unwritten, err := a.writePages(folders...)
			if err != nil {
				return fail(err)
			}
			bad = append(bad, unwritten...)
			for _, err := range bad {
				fmt.Fprintf(a.stderr, "nebula: left out of the report: %s\n", err)
			}
			fmt.Fprintf(a.stderr, "%s in %s/index.html\n", words.Count(len(folders)-len(unwritten), "run"), a.out)
			if len(bad) > 0 {
				return &exitError{code: exitFailed}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&single, "single-file", false, "write each of the named runs as one file that needs nothing beside it, to be mailed")
	return c
}

// singleFiles writes runs as files of their own, and prints their names.
func (a *app) singleFiles(folders []*results.Folder) error {
	if len(folders) == 0 {
		return &exitError{exitUsage, errors.New("--single-file needs the run that the file is to hold: nebula report latest --single-file")}
	}
	a.fetchLibrary()
	for _, f := range folders {
		file, err := reports.WriteSingle(a.out, f)
		if err != nil {
			return fail(fmt.Errorf("write run %s as one file: %w", f.Run.ID, err))
		}
		fmt.Fprintln(a.stdout, file)
	}
	return nil
}

// fetchLibrary fetches the chart library for a program that was built without it.
// If that fails, pages name the hosted copy, and say so.
func (a *app) fetchLibrary() {
	if err := reports.Fetch(context.Background(), filepath.Join(build.CacheRoot(), "charts"), a.offline); err != nil && a.verbose {
		fmt.Fprintf(a.stderr, "nebula: pages will name the hosted chart library, which could not be fetched: %s\n", err)
	}
}

// writePages writes the pages of the given runs, and what they share. A run
// whose page can't be written does not keep the others from having theirs.
func (a *app) writePages(folders ...*results.Folder) (unwritten []error, err error) {
	a.fetchLibrary()
	if err := reports.WriteAssets(a.out); err != nil {
		return nil, fmt.Errorf("write the report's assets: %w", err)
	}
	for _, f := range folders {
		if err := reports.Write(a.out, f); err != nil {
			if !strings.Contains(err.Error(), f.Dir) {
				err = fmt.Errorf("%s: %w", f.Dir, err)
			}
			unwritten = append(unwritten, err)
		}
	}
	if err := reports.WriteIndex(a.out); err != nil {
		return unwritten, fmt.Errorf("write the index of reports: %w", err)
	}
	return unwritten, nil
}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the stored runs, oldest first", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			runs, bad := results.List(a.out)
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			if len(runs) > 0 {
				fmt.Fprintln(w, "RUN\tEXPERIMENT\tSTATE\tTRIALS\tCELLS")
			}
			var killed []*results.Folder
			for _, f := range runs {
				n, planned, err := count(f)
				if err != nil {
					bad = append(bad, err)
					continue
				}
				state := string(f.Run.State)
				if f.Killed() {
					state, killed = "killed", append(killed, f)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%d/%d\t%d\n", printable(f.Run.ID), printable(f.Run.Experiment), state, n, planned, len(f.Plan.Cells))
			}
			if err := w.Flush(); err != nil {
				return fail(err)
			}
			for _, f := range killed {
				fmt.Fprintf(a.stderr, "nebula: run %s was killed; go on with: nebula run --resume %s\n", f.Run.ID, f.Dir)
			}
			for _, err := range bad {
				fmt.Fprintf(a.stderr, "nebula: cannot be read: %s\n", err)
			}
			if len(bad) > 0 {
				return &exitError{code: exitFailed}
			}
			if len(runs) == 0 {
				fmt.Fprintf(a.stderr, "no run in %s yet\n", a.out)
			}
			return nil
		},
	}
}

// count gives how many trials have ended, and how many there will be.
func count(f *results.Folder) (ended, planned int, err error) {
	for t, err := range f.Trials() {
		if err != nil {
			return 0, 0, err
		}
		if t.Final() {
			ended++
		}
	}
	stops, err := f.Stops()
	return ended, results.Planned(&f.Plan, stops), err
}

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	var other string
	c := &cobra.Command{
		Use: "show RUN", Short: "Summarise a run: a folder, an id, or latest", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := a.find(args[0])
			if err != nil {
				return err
			}
			if other != "" {
				return a.showDifferences(f, other, asJSON)
			}
			s, err := reports.Summarise(f)
			if err != nil {
				return fail(err)
			}
			if asJSON {
				return fail(writeJSON(a.data(), s))
			}
			return fail(reports.WriteText(a.stdout, s))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&other, "diff", "", "print instead what differs between the environments of this run and of `other`")
	return c
}

// showDifferences prints what may explain why two runs gave other numbers.
func (a *app) showDifferences(f *results.Folder, other string, asJSON bool) error {
	g, err := a.find(other)
	if err != nil {
		return err
	}
	ds, err := results.Differences(&f.Run, &g.Run)
	if err != nil {
		return fail(err)
	}
	if asJSON {
		if ds == nil {
			ds = []results.Difference{}
		}
		return fail(writeJSON(a.data(), ds))
	}
	if len(ds) == 0 {
		fmt.Fprintf(a.stderr, "nothing that is known of the environments of %s and %s differs\n", f.Run.ID, g.Run.ID)
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "WHAT\t%s\t%s\n", printable(f.Run.ID), printable(g.Run.ID))
	for _, d := range ds {
		fmt.Fprintf(w, "%s\t%s\t%s\n", printable(d.What), printable(orNothing(d.A)), printable(orNothing(d.B)))
	}
	return fail(w.Flush())
}
