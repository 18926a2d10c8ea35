package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/reports"
)

// exporter writes a run in one format.
type exporter struct {
	format string
	write  func(*results.Folder, io.Writer) error
}

// exporters is every format that a run can be exported to: what it measured,
// then what it says.
var exporters = []exporter{
	{"csv", (*results.Folder).ExportCSV},
	{"json", (*results.Folder).ExportJSON},
	{"parquet", (*results.Folder).ExportParquet},
	{"benchfmt", (*results.Folder).ExportBenchfmt},
	{"openmetrics", summarised(reports.WriteOpenMetrics)},
	{"markdown", summarised(reports.WriteMarkdown)},
}

// energyExporters write the energy windows in place of the trials.
var energyExporters = []exporter{
	{"csv", (*results.Folder).ExportEnergyCSV},
	{"json", (*results.Folder).ExportEnergyJSON},
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

With --energy, csv and json hold every energy window instead, one to a row:
joules and seconds of the work and of the idle time around it, the number of
invocations, and CPU time. nebula show --json has the energy of each cell.`,
		RunE: func(_ *cobra.Command, args []string) error {
			of := exporters
			if energy {
				of = energyExporters
			}
			for _, e := range of {
				if e.format != format {
					continue
				}
				if format == "parquet" && output == "" && isTerminal(a.stdout) {
					return &exitError{exitUsage, errors.New("parquet is not for a terminal; name a file: --output FILE")}
				}
				f, err := a.find(args[0])
				if err != nil {
					return err
				}
				return fail(a.export(f, e, output))
			}
			if energy {
				return &exitError{exitUsage, fmt.Errorf("--energy has no --format %q: it is csv or json", format)}
			}
			return &exitError{exitUsage, fmt.Errorf("unknown --format %q: it is %s", format, list)}
		},
	}
	c.Flags().StringVar(&format, "format", "csv", list)
	c.Flags().BoolVar(&energy, "energy", false, "write the energy windows, one to a row")
	c.Flags().StringVar(&output, "output", "", "write to `file`, whole or not at all, instead of to standard output")
	return c
}

func (a *app) export(f *results.Folder, e exporter, output string) error {
	write := func(w io.Writer) error { return e.write(f, w) }
	if output != "" {
		return results.WriteFile(output, write)
	}
	b := bufio.NewWriter(a.stdout)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}
