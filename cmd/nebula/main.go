// Command nebula runs declarative experiments that compare WebAssembly with
// containers, and reports what they show.
//
// This package holds commands, flags, signals and wiring, and nothing that
// measures, decides or draws.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/backends/wazero"
	"github.com/nebula-bench/nebula/internal/words"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != wazero.ChildCommand { // a child ends with its parent
		leaveWhenInterrupted()
	}
	code := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	build.DropPrivateCache()
	os.Exit(code)
}

// backendTypes is every backend that an experiment can name.
var backendTypes = map[string]func() backends.Options{
	"wazero": func() backends.Options { return &wazero.Options{} },
	"docker": func() backends.Options { return &docker.Options{} },
}

// The exit codes.
const (
	exitFine        = 0
	exitFailed      = 1 // some trials failed, or something went wrong on the way
	exitUsage       = 2 // usage or configuration
	exitWorse       = 3 // something is worse than in another run, or a threshold is breached
	exitUnsure      = 4 // under --strict: nobody can tell yet
	exitUnfit       = 5 // another run goes on, or, under --strict, the machine lacks something or disturbs
	exitInterrupted = 130
)

// exitError is an error that decides the exit code. Without err, what there
// was to say has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	shown, said := words.NewTerminal(stdout), words.NewTerminal(stderr)
	root := newRoot(&app{stdin: stdin, stdout: shown, stderr: said})
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(shown)
	root.SetErr(said)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{exitUsage, err} // cobra's own: flags, arguments
	}
	if exit.err != nil {
		fmt.Fprintf(said, "nebula: %s\n", exit.err)
	}
	return exit.code
}

// fail makes an error of the run itself out of err.
func fail(err error) error {
	if err == nil {
		return nil
	}
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		return err
	}
	return &exitError{exitFailed, err}
}

// app is what the commands share.
type app struct {
	stdin io.Reader
	// stdout and stderr are for people: names and messages from elsewhere can't
	// control a terminal there. Data goes to data().
	stdout, stderr *words.Terminal
	out            string
	verbose        bool
	offline        bool   // fetch no chart library
	sysfs          string // where energy is looked for; empty: /sys
}

// data is standard output for what programs read: unchanged, unless it is a
// terminal.
func (a *app) data() io.Writer {
	if isTerminal(a.stdout) {
		return a.stdout
	}
	return a.stdout.Unwrap()
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "nebula",
		Short: "Compare WebAssembly and containers on your own machine, honestly",
		Long: `Nebula runs experiments from HCL files on wazero (WebAssembly) and Docker,
measures how long functions take to start and to run, and writes a report that
says which is better, by how much, and whether it is real.

  nebula doctor
  nebula run experiments/coldstart.hcl
  xdg-open reports/index.html

Exit codes: 0 fine; 1 some trials failed; 2 usage or configuration;
3 something got worse, or a threshold is breached; 4 unsure, under --strict;
5 machine busy, or unfit under --strict; 130 interrupted.
Each flag has a twin in the environment: --out is NEBULA_OUT.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return flagsFromEnvironment(c.Flags())
		},
	}
	root.PersistentFlags().StringVar(&a.out, "out", "reports", "`folder` of runs and reports")
	root.PersistentFlags().BoolVar(&a.offline, "offline", false, "do not fetch the chart library, where this build has none")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log more to standard error")
	root.AddCommand(
		a.runCommand(), a.planCommand(), a.validateCommand(), a.fmtCommand(),
		a.reportCommand(), a.listCommand(), a.showCommand(), a.exportCommand(),
		a.compareCommand(), a.pruneCommand(), a.baselineCommand(), a.scheduleCommand(),
		a.doctorCommand(), a.tuneCommand(), a.restoreCommand(),
		a.cleanCommand(), a.initCommand(), a.versionCommand(), a.childCommand(), a.simulateCommand(),
	)
	nameArguments(root)
	return root
}

// nameArguments makes the commands say which argument is missing, or too much,
// where cobra counts them.
func nameArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		nameArguments(sub)
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil || !strings.Contains(err.Error(), "arg(s)") {
			return err
		}
		if n := c.ArgsLenAtDash(); n >= 0 {
			args = args[:n] // what follows is another command's
		}
		use, _, _ := strings.Cut(c.Use, " [--")
		wanted := strings.Fields(use)[1:]
		if len(args) < len(wanted) {
			missing := strings.TrimSuffix(wanted[len(args)], "...")
			return fmt.Errorf("%s is missing: %s %s", missing, c.CommandPath(), strings.Join(wanted, " "))
		}
		return fmt.Errorf("%q is one argument too many: %s %s", args[len(wanted)], c.CommandPath(), strings.Join(wanted, " "))
	}
}

// flagsFromEnvironment sets each flag that was not given from its twin.
func flagsFromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" {
			return
		}
		name := "NEBULA_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(f.Name))
		if v := os.Getenv(name); v != "" && err == nil {
			if serr := flags.Set(f.Name, v); serr != nil {
				err = fmt.Errorf("invalid value %q in %s: %w", v, name, serr)
			}
		}
	})
	return err
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "nebula %s\n", version())
			return fail(err)
		},
	}
}

func (a *app) childCommand() *cobra.Command {
	return &cobra.Command{
		Use: wazero.ChildCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return fail(wazero.Child(a.stdin, a.stdout.Unwrap())) },
	}
}
