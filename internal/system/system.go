// Package system is what Nebula asks of an operating system that package os
// does not offer: a clock that all processes share, CPU time, locks, and groups
// of processes.
//
// Each system has its own files. What one can't tell is an error, or 0 where the
// comment says so, never a made-up value.
package system

import (
	"errors"
	"os/exec"
)

// ErrLocked means that another process, or another open file of this one,
// holds the lock.
var ErrLocked = errors.New("locked by another process")

// Group is a process that was started in a group of its own, with all that it
// starts. What a terminal sends to Nebula does not reach it.
type Group struct{ group }

// Start starts cmd in a group of its own. A command with a context takes the
// whole group along when that ends.
func Start(cmd *exec.Cmd) (*Group, error) {
	g := &Group{}
	if err := g.prepare(cmd); err != nil {
		return nil, err
	}
	if cmd.Cancel != nil {
		cmd.Cancel = g.Kill
	}
	if err := cmd.Start(); err != nil {
		g.Release()
		return nil, err
	}
	return g, g.started(cmd)
}

// Run is Start and then Wait.
func Run(cmd *exec.Cmd) error {
	g, err := Start(cmd)
	if err != nil {
		return err
	}
	defer g.Release()
	return cmd.Wait()
}
