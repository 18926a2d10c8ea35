package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/internal/schedule"
	"github.com/nebula-bench/nebula/internal/words"
)

// TestAgents installs and removes a launchd agent, on any system: where no
// launchd answers, what is left to do is said. launchctl is kept away, so that
// the test loads nothing where it is.
func TestAgents(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("PATH", t.TempDir())
	var stdout, stderr bytes.Buffer
	a := &app{stdout: words.NewTerminal(&stdout), stderr: words.NewTerminal(&stderr)}
	job := schedule.Job{
		Name: "coldstart", File: filepath.Join(home, "a--b.hcl"), Program: filepath.Join(home, "nebula"), Dir: home,
		Run: []string{"run"}, Prune: []string{"prune"}, Log: filepath.Join(home, "logs", "coldstart.log"),
	}
	agent := filepath.Join(home, "Library", "LaunchAgents", "nebula.coldstart.plist")
	for range 2 { // the second time over its own
		if err := a.installAgent(t.Context(), job); err != nil {
			t.Fatal(err)
		}
	}
	want, err := job.Launchd()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(agent); err != nil || string(got) != want {
		t.Errorf("%s: %v", got, err)
	}
	if _, err := os.Stat(filepath.Dir(job.Log)); err != nil {
		t.Errorf("launchd would not make the log's folder: %v", err)
	}
	if left := stderr.String(); !strings.Contains(left, "launchctl bootstrap gui/") {
		t.Errorf("what is left to do is not said: %s", left)
	}

	other := job
	other.File = filepath.Join(home, "other.hcl")
	err = a.installAgent(t.Context(), other)
	if exit := (*exitError)(nil); !errors.As(err, &exit) || exit.code != exitUsage {
		t.Errorf("another experiment's agent is replaced: %v", err)
	}
	if err := a.removeAgents(t.Context(), other.File); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(agent); err != nil {
		t.Errorf("another experiment's agent is removed: %v", err)
	}
	if err := a.removeAgents(t.Context(), job.File); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(agent); err == nil {
		t.Error("the agent is still there")
	}
}
