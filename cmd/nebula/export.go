package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/reports"
)

// exporter writes a run in one format: a table of it, or the whole.
type exporter struct {
	format string
	table  func(results.Table, io.Writer) error
	whole  func(*results.Folder, io.Writer) error
}

// exporters is every format that a run can be exported to: what it measured,
// then what it says.
var exporters = []exporter{
	{"csv", results.Table.WriteCSV, nil},
	{"json", results.Table.WriteJSON, nil},
	{"parquet", results.Table.WriteParquet, nil},
	{"benchfmt", nil, (*results.Folder).ExportBenchfmt},
	{"openmetrics", nil, summarised(reports.WriteOpenMetrics)},
	{"markdown", nil, summarised(reports.WriteMarkdown)},
}

func summarised(write func(io.Writer, *reports.Summary) error) func(*results.Folder, io.Writer) error {
	return func(f *results.Folder, w io.Writer) error {
		s, err := reports.Summarise(f)
		if err != nil {
			return err
		}
		return write(w, s)
	}
}

func (a *app) exportCommand() *cobra.Command {
	var format, output string
	var energy bool
	var names []string
	for _, e := range exporters {
		names = append(names, e.format)
	}
	list := strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	c := &cobra.Command{
		Use: "export RUN", Short: "Write a run in another format", Args: cobra.ExactArgs(1),
		Long: `Write a run, which is a folder, an id, or latest, in another format.

  csv, json, parquet  every trial, one to a row, with the same columns
  benchfmt            every trial that counts, for benchstat
  openmetrics         medians with intervals, for the textfile collector of node_exporter
  markdown            the summary, for a paper or a pull request

In csv, text that a spreadsheet would take for a formula, because it begins with
=, +, -, @, a tab or a line break and is no number, begins with an apostrophe
instead. json and parquet hold it as it is.

With --energy, csv, json and parquet hold every energy window instead, one to
a row: joules and seconds of the work and of the idle time around it, the
number of invocations, and CPU time. The energy of each cell is in openmetrics
and markdown, and in nebula show --json.`,
		RunE: func(_ *cobra.Command, args []string) error {
			i := slices.IndexFunc(exporters, func(e exporter) bool { return e.format == format })
			switch {
			case i < 0:
				return &exitError{exitUsage, fmt.Errorf("unknown --format %q: it is %s", format, list)}
			case energy && exporters[i].table == nil:
				return &exitError{exitUsage, fmt.Errorf("--energy has no --format %q: it is csv, json or parquet", format)}
			case format == "parquet" && output == "" && isTerminal(a.stdout):
				return &exitError{exitUsage, errors.New("parquet is not for a terminal; name a file: --output FILE")}
			}
			f, err := a.find(args[0])
			if err != nil {
				return err
			}
			return fail(a.export(exporters[i], f, energy, output))
		},
	}
	c.Flags().StringVar(&format, "format", "csv", list)
	c.Flags().BoolVar(&energy, "energy", false, "write the energy windows, one to a row")
	c.Flags().StringVar(&output, "output", "", "write to `file`, whole or not at all, instead of to standard output")
	return c
}

func (a *app) export(e exporter, f *results.Folder, energy bool, output string) error {
	write := func(w io.Writer) error {
		switch {
		case e.table == nil:
			return e.whole(f, w)
		case energy:
			return e.table(f.EnergyTable(), w)
		}
		return e.table(f.TrialTable(), w)
	}
	if output != "" {
		return atomicfile.Write(output, write)
	}
	b := bufio.NewWriter(a.data())
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}
