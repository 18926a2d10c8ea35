package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// Unit is the name of the job's units, without .service or .timer. What the
// name of an experiment may hold, the name of a unit may hold too.
func (j Job) Unit() string { return "nebula-" + j.Name }

// Marker is the first line of the job's units: whose they are.
func (j Job) Marker() string {
	return "# Made by nebula schedule for " + strconv.Quote(j.File) + "\n"
}

// Service is the unit that runs the job once. It needs no shell.
func (j Job) Service() (string, error) {
	if err := j.Check(); err != nil {
		return "", err
	}
	// systemd refuses such a program even where they are escaped.
	if strings.ContainsAny(j.Program, `"'\`) {
		return "", fmt.Errorf("systemd starts no program from a path with quotes or backslashes: %s", j.Program)
	}
	if strings.HasSuffix(j.Dir, " ") || strings.HasSuffix(j.Dir, `\`) {
		return "", fmt.Errorf("systemd knows no folder whose name ends like this: %q", j.Dir)
	}
	var b strings.Builder
	b.WriteString(j.Marker())
	fmt.Fprintf(&b, `[Unit]
Description=Nebula: a night of %s

[Service]
Type=oneshot
WorkingDirectory=%s
`, j.Name, strings.ReplaceAll(j.Dir, "%", "%%"))
	for _, e := range j.Env {
		fmt.Fprintf(&b, "Environment=%s\n", unitQuote(e, false))
	}
	fmt.Fprintf(&b, `# Exit codes: 1 trials failed, 3 something got worse or a threshold is
# breached, 5 the machine was busy; each of them fails the unit.
ExecStart=%s
# Old runs go whatever the night said.
ExecStopPost=%s
# A stop ends the run after the trial in flight. The processes that hold it
# are not told, or that trial would fail.
KillMode=mixed
TimeoutStopSec=10min
NoNewPrivileges=yes
# No more than that: filters of system calls slow down what is measured, a /tmp
# of its own hides the lock that keeps two runs apart, and the Docker socket,
# energy counters and the engine's control groups lie where the others forbid.
`, j.unitCommand(j.Run), j.unitCommand(j.Prune))
	return b.String(), nil
}

// Timer is the unit that starts the service. A night that the machine slept
// through is left out: the morning after is not a quiet time.
func (j Job) Timer() (string, error) {
	if err := j.Check(); err != nil {
		return "", err
	}
	when := j.Calendar
	if when == "" {
		when = "*-*-* " + j.At.String() + ":00"
	}
	return j.Marker() + fmt.Sprintf(`[Unit]
Description=Nebula: when the nights of %s begin

[Timer]
OnCalendar=%s
Persistent=false

[Install]
WantedBy=timers.target
`, j.Name, strings.ReplaceAll(when, "%", "%%")), nil
}

func (j Job) unitCommand(args []string) string {
	words := []string{unitQuote(j.Program, false)}
	for _, a := range args {
		words = append(words, unitQuote(a, true))
	}
	return strings.Join(words, " ")
}

// unitQuote makes one word of a unit file of any text without control
// characters. Percent signs begin specifiers everywhere; dollar signs begin
// variables in the arguments of a command, and nowhere else.
func unitQuote(s string, argument bool) string {
	if plain(s, "-_./=:,@+") {
		return s
	}
	r := []string{`\`, `\\`, `"`, `\"`, "%", "%%"}
	if argument {
		r = append(r, "$", "$$")
	}
	return `"` + strings.NewReplacer(r...).Replace(s) + `"`
}
