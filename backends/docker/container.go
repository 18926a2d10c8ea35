package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// artifact is an image in the engine.
type artifact struct {
	backend  *backend
	identity experiment.Identity
	ref      string
	image    string // id
	held     *held  // nil: the image was there before
	mounts   []mount.Mount

	live   map[string]*live // by what a container was given when it began
	recent backends.Recent  // the keys of live
}

func (a *artifact) Describe() experiment.Identity { return a.identity }

// Start creates the container, opens its streams and starts it. From the
// prepared start only the last of these comes after the request.
func (a *artifact) Start(ctx context.Context, s experiment.Start, r backends.Request, t *backends.Timeline) (backends.Instance, error) {
	if s == experiment.Warm {
		return a.startWarm(ctx, r, t)
	}
	c := &instance{backend: a.backend, client: a.backend.client, cgroup: a.backend.cgroup, stdout: backends.NewStdout(t), stderr: backends.NewStderr(t)}
	if err := a.start(ctx, c, s, r, t); err != nil {
		return c, err // c, so that what was created is removed
	}
	return c, nil
}

func (a *artifact) start(ctx context.Context, c *instance, s experiment.Start, r backends.Request, t *backends.Timeline) error {
	var err error
	c.id, err = a.backend.create(ctx, a.image, r, func(_ *container.Config, host *container.HostConfig) {
		host.CgroupParent, host.Mounts = a.backend.cgroup.parent(), a.mounts
		a.backend.cgroup.begin(!r.Window)
		c.ooms = oomKills()
		t.Mark(experiment.Requested) // until here nobody has asked for anything
	})
	if err != nil {
		return err
	}
	t.Mark(experiment.Created)
	if a.backend.seen[c.id] {
		return fmt.Errorf("%w: the engine gave a container that has run before", backends.ErrContaminated)
	}
	a.backend.seen[c.id] = true
	if c.stream, err = attach(ctx, c.client, c.id); err != nil {
		return refused(ctx, c.id, "attach to the container", err)
	}
	c.exit, c.exitErr = c.client.ContainerWait(ctx, c.id, container.WaitConditionNextExit)
	if s == experiment.Prepared {
		t.Mark(experiment.Requested)
		t.Mark(experiment.Created) // long ago, but not within the request
	}
	c.copied = make(chan error, 1)
	go c.read()
	go c.write(r.Stdin)
	if err := c.client.ContainerStart(ctx, c.id, container.StartOptions{}); err != nil {
		return refused(ctx, c.id, "start the container", err)
	}
	t.MarkStarted(backends.Now())
	return nil
}

// attach opens a container's streams. While the engine hangs, the client's own
// call does not end with its context.
func attach(ctx context.Context, c *client.Client, id string) (types.HijackedResponse, error) {
	type opened struct {
		stream types.HijackedResponse
		err    error
	}
	got := make(chan opened, 1)
	go func() {
		s, err := c.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		got <- opened{s, err}
	}()
	select {
	case o := <-got:
		return o.stream, o.err
	case <-ctx.Done():
		go func() {
			if o := <-got; o.err == nil {
				o.stream.Close()
			}
		}()
		return types.HijackedResponse{}, ctx.Err()
	}
}

func (o *Options) containerConfig(image string, r backends.Request, owner backends.Owner) (*container.Config, *container.HostConfig, error) {
	memory, err := o.memoryBytes()
	if err != nil {
		return nil, nil, err
	}
	labels := owner.Labels()
	labels["nebula.trial"] = strconv.Itoa(r.Trial)
	env := make([]string, 0, len(o.Env)+len(r.Env))
	for _, m := range []map[string]string{o.Env, r.Env} {
		for _, k := range sortedKeys(m) {
			env = append(env, k+"="+m[k])
		}
	}
	pids := int64(cmp.Or(o.PIDs, 512))
	return &container.Config{
			Image: image, Cmd: slices.Clone(r.Args), Env: env, User: o.User, Labels: labels,
			OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		}, &container.HostConfig{
			NetworkMode:    container.NetworkMode(o.network()),
			LogConfig:      container.LogConfig{Type: "none"},
			Runtime:        o.Runtime,
			ReadonlyRootfs: o.ReadOnly,
			CapDrop:        []string{"ALL"},
			SecurityOpt:    []string{"no-new-privileges"},
			Resources: container.Resources{
				Memory: memory, MemorySwap: memory, NanoCPUs: int64(o.CPUs * 1e9), PidsLimit: &pids, CpusetCpus: o.CPUSet,
			},
		}, nil
}

// instance is one container.
type instance struct {
	backend *backend
	client  *client.Client
	cgroup  *cgroup
	ooms    int64 // before the request
	id      string
	stream  types.HijackedResponse
	exit    <-chan container.WaitResponse
	exitErr <-chan error
	stdout  *backends.Stdout
	stderr  *backends.Stderr
	copied  chan error
}

// read takes the container's output apart and stamps its arrival.
func (c *instance) read() {
	_, err := stdcopy.StdCopy(c.stdout, c.stderr, c.stream.Reader)
	c.copied <- err
	close(c.copied)
}

// lastWords returns what a container that has not ended has written to standard
// error, and stops reading from it.
func (c *instance) lastWords() []byte {
	c.stream.Close()
	select {
	case <-c.copied:
		return c.stderr.Rest()
	case <-time.After(time.Second): // something is still being written
		return nil
	}
}

// write hands over the request. A function need not read it.
func (c *instance) write(stdin []byte) {
	if _, err := c.stream.Conn.Write(stdin); err == nil {
		c.stream.CloseWrite()
	}
}

// Invoke waits for the container's answer and exit.
func (c *instance) Invoke(ctx context.Context, _ backends.Request, t *backends.Timeline) (backends.Response, error) {
	resp, err := c.await(ctx, t)
	if err != nil {
		resp.Stderr = c.lastWords()
		return resp, err
	}
	resp.Stdout, resp.Stderr = c.stdout.Answer(), c.stderr.Rest()
	resp.Usage = c.cgroup.usage() // some 20 µs of the removal phase
	// Asking costs calls inside the removal phase, so it is asked only of a
	// trial that has failed anyway.
	if resp.ExitCode == sigkill && c.backend.outOfMemory(ctx, c.id, c.ooms) {
		return resp, backends.ErrOutOfMemory
	}
	return resp, nil
}

// await waits until all has been read and the container has exited.
func (c *instance) await(ctx context.Context, t *backends.Timeline) (resp backends.Response, err error) {
	copied := c.copied
	for waiting := 2; waiting > 0; {
		select {
		case <-ctx.Done():
			return resp, ctx.Err()
		case err := <-copied:
			if err != nil {
				return resp, outputError(err)
			}
			copied, waiting = nil, waiting-1
		case w := <-c.exit:
			t.Mark(experiment.Exited)
			if w.Error != nil {
				return resp, fmt.Errorf("wait for the container: %s", w.Error.Message)
			}
			resp.ExitCode = int(w.StatusCode)
			c.exit, waiting = nil, waiting-1
		case err := <-c.exitErr:
			if ctx.Err() != nil {
				return resp, ctx.Err()
			}
			return resp, fmt.Errorf("wait for the container: %w", err)
		}
	}
	return resp, nil
}

const sigkill = 128 + 9

// oomKills is how often the kernel has killed for want of memory since it
// began; 0 where it does not say. It costs some 50 µs, before the request.
func oomKills() int64 {
	b, _ := os.ReadFile("/proc/vmstat")
	_, after, _ := strings.Cut(string(b), "\noom_kill ")
	n, _, _ := strings.Cut(after, "\n")
	kills, _ := strconv.ParseInt(n, 10, 64)
	return kills
}

// outOfMemory reports whether it was the kernel that killed a container, for
// its memory. The engine hears of it on another way than of the exit: later,
// or, when it is busy, not at all. So this machine's kernel is asked first,
// whose count was before when the request came; the engine may be elsewhere.
func (b *backend) outOfMemory(ctx context.Context, id string, before int64) bool {
	if b.elsewhere == "" && oomKills() > before {
		return true
	}
	for range 10 {
		info, err := b.client.ContainerInspect(ctx, id)
		if err != nil {
			return false
		}
		if info.State.OOMKilled {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

func outputError(err error) error {
	if errors.Is(err, backends.ErrAnswerTooLong) {
		return err
	}
	return fmt.Errorf("read the container's output: %w", err)
}

// Close removes the container, alive or not.
func (c *instance) Close(ctx context.Context, t *backends.Timeline) error {
	if c.id == "" {
		return nil
	}
	// First the stream: the engine would wait for ever for somebody to read
	// the output of a container that it is to remove.
	if c.stream.Conn != nil {
		c.stream.Close()
	}
	if err := remove(ctx, c.client, c.id); err != nil {
		return err
	}
	t.Mark(experiment.Removed)
	return nil
}
