package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/schedule"
)

// This file puts a schedule's agent into a user's launchd folder and takes it
// away again, as units.go does for systemd.

// installNight installs a job with this system's manager.
func (a *app) installNight(ctx context.Context, job schedule.Job) error {
	if manager == "launchd" {
		return a.installAgent(ctx, job)
	}
	return a.installUnits(ctx, job)
}

// removeNight removes what was installed for a file.
func (a *app) removeNight(ctx context.Context, file string) error {
	if manager == "launchd" {
		return a.removeAgents(ctx, file)
	}
	return a.removeUnits(ctx, file)
}

// agentDir is the folder of a user's own agents.
func agentDir() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, "Library", "LaunchAgents"), err
}

// agentMark is the number of the line in which an agent has its marker: every
// property list begins with two others.
const agentMark = 3

// installAgent writes the agent, where nothing else has its name, and loads it.
func (a *app) installAgent(ctx context.Context, job schedule.Job) error {
	dir, err := agentDir()
	if err != nil {
		return err
	}
	text, err := job.Launchd()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	file := filepath.Join(dir, job.Agent()+".plist")
	ours, err := madeFor(file, agentMark, job.AgentMarker())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !ours {
		return &exitError{exitUsage, fmt.Errorf("%s is there and was not made for this experiment; nothing was written", file)}
	}
	for _, d := range []string{dir, filepath.Dir(job.Log)} { // launchd does not make a log's folder
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(file, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "wrote %s\n", file)
	if ours { // a loaded agent does not read its file again
		launchctl(ctx, "bootout", domain()+"/"+job.Agent())
	}
	if err := launchctl(ctx, "bootstrap", domain(), file); err != nil {
		fmt.Fprintf(a.stderr, "nebula: launchd did not take the agent (%s). Left to do, where you are logged in:\n  launchctl bootstrap %s '%s'\n", err, domain(), strings.ReplaceAll(file, "'", `'\''`))
		return nil
	}
	fmt.Fprintf(a.stdout, "loaded %s\n", job.Agent())
	return nil
}

// removeAgents unloads and removes the agents that were made for a file.
func (a *app) removeAgents(ctx context.Context, file string) error {
	dir, err := agentDir()
	if err != nil {
		return err
	}
	found, _ := os.ReadDir(dir)
	removed := false
	for _, e := range found {
		label, isAgent := strings.CutSuffix(e.Name(), ".plist")
		if !isAgent || !strings.HasPrefix(label, "nebula.") {
			continue
		}
		agent := filepath.Join(dir, e.Name())
		ours, err := madeFor(agent, agentMark, schedule.Job{File: file}.AgentMarker())
		if err != nil {
			return err
		}
		if !ours {
			continue
		}
		if err := launchctl(ctx, "bootout", domain()+"/"+label); err != nil {
			fmt.Fprintf(a.stderr, "nebula: launchd did not unload %s (%s); without its file it will not come back at the next login\n", label, err)
		}
		if err := os.Remove(agent); err != nil {
			return err
		}
		removed = true
		fmt.Fprintf(a.stdout, "removed %s\n", agent)
	}
	if !removed {
		fmt.Fprintf(a.stderr, "nothing in %s was made for %s\n", dir, file)
	}
	return nil
}

// domain is launchd's domain for the agents of a logged-in user.
func domain() string { return "gui/" + strconv.Itoa(os.Getuid()) }

// launchctl asks launchd; its error is what it says.
func launchctl(ctx context.Context, args ...string) error { return ask(ctx, "launchctl", args...) }
