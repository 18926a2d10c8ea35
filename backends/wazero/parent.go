package wazero

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/system"
)

// artifact is a module in its child process.
type artifact struct {
	exe    string
	config config
	binary build.Binary
	log    zerolog.Logger
	child  *process

	compressed int64 // size of the module, as it would travel
}

func (a *artifact) Describe() experiment.Identity {
	return experiment.Identity{
		Kind: "module", Digest: a.binary.Digest, Size: a.binary.Size,
		Source: a.binary.Source, Toolchain: a.binary.Toolchain, Compressed: a.compressed,
	}
}

// Ready implements backends.Readier: it replaces a child that was killed.
func (a *artifact) Ready(ctx context.Context) error {
	if a.child != nil {
		return nil
	}
	return a.spawn(ctx)
}

func (a *artifact) Start(ctx context.Context, s experiment.Start, r backends.Request, _ *backends.Timeline) (backends.Instance, error) {
	return a.start(ctx, order{Start: s, Stdin: r.Stdin, Args: r.Args, Env: r.Env})
}

func (a *artifact) start(ctx context.Context, o order) (backends.Instance, error) {
	if err := a.Ready(ctx); err != nil {
		return nil, err
	}
	release := a.killOnDone(ctx)
	defer release()
	// The child does the whole trial in one go: a message between start and
	// invocation would stand in the middle of what is measured.
	forgetWords(a.child.shared)
	if err := a.child.send(o); err != nil {
		return nil, a.died(ctx, err)
	}
	return &instance{artifact: a}, nil
}

// Frames implements backends.Framer.
func (a *artifact) Frames(ctx context.Context, r backends.Request) error {
	i, err := a.start(ctx, order{Start: experiment.Warm, Probe: true, Stdin: r.Stdin, Args: r.Args, Env: r.Env})
	if err != nil {
		return err
	}
	t := backends.NewTimeline(backends.Now)
	resp, err := i.Invoke(ctx, r, t)
	if err == nil && resp.ExitCode != 0 {
		err = fmt.Errorf("%w: exit code %d", backends.ErrUntried, resp.ExitCode)
	}
	return errors.Join(err, i.Close(ctx, t))
}

func (a *artifact) Close(context.Context) error {
	if a.child == nil {
		return nil
	}
	c := a.child
	a.child = nil
	return c.close()
}

// spawn starts a child and has it load the module.
func (a *artifact) spawn(ctx context.Context) error {
	c, err := start(a.exe)
	if err != nil {
		return fmt.Errorf("start a child process: %w", err)
	}
	a.child = c
	release := a.killOnDone(ctx)
	defer release()
	var l loaded
	cfg := a.config
	cfg.Words = c.shared != nil
	err = c.send(cfg)
	if err == nil {
		err = c.receive(&l)
	}
	if err != nil {
		if err = a.died(ctx, err); ctx.Err() != nil {
			return err
		}
		// A child does nothing yet but load the module, and it is that which
		// kills it. Other functions have children of their own.
		return &backends.Unsuitable{Err: fmt.Errorf("function %q: the module can't be loaded: %s", a.config.Name, harmless(err.Error()))}
	}
	if l.Err != "" {
		a.child = nil
		c.kill()
		if l.Unsuitable {
			text := strings.TrimPrefix(l.Err, errUnsuitable.Error()+": ")
			return &backends.Unsuitable{Err: fmt.Errorf("function %q: %s", a.config.Name, harmless(text))}
		}
		return fmt.Errorf("function %q: %s", a.config.Name, l.Err)
	}
	return nil
}

// ended forgets a child that has said that it ends.
func (a *artifact) ended(last bool) {
	if last && a.child != nil {
		a.child.kill()
		a.child = nil
	}
}

// killOnDone kills the child when the context ends, until it is released.
func (a *artifact) killOnDone(ctx context.Context) (release func() bool) {
	c := a.child
	return context.AfterFunc(ctx, c.kill)
}

// died forgets a child whose pipe broke and says why it did.
func (a *artifact) died(ctx context.Context, err error) error {
	c := a.child
	a.child = nil
	c.kill()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("the child process ended: %w: %s", err, c.lastWords())
}

type instance struct {
	artifact *artifact
	answered bool
}

func (i *instance) Invoke(ctx context.Context, _ backends.Request, t *backends.Timeline) (backends.Response, error) {
	release := i.artifact.killOnDone(ctx)
	defer release()
	var r reply
	child := i.artifact.child
	if err := child.receive(&r); err != nil {
		err = i.artifact.died(ctx, err)
		return backends.Response{Stderr: child.words()}, err
	}
	i.answered = true
	i.artifact.ended(r.Last)
	for e := experiment.Requested; e <= experiment.Removed; e++ {
		if ns, ok := r.Stamps.Get(e); ok && e != experiment.Ready {
			t.MarkAt(e, ns)
		}
	}
	if ns, ok := r.Stamps.Get(experiment.Ready); ok {
		t.MarkReady(ns, r.Ready)
	}
	return r.Response, asError(r.Err, r.Kind)
}

// harmless makes a text that holds a module's own names fit for a terminal: of
// what can't be printed it keeps line breaks and tabs, and spells out the rest.
func harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// asError makes the contract's error of what a child says; nil of nothing.
func asError(text string, kind errorKind) error {
	text = harmless(text)
	switch {
	case text == "":
		return nil
	case kind == cantStart:
		return fmt.Errorf("%w: %s", backends.ErrCantStart, text)
	case kind == crashed:
		return fmt.Errorf("%w: %s", backends.ErrCrashed, text)
	case kind == outOfMemory:
		return fmt.Errorf("%w: %s", backends.ErrOutOfMemory, text)
	case kind == tooLong:
		return backends.ErrAnswerTooLong
	case kind == contaminated:
		return fmt.Errorf("%w: %s", backends.ErrContaminated, text)
	case kind == noFrames:
		return fmt.Errorf("%w%s", backends.ErrNoFrames, strings.TrimPrefix(text, backends.ErrNoFrames.Error()))
	}
	return errors.New(text)
}

// Close has nothing to remove: the child did, and stamped it. A child whose
// answer was never awaited still runs the guest, so it is ended.
func (i *instance) Close(context.Context, *backends.Timeline) error {
	if a := i.artifact; !i.answered && a.child != nil {
		a.child.kill()
		a.child = nil
	}
	return nil
}

// process is a running child.
type process struct {
	cmd      *exec.Cmd
	group    *system.Group
	stdin    io.WriteCloser
	out      *bufio.Writer
	enc      *gob.Encoder
	dec      *gob.Decoder
	lifeline *lifeline
	shared   *os.File // its guest's words; nil where nothing can be shared
	stderr   *tail
	said     []byte // what was in shared at its end
	once     sync.Once
}

func start(exe string) (*process, error) {
	c := &process{stderr: &tail{}}
	c.cmd = exec.Command(exe, ChildCommand)
	c.cmd.Env = []string{} // the child must not depend on it
	c.cmd.Stderr = c.stderr
	var err error
	if c.lifeline, err = hold(c.cmd); err != nil {
		return nil, err
	}
	if c.shared, err = makeWords(); err == nil {
		c.cmd.ExtraFiles = append(c.cmd.ExtraFiles, c.shared)
	}
	var stdout io.ReadCloser
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		if stdout, err = c.cmd.StdoutPipe(); err == nil {
			// A group of its own: Ctrl-C in a terminal is for Nebula, which
			// finishes the trial in flight.
			c.group, err = system.Start(c.cmd)
		}
	}
	c.lifeline.started()
	if err != nil {
		c.lifeline.Close()
		if c.shared != nil {
			c.shared.Close()
		}
		return nil, err
	}
	c.out = bufio.NewWriter(c.stdin)
	c.enc = gob.NewEncoder(c.out)
	c.dec = gob.NewDecoder(bufio.NewReader(stdout))
	return c, nil
}

func (c *process) send(v any) error {
	if err := c.enc.Encode(v); err != nil {
		return err
	}
	return c.out.Flush()
}

func (c *process) receive(v any) error { return c.dec.Decode(v) }

// kill ends the child at once and waits for it. It may be called often.
func (c *process) kill() {
	c.once.Do(func() {
		c.cmd.Process.Kill()
		c.stdin.Close()
		c.cmd.Wait()
		c.release()
	})
}

// close ends the child in good order: at the end of its input.
func (c *process) close() (err error) {
	c.once.Do(func() {
		c.stdin.Close()
		err = c.cmd.Wait()
		c.release()
	})
	return err
}

// release closes what was shared with a child that has ended.
func (c *process) release() {
	c.said = lastWords(c.shared)
	c.lifeline.Close()
	c.group.Release()
	if c.shared != nil {
		c.shared.Close()
	}
}

// words are the last ones of the guest of a child that had to be killed.
func (c *process) words() []byte {
	c.kill()
	return c.said
}

func (c *process) lastWords() string {
	c.kill() // its standard error is whole only when it has ended
	// The traces of all goroutines follow the line that says what happened.
	for line := range strings.Lines(string(c.stderr.head)) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return strings.TrimSpace(line)
		}
	}
	return string(bytes.TrimSpace(c.stderr.bytes))
}

// tail keeps the end of what is written to it, and the beginning.
type tail struct{ head, bytes []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.head = append(t.head, p[:min(len(p), backends.MaxStderr-len(t.head))]...)
	t.bytes = append(t.bytes, p...)
	if n := len(t.bytes); n > 2*backends.MaxStderr {
		t.bytes = append(t.bytes[:0], t.bytes[n-backends.MaxStderr:]...)
	}
	return len(p), nil
}
