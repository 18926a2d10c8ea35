package testenv

import (
	"fmt"
	"os"
	"os/exec"
)

func systemdAnalyze() error {
	_, err := exec.LookPath("systemd-analyze")
	return err
}

// systemd looks for what it takes to start a user's service manager of a
// test's own: the manager itself, and a namespace in which the machine seems
// to have been started by it.
func systemd() error {
	if _, err := os.Stat("/lib/systemd/systemd"); err != nil {
		return err
	}
	if _, err := exec.LookPath("mount"); err != nil {
		return err
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		return fmt.Errorf("unshare --mount: %w: %s", err, out)
	}
	return nil
}
