package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestREADME runs every command of the README, in its order, in a fresh clone,
// and validates the experiment that it shows.
func TestREADME(t *testing.T) {
	t.Parallel() // it measures nothing
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "nebula")
	if out, err := exec.Command("git", "clone", "--quiet", "--no-hardlinks", abs("../.."), clone).CombinedOutput(); err != nil {
		t.Skipf("not a git checkout: %s", out)
	}
	// What is being tested is the working tree, committed or not.
	copyTracked(t, abs("../.."), clone)

	commands, experiments := 0, 0
	for _, block := range regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		switch block[1] {
		case "hcl":
			experiments++
			file := filepath.Join(clone, "experiments", "readme.hcl")
			if err := os.WriteFile(file, []byte(block[2]), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, do := range []string{"bin/nebula validate", "bin/nebula fmt --check"} {
				sh(t, clone, do+" experiments/readme.hcl")
			}
			os.Remove(file)
		case "sh":
			for line := range strings.Lines(block[2]) {
				line = strings.TrimSpace(line)
				if strings.HasPrefix(line, "make test") {
					continue // runs this very test
				}
				commands++
				sh(t, clone, line)
			}
		}
	}
	if commands < 10 || experiments != 1 {
		t.Errorf("%d commands and %d experiments were found", commands, experiments)
	}
	if _, err := os.Stat(filepath.Join(clone, "reports", "index.html")); err != nil {
		t.Errorf("make run left no report: %v", err)
	}
	status, err := exec.Command("git", "-C", clone, "status", "--porcelain", "--untracked-files=all").Output()
	if err != nil {
		t.Fatal(err)
	}
	before, err := exec.Command("git", "-C", "../..", "status", "--porcelain", "--untracked-files=all").Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(strings.Split(string(status), "\n")) > len(strings.Split(string(before), "\n")) {
		t.Errorf("the commands left files that git does not ignore:\n%s", status)
	}
}

func sh(t *testing.T, dir, line string) {
	t.Helper()
	c := exec.Command("sh", "-c", line)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// copyTracked copies the files that git knows or would add.
func copyTracked(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("git", "-C", from, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			continue // deleted in the working tree
		}
		file := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
