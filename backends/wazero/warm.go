package wazero

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/system"
)

// live is an instance that answers one request after the other.
//
// Its guest is a coroutine of the child's only thread: it runs until it asks
// for input that is not there, and goes on where it stood when there is some.
// Nothing is handed to another thread, whose waking would be measured too.
type live struct {
	module   api.Module
	next     func() (struct{}, bool) // runs the guest until it asks for input; false: it has ended
	stop     func()
	input    []byte
	frame    *backends.FrameReader
	stderr   *backends.Stderr
	err      error // of _start, once the guest has ended
	broken   error // the guest wrote what is no frame
	refused  bool  // it wanted more memory than it may have
	answered int
}

// read is the guest's standard input.
func (l *live) read(yield func(struct{}) bool, p []byte) (int, error) {
	if len(l.input) == 0 && !yield(struct{}{}) {
		return 0, io.EOF
	}
	if len(l.input) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.input)
	l.input = l.input[n:]
	return n, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// warm runs a request on a live instance, which is made and has answered the
// same request once before the trial begins.
func (h *host) warm(ctx context.Context, o order, t *backends.Timeline, resp *backends.Response) (errorKind, error) {
	key := fmt.Sprintf("%q %q", o.Args, o.Env)
	l := h.live[key]
	if l == nil {
		for _, oldest := range h.recent.Excess(1) {
			h.end(ctx, oldest)
		}
		var err error
		if l, err = h.begin(ctx, o); err != nil {
			resp.Stderr = l.stderr.Rest()
			var kind errorKind
			kind, resp.ExitCode, err = h.ended(err, false, l.refused)
			if err == nil && resp.ExitCode == 0 {
				kind, err = noFrames, fmt.Errorf("%w: it ended before there was a request", backends.ErrNoFrames)
			}
			return kind, err
		}
		h.live[key] = l
		early := l.stderr.Rest()
		var first backends.Response
		if kind, err := h.ask(l, o, backends.NewTimeline(backends.Now), &first); err != nil || first.ExitCode != 0 {
			h.end(ctx, key)
			*resp = first
			resp.Stderr = slices.Concat(early, first.Stderr)
			resp.Stderr = resp.Stderr[max(0, len(resp.Stderr)-backends.MaxStderr):]
			return kind, err
		}
	}
	h.recent.Use(key)
	if o.Probe {
		return engineFailed, h.end(ctx, key)
	}
	if l.answered == 0 {
		h.end(ctx, key)
		return contaminated, errors.New("the live instance has not answered before")
	}
	kind, err := h.ask(l, o, t, resp)
	if err != nil || resp.ExitCode != 0 {
		h.end(ctx, key) // no later request may find what this one left
	}
	return kind, err
}

// ask has a live instance answer a request, and tells a guest that failed
// because it had no memory from one that failed otherwise.
func (h *host) ask(l *live, o order, t *backends.Timeline, resp *backends.Response) (errorKind, error) {
	kind, err := l.answer(o, t, resp)
	refused := l.refused
	l.refused = false
	if refused && (kind == crashed || resp.ExitCode != 0) {
		return outOfMemory, h.refusal()
	}
	return kind, err
}

// begin instantiates the module and runs it until it asks for a request.
func (h *host) begin(ctx context.Context, o order) (*live, error) {
	l := &live{stderr: backends.NewStderr(backends.NewTimeline(backends.Now))} // before the first request
	env := map[string]string{backends.FramesEnv: "1"}
	for k, v := range o.Env {
		env[k] = v
	}
	o.Env = env
	yield := func(struct{}) bool { return false }
	cfg := h.moduleConfig(o).
		WithStdin(readerFunc(func(p []byte) (int, error) { return l.read(yield, p) })).
		WithStdout(writerFunc(l.write)).
		WithStderr(writerFunc(func(p []byte) (int, error) {
			return heard{l.stderr, h.words}.Write(p)
		}))
	module, err := h.runtime.InstantiateModule(h.limited(ctx, &l.refused), h.compiled, cfg)
	if err != nil {
		return l, err
	}
	l.module = module
	l.next, l.stop = iter.Pull(func(y func(struct{}) bool) {
		yield = y
		_, l.err = module.ExportedFunction("_start").Call(ctx)
	})
	l.next()
	return l, nil
}

// end closes a live instance: its input ends, and then it does.
func (h *host) end(ctx context.Context, key string) error {
	l := h.live[key]
	delete(h.live, key)
	h.recent.Forget(key)
	l.stop()
	return l.module.Close(ctx)
}

// write is the guest's standard output.
func (l *live) write(p []byte) (int, error) {
	if l.frame == nil {
		l.broken = fmt.Errorf("%w: it wrote %.20q before there was a request", backends.ErrNoFrames, p)
		panic(l.broken)
	}
	n, err := l.frame.Write(p)
	if err != nil {
		l.broken = err
		panic(err) // an error would be the guest's to ignore
	}
	return n, nil
}

// answer has the guest answer one request.
func (l *live) answer(o order, t *backends.Timeline, resp *backends.Response) (errorKind, error) {
	l.frame, l.stderr = backends.NewFrameReader(t), backends.NewStderr(t)
	request := backends.Framed(o.Stdin)
	cpu := system.ThreadCPU()
	requested := backends.Now()
	t.MarkAt(experiment.Requested, requested)
	t.MarkAt(experiment.Created, requested) // long ago, but not within the request
	l.input = request
	_, alive := l.next()
	if stamps, source := t.Stamps(); source != "" {
		if _, ok := stamps.Get(experiment.Ready); ok {
			t.MarkAt(experiment.Started, requested)
		}
	}
	resp.Usage.CPU = system.ThreadCPU() - cpu
	resp.Usage.PeakMemory = memorySize(l.module)
	resp.Stdout, resp.Stderr = l.frame.Answer(), l.stderr.Rest()
	var exit *sys.ExitError
	switch {
	case errors.Is(l.broken, backends.ErrAnswerTooLong):
		return tooLong, l.broken
	case l.broken != nil:
		return noFrames, l.broken
	case alive && !l.frame.Done():
		return noFrames, fmt.Errorf("%w: it asked for more before it had answered", backends.ErrNoFrames)
	case alive:
		l.answered++
		return engineFailed, nil
	case errors.As(l.err, &exit) && exit.ExitCode()&0xff != 0:
		resp.ExitCode = int(exit.ExitCode() & 0xff)
		return engineFailed, nil
	case l.err != nil && exit == nil:
		return crashed, l.err
	}
	return noFrames, fmt.Errorf("%w: it ended after one request", backends.ErrNoFrames)
}
