package schedule

import (
	"errors"
	"fmt"
	"strings"
)

// Workflow is a job for GitHub Actions, on a runner of one's own. Its run and
// pruning are those of the job, but for what lies elsewhere there: file is
// the experiment's path in the repository, flags what follows nebula run.
func (j Job) Workflow(file string, flags, prune []string) (string, error) {
	if err := j.Check(); err != nil {
		return "", err
	}
	if j.Calendar != "" {
		return "", errors.New("GitHub does not read systemd's calendar expressions: give a time of day, such as --at 02:30")
	}
	const out = `--out "$HOME/nebula-reports"`
	if strings.HasPrefix(file, "-") {
		file = "./" + file
	}
	run := []string{"nebula run", out}
	if len(flags) > 0 {
		run = append(run, shellWords(flags...))
	}
	// Actions replaces expressions before the shell sees them.
	expression := strings.NewReplacer("${{", "${{ '${{' }}")
	return fmt.Sprintf(`name: nebula %[1]s
on:
  schedule:
    - cron: "%[2]d %[3]d * * *" # UTC
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: nebula
jobs:
  night:
    # Nights compare on one machine only: a runner of your own, on which nebula
    # is installed, and which keeps the runs from night to night.
    # Where it has a baseline (nebula baseline RUN), say so instead of latest.
    runs-on: self-hosted
    timeout-minutes: 720
    steps:
      - uses: actions/checkout@v4
      - name: Run
        run: |
          %[4]s
      - name: Summary
        if: always()
        run: |
          nebula export %[6]s %[1]s/latest --format markdown >> "$GITHUB_STEP_SUMMARY"
      - name: Prune
        if: always()
        run: |
          nebula prune %[6]s %[5]s
`, j.Name, j.At.Minute, j.At.Hour, expression.Replace(strings.Join(append(run, shell(file)), " ")),
		expression.Replace(shellWords(prune...)), out), nil
}
