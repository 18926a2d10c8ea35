package schedule

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// longestCommand is what cron takes of a command: Vixie's and its successors
// refuse a table with a longer one.
const longestCommand = 998

// Cron is the job as a line of a user's crontab. Cron hands it to sh; what
// the night said goes to the end of the log.
func (j Job) Cron() (string, error) {
	if err := j.Check(); err != nil {
		return "", err
	}
	if j.Calendar != "" {
		return "", errors.New("cron does not read systemd's calendar expressions: give a time of day, such as --at 02:30")
	}
	var b strings.Builder
	for _, e := range j.Env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "export %s=%s; ", name, shell(value))
	}
	fmt.Fprintf(&b, `mkdir -p %s && exec >>%s 2>&1 && cd %s || exit; n=%s; "$n" %s; r=$?; "$n" %s; p=$?; exit $((r ? r : p))`,
		shell(filepath.Dir(j.Log)), shell(j.Log), shell(j.Dir), shell(j.Program), shellWords(j.Run...), shellWords(j.Prune...))
	command := strings.ReplaceAll(b.String(), "%", `\%`) // cron makes lines of bare ones
	if len(command) > longestCommand {
		return "", fmt.Errorf("cron takes commands of %d bytes, and this one has %d: shorten PATH or the paths", longestCommand, len(command))
	}
	return fmt.Sprintf("%d %d * * * %s\n", j.At.Minute, j.At.Hour, command), nil
}
