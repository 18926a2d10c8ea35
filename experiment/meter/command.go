package meter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// command is a program that reads a meter of the user's own, such as a plug
// meter on the network. It is started once, keeps running and prints a line
// for each new value: "12.3 W" or "1234.5 J" (joules since any moment, never
// less than before). It is not started for each reading, because starting
// programs is work on the machine that is measured.
//
// It is the user's program, named in the user's file, and runs with the
// user's rights and environment. It gets SIGTERM at the end, and SIGKILL a
// second later, with all that it has started.
type command struct {
	info    Info
	cmd     *exec.Cmd
	group   *system.Group
	done    chan struct{} // it has ended
	silence time.Duration // how long it may be silent

	mu     sync.Mutex
	count  uint64 // µJ or µW
	unit   string
	lines  int
	first  time.Time // of the first line
	at     time.Time // of the last line; of the start before that
	spaced int       // lines in a row that came some time after the one before
	known  bool      // the period is
	period time.Duration
	err    error

	// Lines that waited in a buffer come together, and are old.
	stalled bool // the last line came late
	quick   int  // lines since then that came at once
	stale   string
}

// How old lines, which were waiting in a buffer, are told from new ones.
const (
	atOnce    = 20 * time.Millisecond // lines closer than that came together
	fastLines = 50                    // so many that came so are a fast meter's,
	fastFor   = time.Second           // after that long
)

// openCommand starts the program and waits for three values that come one by
// one, whatever burst of old ones stands before them: the last two tell how
// often there is one. It may be silent for so long.
func openCommand(argv []string, silence time.Duration) (Source, error) {
	if len(argv) == 0 || argv[0] == "" {
		return nil, closed("command", "no command is given", `command = ["program", "argument"]`)
	}
	const form = `it has to print a line such as "12.3 W" or "1234.5 J" for each new value, and to keep running`
	door := "command (" + strconv.Quote(argv[0]) + ")"
	c := &command{cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{}), silence: silence, at: time.Now()}
	c.cmd.WaitDelay = time.Second // for a child of its that keeps the pipe
	stderr := &tail{}
	c.cmd.Stderr = stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, closed(door, err.Error(), "")
	}
	if c.group, err = system.Start(c.cmd); err != nil {
		return nil, closed(door, err.Error(), form)
	}
	second := make(chan struct{})
	go c.follow(out, stderr, second)
	late := time.NewTimer(2 * silence)
	defer late.Stop()
	select {
	case <-second:
	case <-c.done:
	case <-late.C:
		c.fail(fmt.Errorf("it did not give three values, one by one, within %s", 2*silence))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		c.mu.Unlock()
		c.Close()
		c.mu.Lock()
		return nil, closed(door, c.err.Error(), form)
	}
	c.info = Info{Source: "command", Domains: []Domain{{
		Name: "command", Total: true, Unit: 1e-6, Most: mostOfMachine, Period: c.period, Integrated: c.unit == "W",
	}}}
	return c, nil
}

// follow takes the lines until there are no more.
func (c *command) follow(out io.Reader, stderr *tail, second chan struct{}) {
	defer close(c.done)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 256)
	for lines.Scan() {
		if err := c.line(lines.Text(), second); err != nil {
			c.fail(err)
			break
		}
	}
	if err := lines.Err(); err != nil {
		c.fail(fmt.Errorf("its output: %w", err))
	}
	c.group.Terminate()
	late := time.AfterFunc(time.Second, func() { c.group.Kill() })
	err := c.cmd.Wait()
	late.Stop()
	c.group.Kill() // what it has started
	c.group.Release()
	why := "it ended"
	if err != nil {
		why += ": " + err.Error()
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		why += fmt.Sprintf(", saying %q", text)
	}
	c.fail(errors.New(why))
}

func (c *command) line(text string, second chan struct{}) error {
	count, unit, err := parseMeasure(text)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines > 0 && unit != c.unit {
		return fmt.Errorf("%q is in %s, and what came before in %s", text, unit, c.unit)
	}
	now := time.Now()
	c.count, c.unit = count, unit
	c.lines++
	gap := now.Sub(c.at)
	c.at = now
	switch {
	case c.lines == 1:
		c.first = now
	case c.known:
		c.old(gap)
	default:
		if c.known = c.learn(gap, now.Sub(c.first)); c.known {
			close(second)
		}
	}
	return nil
}

// learn looks for the period, and reports whether it is known.
func (c *command) learn(gap, since time.Duration) bool {
	if gap < atOnce {
		c.spaced = 0
		if c.lines < fastLines || since < fastFor {
			return false
		}
		c.period = since / time.Duration(c.lines-1)
		return true
	}
	c.spaced++
	c.period = gap
	return c.spaced == 2 // the first may follow a burst by any time
}

// old notes lines that come at once after a silence: they were waiting
// somewhere, and nobody knows of which moments they are.
func (c *command) old(gap time.Duration) {
	switch {
	case gap > max(3*c.period, 5*atOnce):
		c.stalled, c.quick = true, 0
	case c.stalled && gap < c.period/4:
		if c.quick++; c.quick == 2 {
			c.stale, c.stalled = "its values came in a burst after a silence: they are old", false
		}
	default:
		c.stalled = false
	}
}

// fail keeps the first reason.
func (c *command) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

var measure = regexp.MustCompile(`^\s*([0-9]{1,15}(?:\.[0-9]{0,15})?)\s*([JW])\s*$`)

// parseMeasure reads a line, in millionths of its unit.
func parseMeasure(line string) (count uint64, unit string, err error) {
	m := measure.FindStringSubmatch(line)
	if m == nil {
		return 0, "", fmt.Errorf(`%q is no energy and no power: "1234.5 J" and "12.3 W" are`, line)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil || v > 1e12 {
		return 0, "", fmt.Errorf("%q is more than any meter shows", line)
	}
	return uint64(v*1e6 + 0.5), m[2], nil
}

func (c *command) Info() Info { return c.info }

// Read gives the last value. Its error says why there is none of late.
func (c *command) Read(int) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if late := time.Since(c.at); c.err == nil && late > c.silence {
		return 0, fmt.Errorf("there was no value for %s", late.Round(time.Second))
	}
	if why := c.stale; why != "" && c.err == nil {
		c.stale = "" // the window around this reading is invalid
		return 0, errors.New(why)
	}
	return c.count, c.err
}

// Close ends the program, however long that takes it, up to some two seconds.
func (c *command) Close() error {
	select {
	case <-c.done: // its number may be another's by now
		return nil
	default:
	}
	c.group.Terminate()
	select {
	case <-c.done:
		return nil
	case <-time.After(time.Second):
	}
	c.group.Kill()
	<-c.done
	return nil
}

// tail keeps the end of what is written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-200):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
