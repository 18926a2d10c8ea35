package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// markerPatience is how long an answer's markers are waited for when the
// answer is there: they come on another stream.
const markerPatience = time.Second

// live is a container that answers one request after the other.
type live struct {
	backend *backend
	id      string
	stream  types.HijackedResponse
	exit    <-chan container.WaitResponse
	exitErr <-chan error
	end     context.CancelFunc // stops waiting for its exit
	signals chan error         // from the reader: something has arrived, or all is over

	mu       sync.Mutex
	timeline *backends.Timeline
	frame    *backends.FrameReader
	stderr   *backends.Stderr
	early    *backends.Stderr // before the first request
	broken   error

	ooms     int64 // before the request
	answered int
	markers  bool // the function says when it is done
}

// Frames implements backends.Framer. The one request is followed by the end
// of the input, so that a function that waits for it shows at once.
func (a *artifact) Frames(ctx context.Context, r backends.Request) error {
	l, err := a.begin(ctx, r)
	if err == nil {
		var resp backends.Response
		resp, err = l.answer(ctx, r, backends.NewTimeline(backends.Now), true)
		if answered, _, _ := l.state(); err == nil && !answered {
			err = fmt.Errorf("%w: exit code %d", backends.ErrUntried, resp.ExitCode)
		}
	}
	if l != nil {
		removal, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateness)
		defer cancel()
		err = errors.Join(err, l.remove(removal))
	}
	return err
}

// startWarm gives a live container that has answered the same request once
// before the trial begins.
func (a *artifact) startWarm(ctx context.Context, r backends.Request, t *backends.Timeline) (backends.Instance, error) {
	key := fmt.Sprintf("%q %q", r.Args, r.Env)
	i := &warmInstance{artifact: a, key: key}
	if l := a.live[key]; l != nil && l.gone() {
		_ = a.end(ctx, key) // most often it is gone, too
	}
	a.recent.Use(key)
	if a.live[key] == nil {
		l, err := a.begin(ctx, r)
		if l != nil {
			a.live[key] = l // so that it is removed
		}
		if err != nil {
			return i, err
		}
		first, err := l.answer(ctx, r, backends.NewTimeline(backends.Now), false)
		if err != nil || first.ExitCode != 0 {
			i.first, i.failed = &first, err
		}
	}
	return i, nil
}

// begin creates and starts a container that serves frames.
func (a *artifact) begin(ctx context.Context, r backends.Request) (*live, error) {
	env := map[string]string{backends.FramesEnv: "1"}
	maps.Copy(env, r.Env)
	r.Env = env
	id, err := a.backend.create(ctx, a.image, r, func(config *container.Config, host *container.HostConfig) {
		config.Labels[labelLive] = a.backend.name
		host.Mounts = a.mounts
	})
	if err != nil {
		return nil, err
	}
	c := a.backend.client
	l := &live{backend: a.backend, id: id, signals: make(chan error, 1), early: backends.NewStderr(backends.NewTimeline(backends.Now))}
	a.backend.alive = append(a.backend.alive, id)
	if l.stream, err = attach(ctx, c, l.id); err != nil {
		return l, refused(ctx, l.id, "attach to the container", err)
	}
	// The container outlives the trial that began it; this call does not.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	l.end = end
	unbound := context.AfterFunc(ctx, end)
	l.exit, l.exitErr = c.ContainerWait(life, l.id, container.WaitConditionNextExit)
	unbound()
	go l.read()
	if err := c.ContainerStart(ctx, l.id, container.StartOptions{}); err != nil {
		return l, refused(ctx, l.id, "start the container", err)
	}
	return l, nil
}

// read takes the container's output apart, for as long as it lives.
func (l *live) read() {
	_, err := stdcopy.StdCopy(streamWriter{l, false}, streamWriter{l, true}, l.stream.Reader)
	l.mu.Lock()
	if l.broken == nil && err != nil {
		l.broken = err
	}
	l.mu.Unlock()
	close(l.signals)
}

// streamWriter is one of the two streams.
type streamWriter struct {
	*live
	stderr bool
}

func (w streamWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.broken != nil:
		return len(p), nil // an abandoned container; read on, or the engine blocks
	case w.stderr && w.live.stderr != nil:
		w.live.stderr.Write(p)
	case w.stderr:
		w.early.Write(p)
	case w.frame == nil:
		w.broken = fmt.Errorf("%w: it wrote %.20q before there was a request", backends.ErrNoFrames, p)
	default:
		_, w.broken = w.frame.Write(p)
	}
	select {
	case w.signals <- nil:
	default: // one is waiting
	}
	return len(p), nil
}

// state is how far an answer has come.
func (l *live) state() (answered, done bool, broken error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stamps, _ := l.timeline.Stamps()
	_, done = stamps.Get(experiment.Done)
	return l.frame.Done(), done, l.broken
}

// gone reports whether the container has ended since the last request: with
// its engine, which is not the doing of the next.
func (l *live) gone() bool {
	for {
		select {
		case _, open := <-l.signals:
			if !open {
				return true
			}
		case <-l.exit:
			return true
		case <-l.exitErr:
			return true
		default:
			return false
		}
	}
}

// answer has the function answer one request, the last one or not.
func (l *live) answer(ctx context.Context, r backends.Request, t *backends.Timeline, last bool) (resp backends.Response, err error) {
	request := backends.Framed(r.Stdin)
	l.ooms = oomKills()
	l.mu.Lock()
	l.timeline, l.frame, l.stderr = t, backends.NewFrameReader(t), backends.NewStderr(t)
	requested := backends.Now()
	t.MarkAt(experiment.Requested, requested)
	t.MarkAt(experiment.Created, requested) // long ago, but not within the request
	l.mu.Unlock()
	go func() { // a function need not read it
		if _, err := l.stream.Conn.Write(request); err == nil && last {
			l.stream.CloseWrite()
		}
	}()
	err = l.await(ctx, &resp)
	l.mu.Lock()
	defer l.mu.Unlock()
	if stamps, source := t.Stamps(); source != "" {
		if _, ok := stamps.Get(experiment.Ready); ok {
			t.MarkAt(experiment.Started, requested)
		}
	}
	resp.Stdout, resp.Stderr = l.frame.Answer(), l.stderr.Rest()
	if l.answered == 0 {
		resp.Stderr = append(l.early.Rest(), resp.Stderr...)
		resp.Stderr = resp.Stderr[max(0, len(resp.Stderr)-backends.MaxStderr):]
	}
	if err == nil && resp.ExitCode == 0 {
		l.answered++
	}
	return resp, err
}

// await waits until the answer and its markers are there, or the container
// has ended.
func (l *live) await(ctx context.Context, resp *backends.Response) error {
	var late <-chan time.Time
	signals := l.signals
	for {
		answered, done, broken := l.state()
		switch {
		case broken != nil && !errors.Is(broken, backends.ErrNoFrames) && !errors.Is(broken, backends.ErrAnswerTooLong):
			return fmt.Errorf("read the container's output: %w", broken)
		case broken != nil:
			return broken
		case answered && done:
			l.markers = true
			return nil
		case answered && late == nil:
			late = time.After(markerPatience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			if l.markers {
				// It would be taken for the next answer's.
				return errors.New("the function's marker is missing")
			}
			return nil
		case _, open := <-signals:
			if !open {
				signals = nil // what it ended with comes from the exit
			}
		case w := <-l.exit:
			if w.Error != nil {
				return fmt.Errorf("wait for the container: %s", w.Error.Message)
			}
			return l.ended(ctx, int(w.StatusCode), resp)
		case err := <-l.exitErr:
			return fmt.Errorf("wait for the container: %w", err)
		}
	}
}

// ended judges a container that has exited.
func (l *live) ended(ctx context.Context, code int, resp *backends.Response) error {
	// The rest of the output may still be under way.
	for drained := time.After(markerPatience); ; {
		select {
		case _, open := <-l.signals:
			if open {
				continue
			}
		case <-drained:
		}
		break
	}
	answered, _, broken := l.state()
	switch {
	case broken != nil:
		return broken
	case code == sigkill:
		if l.backend.outOfMemory(ctx, l.id, l.ooms) {
			return backends.ErrOutOfMemory
		}
		return fmt.Errorf("%w: the live container was killed", backends.ErrCrashed)
	case code != 0:
		resp.ExitCode = code
		return nil
	case answered:
		return nil // its input had ended
	}
	return fmt.Errorf("%w: it ended without a whole answer", backends.ErrNoFrames)
}

func (l *live) remove(ctx context.Context) error {
	if l.stream.Conn != nil {
		l.stream.Close()
	}
	if l.end != nil {
		l.end()
	}
	// What can't be removed now, the next sweep removes.
	l.backend.alive = slices.DeleteFunc(l.backend.alive, func(id string) bool { return id == l.id })
	return remove(ctx, l.backend.client, l.id)
}

// end removes a live container.
func (a *artifact) end(ctx context.Context, key string) error {
	l := a.live[key]
	delete(a.live, key)
	a.recent.Forget(key)
	if l == nil {
		return nil // it could not be made
	}
	return l.remove(ctx)
}

// endAll removes every live container of the artifact, and what the backend
// has left of trials.
func (a *artifact) endAll(ctx context.Context) error {
	var errs []error
	for key := range a.live {
		errs = append(errs, a.end(ctx, key))
	}
	return errors.Join(append(errs, a.backend.Sweep(ctx))...)
}

// warmInstance is one request to a live container.
type warmInstance struct {
	artifact *artifact
	key      string
	first    *backends.Response // of a container that did not outlive its first request
	failed   error              // likewise
	fine     bool
}

func (i *warmInstance) Invoke(ctx context.Context, r backends.Request, t *backends.Timeline) (backends.Response, error) {
	if i.first != nil {
		return *i.first, i.failed
	}
	l := i.artifact.live[i.key]
	if l.answered == 0 {
		return backends.Response{}, fmt.Errorf("%w: the live container has not answered before", backends.ErrContaminated)
	}
	resp, err := l.answer(ctx, r, t, false)
	i.fine = err == nil && resp.ExitCode == 0
	return resp, err
}

// Close leaves the container to the next request, unless no later request
// should find what this one left, and makes room for another.
func (i *warmInstance) Close(ctx context.Context, _ *backends.Timeline) error {
	var errs []error
	if !i.fine {
		errs = append(errs, i.artifact.end(ctx, i.key))
	}
	for _, oldest := range i.artifact.recent.Excess(0) {
		errs = append(errs, i.artifact.end(ctx, oldest))
	}
	return errors.Join(errs...)
}
