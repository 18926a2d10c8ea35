package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/schedule"
)

// This file puts a schedule's units into a user's systemd folder and takes
// them away again.

// unitDir is the folder of a user's own units.
func unitDir() (string, error) {
	config, err := os.UserConfigDir()
	return filepath.Join(config, "systemd", "user"), err
}

// installUnits writes the units, where nothing else has their names, and
// enables the timer.
func (a *app) installUnits(ctx context.Context, job schedule.Job) error {
	dir, err := unitDir()
	if err != nil {
		return err
	}
	service, err := job.Service()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	timer, err := job.Timer()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	units := []struct{ name, text string }{{job.Unit() + ".service", service}, {job.Unit() + ".timer", timer}}
	for _, u := range units {
		file := filepath.Join(dir, u.name)
		ours, err := madeFor(file, 1, job.Marker())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && !ours {
			return &exitError{exitUsage, fmt.Errorf("%s is there and was not made for this experiment; nothing was written", file)}
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, u := range units {
		file := filepath.Join(dir, u.name)
		if err := atomicfile.Write(file, func(w io.Writer) error {
			_, err := io.WriteString(w, u.text)
			return err
		}); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "wrote %s\n", file)
	}
	name := job.Unit() + ".timer"
	err = systemctl(ctx, "daemon-reload")
	if err == nil {
		// Enabling a timer again does not make it read its time again.
		err = errors.Join(systemctl(ctx, "enable", name), systemctl(ctx, "restart", name))
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "nebula: your service manager did not take the timer (%s). Left to do, where it answers:\n  systemctl --user daemon-reload\n  systemctl --user enable --now %s\n", err, name)
	} else {
		fmt.Fprintf(a.stdout, "enabled and started %s\n", name)
	}
	if !lingers() {
		fmt.Fprintln(a.stderr, "nebula: your timers run only while you are logged in. Left to do, for every night:\n  loginctl enable-linger")
	}
	return nil
}

// removeUnits disables and removes the units that were made for a file.
func (a *app) removeUnits(ctx context.Context, file string) error {
	dir, err := unitDir()
	if err != nil {
		return err
	}
	var units []string
	for _, kind := range []string{"timer", "service"} { // first what starts the other
		found, _ := os.ReadDir(dir)
		for _, e := range found {
			if !strings.HasPrefix(e.Name(), "nebula-") || !strings.HasSuffix(e.Name(), "."+kind) {
				continue
			}
			ours, err := madeFor(filepath.Join(dir, e.Name()), 1, schedule.Job{File: file}.Marker())
			if err != nil {
				return err
			}
			if ours {
				units = append(units, e.Name())
			}
		}
	}
	if len(units) == 0 {
		fmt.Fprintf(a.stderr, "nothing in %s was made for %s\n", dir, file)
		return nil
	}
	var away error
	for _, name := range units {
		unit := filepath.Join(dir, name)
		if strings.HasSuffix(name, ".timer") {
			if away = systemctl(ctx, "disable", "--now", name); away != nil {
				// What disabling removes, as long as it is a link to ours.
				wanted := filepath.Join(dir, "timers.target.wants", name)
				if to, err := os.Readlink(wanted); err == nil && filepath.Base(to) == name {
					if err := os.Remove(wanted); err != nil {
						return err
					}
					os.Remove(filepath.Dir(wanted)) // if nothing else is in it
				}
			} else {
				fmt.Fprintf(a.stdout, "stopped and disabled %s\n", name)
			}
		}
		if err := os.Remove(unit); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "removed %s\n", unit)
	}
	if away == nil {
		away = systemctl(ctx, "daemon-reload")
	}
	if away != nil {
		fmt.Fprintf(a.stderr, "nebula: your service manager did not answer (%s). Left to do, where it does:\n  systemctl --user daemon-reload\n", away)
	}
	return nil
}

// madeFor reports whether a file is a regular one whose line of that number is
// the marker.
func madeFor(file string, number int, marker string) (bool, error) {
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var line string
	r := bufio.NewReader(io.LimitReader(f, 1<<16))
	for range number {
		line, err = r.ReadString('\n')
	}
	if err == io.EOF {
		err = nil
	}
	return line == marker, err
}

// systemctl asks the user's service manager; its error is what it says.
func systemctl(ctx context.Context, args ...string) error {
	return ask(ctx, "systemctl", append([]string{"--user", "--quiet"}, args...)...)
}

// ask runs a program for a moment; its error is the first line of what it says.
func ask(ctx context.Context, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n")); err != nil && len(line) > 0 {
		return fmt.Errorf("%s", printable(string(line)))
	}
	return err
}

// lingers reports whether the user's service manager runs without a login.
func lingers() bool {
	u, err := user.Current()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join("/var/lib/systemd/linger", u.Username))
	return err == nil
}
