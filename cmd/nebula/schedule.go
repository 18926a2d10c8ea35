package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/schedule"
)

type scheduleFlags struct {
	at, calendar, format, wait string
	keep                       age
	install, remove, user      bool
}

func (a *app) scheduleCommand() *cobra.Command {
	f := scheduleFlags{keep: age(90 * day)}
	c := &cobra.Command{
		Use:   "schedule FILE [-- FLAGS OF RUN]",
		Short: "Print or install what runs an experiment every night",
		Long: `Print a systemd service and timer (on macOS, an agent of launchd), a cron line
and a workflow for GitHub Actions. Each runs an experiment every night, waits
for other runs to end, fails when something got worse, and removes old runs.
What follows -- goes to nebula run.

With --install --user, the units are written into your systemd folder, and the
timer is enabled where your service manager answers; on macOS, the agent is
written into your LaunchAgents folder, and loaded. --remove --user removes
what was installed for FILE, and nothing else.`,
		Args: func(c *cobra.Command, args []string) error {
			if n := c.ArgsLenAtDash(); n >= 0 {
				return cobra.ExactArgs(1)(c, args[:n])
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c); err != nil {
				return &exitError{exitUsage, err}
			}
			file, err := filepath.Abs(args[0])
			if err != nil {
				return fail(err)
			}
			if f.remove {
				return fail(a.removeNight(c.Context(), file))
			}
			job, plain, err := a.night(file, args[1:], f)
			if err != nil {
				return err
			}
			if f.install {
				return fail(a.installNight(c.Context(), job))
			}
			return a.printSchedule(job, plain, f)
		},
	}
	c.Flags().StringVar(&f.at, "at", "02:30", "`time` of day at which to run; GitHub's is in UTC")
	c.Flags().StringVar(&f.calendar, "on-calendar", "", "systemd calendar `expression` instead, such as 'Mon..Fri 03:00'")
	c.Flags().StringVar(&f.format, "format", "", "print one only: systemd, launchd, cron or github")
	c.Flags().StringVar(&f.wait, "wait", "6h", "how long a night waits for another run to end")
	c.Flags().Var(&f.keep, "keep", "remove runs older than `age`, such as 90d or 12w; never a baseline, never the newest")
	c.Flags().BoolVar(&f.install, "install", false, "install the systemd units, or launchd's agent")
	c.Flags().BoolVar(&f.remove, "remove", false, "remove the installed units")
	c.Flags().BoolVar(&f.user, "user", false, "with --install and --remove: your own units")
	return c
}

// otherFormats are printed where --format asks for them.
var otherFormats = []string{"systemd", "launchd", "cron", "github"}

func (f *scheduleFlags) check(c *cobra.Command) error {
	switch {
	case f.install && f.remove:
		return errors.New("--install and --remove: which of the two?")
	case (f.install || f.remove) && !f.user:
		return errors.New("only your own units can be installed: add --user. For units of the whole machine, print them, add User= to the service, and copy them to /etc/systemd/system")
	case f.user && !f.install && !f.remove:
		return errors.New("--user goes only with --install or --remove")
	case (f.install || f.remove) && f.format != "":
		return errors.New("--format says what to print; it does not go with --install or --remove")
	case f.format != "" && !slices.Contains(otherFormats, f.format):
		return fmt.Errorf("unknown --format %q: it is systemd, launchd, cron or github", f.format)
	case (f.install || f.remove) && manager == "":
		return fmt.Errorf("nebula installs nothing on %s: print what there is, or have the system's own scheduler, such as Windows's Task Scheduler, start nebula run every night", runtime.GOOS)
	case f.calendar != "" && c.Flags().Changed("at"):
		return errors.New("--at and --on-calendar: which of the two?")
	case f.calendar != "" && !f.install && !f.remove && f.format != "systemd":
		return errors.New("only systemd reads --on-calendar: add --format systemd, or give a time of day with --at")
	}
	return nil
}

// plainJob is what of a job is the same on another machine.
type plainJob struct {
	file       string // in its repository
	run, prune []string
}

// night makes the job of an experiment, which it reads first, so that no
// night fails over a mistake that can be told now.
func (a *app) night(file string, more []string, f scheduleFlags) (job schedule.Job, plain plainJob, err error) {
	rc := a.runCommand()
	if err := rc.ParseFlags(more); err != nil {
		return job, plain, &exitError{exitUsage, fmt.Errorf("nebula run does not take what stands after --: %w", err)}
	}
	if rest := rc.Flags().Args(); len(rest) > 0 || rc.Flags().Changed("resume") {
		return job, plain, &exitError{exitUsage, errors.New("after -- stand flags of nebula run only, and not --resume")}
	}
	var x experimentFlags
	x.vars, _ = rc.Flags().GetStringArray("var")
	x.varFiles, _ = rc.Flags().GetStringArray("var-file")
	x.repetitions, _ = rc.Flags().GetInt("repetitions")
	exp, err := a.load(file, x)
	if err != nil {
		return job, plain, err
	}
	job = schedule.Job{Name: exp.Name, File: file, Calendar: f.calendar}
	if job.At, err = schedule.ParseClock(f.at); err != nil {
		return job, plain, &exitError{exitUsage, fmt.Errorf("--at: %w", err)}
	}
	if err := checkCalendar(f.calendar); err != nil {
		return job, plain, &exitError{exitUsage, err}
	}
	if err := rc.ParseFlags([]string{"--wait", f.wait}); err != nil {
		return job, plain, &exitError{exitUsage, err}
	}
	out, err := filepath.Abs(a.out)
	if err != nil {
		return job, plain, fail(err)
	}
	if job.Program, err = os.Executable(); err != nil {
		return job, plain, fail(err)
	}
	if job.Dir, err = os.Getwd(); err != nil {
		return job, plain, fail(err)
	}
	state, err := stateDir()
	if err != nil {
		return job, plain, fail(err)
	}
	job.Log = filepath.Join(state, "nebula", exp.Name+".log")
	// A service manager and cron have a short PATH of their own, on which
	// compilers need not lie.
	job.Env = []string{"NEBULA_OUT=" + out, "PATH=" + eachOnce(os.Getenv("PATH"))}
	for _, name := range []string{"DOCKER_HOST", "NEBULA_CACHE", "NEBULA_LOCK"} {
		if v := os.Getenv(name); v != "" {
			job.Env = append(job.Env, name+"="+v)
		}
	}
	gate, err := a.nightGate(exp.Name)
	if err != nil {
		return job, plain, fail(err)
	}
	plain = plainJob{file: inRepository(file), run: slices.Concat([]string{"--wait", f.wait}, newestGate, more), prune: []string{"--keep", f.keep.String()}}
	job.Run = slices.Concat([]string{"run", "--progress", "none", "--wait", f.wait}, gate, more, []string{file})
	job.Prune = append([]string{"prune"}, plain.prune...)
	if err := job.Check(); err != nil {
		return job, plain, &exitError{exitUsage, err}
	}
	return job, plain, nil
}

// eachOnce gives a search path without the folders that it names again: cron
// takes no long commands.
func eachOnce(path string) string {
	var dirs []string
	for _, d := range filepath.SplitList(path) {
		if !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// newestGate holds a night against the one before.
var newestGate = []string{"--baseline", "latest", "--confirm"}

// nightGate gives the flags that hold a night against an earlier run.
func (a *app) nightGate(experiment string) ([]string, error) {
	id, err := results.Baseline(a.out, experiment)
	if err != nil {
		return nil, err
	}
	if id == "" {
		fmt.Fprintf(a.stderr, "nebula: %s has no baseline in %s, so each night is held against the one before, which does not show slow change. For the other: nebula baseline RUN, then nebula schedule again\n", experiment, a.out)
		return newestGate, nil
	}
	return []string{"--baseline", "baseline", "--confirm"}, nil
}

// checkCalendar has systemd read a calendar expression, where systemd is.
func checkCalendar(expression string) error {
	analyze, err := exec.LookPath("systemd-analyze")
	if expression == "" || err != nil {
		return nil
	}
	if out, err := exec.Command(analyze, "calendar", "--", expression).CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return fmt.Errorf("--on-calendar: systemd does not understand %q: %s", expression, printable(first))
	}
	return nil
}

// stateDir is where programs keep logs: the XDG base directory for state.
func stateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state"), err
}

// inRepository gives a file's path from the root of its git checkout, or its
// name where it is in none.
func inRepository(file string) string {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			rel, err := filepath.Rel(dir, file)
			if err == nil {
				return filepath.ToSlash(rel)
			}
		}
		if dir == filepath.Dir(dir) {
			return filepath.Base(file)
		}
	}
}

// printSchedule prints what was asked for; everything, where nothing was.
func (a *app) printSchedule(job schedule.Job, plain plainJob, f scheduleFlags) error {
	var b strings.Builder
	formats := scheduleFormats
	if f.format != "" {
		formats = []string{f.format}
	}
	for _, format := range formats {
		head := func(text string) {
			if f.format == "" {
				fmt.Fprintf(&b, "# ── %s\n", text)
			}
		}
		var texts []string
		var err error
		switch format {
		case "systemd":
			var service, timer string
			if service, err = job.Service(); err == nil {
				timer, err = job.Timer()
			}
			texts = []string{"# " + job.Unit() + ".service\n" + service, "# " + job.Unit() + ".timer\n" + timer}
			head("systemd: nebula schedule --install --user installs it; its log: journalctl --user -u " + job.Unit())
		case "launchd":
			var agent string
			agent, err = job.Launchd()
			texts = []string{agent}
			head("launchd: nebula schedule --install --user installs it as " + job.Agent() + ".plist; its log: " + printable(job.Log))
		case "cron":
			var line string
			line, err = job.Cron()
			texts = []string{line}
			head("cron: a line for crontab -e; its log: " + printable(job.Log))
		case "github":
			var workflow string
			workflow, err = job.Workflow(plain.file, plain.run, plain.prune)
			texts = []string{workflow}
			head("GitHub Actions: .github/workflows/" + job.Unit() + ".yml; its log: that of the job")
		}
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("%s: %w", format, err)}
		}
		b.WriteString(strings.Join(texts, "\n"))
		if f.format == "" && format != "github" {
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(a.data(), b.String())
	return fail(err)
}
