package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/backends"
)

// labelLive marks the containers that outlive the trial that began them. Its
// value is the name of the backend that knows them.
const labelLive = "nebula.live"

// lateCreation is the creation of a container that a trial has given up waiting
// for. Only the engine knows whether there will be a container.
type lateCreation struct {
	done   <-chan struct{}
	cancel context.CancelFunc
	until  time.Time // when to stop waiting for it; zero: the engine is not back yet
}

// lateness is how long an engine that has come back may take to answer what it
// was asked before.
const lateness = 10 * time.Second

// removal bounds how long to wait until a container has been removed.
const removal = 30 * time.Second

// created is what a creation gave.
type created struct {
	id  string
	err error
}

// creation makes a container. A trial does not wait beyond its time, but the
// call goes on: an engine carries out what it was asked even if the caller has
// gone, and only its answer says what became of that.
func (b *backend) creation(ctx context.Context, config *container.Config, host *container.HostConfig) (string, error) {
	outlives, cancel := context.WithCancel(context.WithoutCancel(ctx))
	got, done := make(chan created, 1), make(chan struct{})
	go func() {
		c, err := b.client.ContainerCreate(outlives, config, host, nil, nil, "")
		got <- created{c.ID, err}
		close(done)
	}()
	select {
	case c := <-got:
		cancel()
		return c.id, c.err
	case <-ctx.Done():
		b.late = append(b.late, &lateCreation{done: done, cancel: cancel})
		return "", ctx.Err()
	}
}

// awaitLate waits for creations that a trial has given up. The engine answers
// again; a request that it does not answer in time was lost.
func (b *backend) awaitLate(ctx context.Context) error {
	for len(b.late) > 0 {
		l := b.late[0]
		if l.until.IsZero() {
			l.until = time.Now().Add(lateness)
		}
		timer := time.NewTimer(time.Until(l.until))
		defer timer.Stop()
		select {
		case <-l.done:
		case <-timer.C:
		case <-ctx.Done():
			return fmt.Errorf("the engine has not yet said whether it created a container: %w", ctx.Err())
		}
		l.cancel()
		b.late = b.late[1:]
	}
	return nil
}

// Sweep implements backends.Checker.
func (b *backend) Sweep(ctx context.Context) error {
	if err := b.awaitLate(ctx); err != nil {
		return err
	}
	left, err := b.client.ContainerList(ctx, container.ListOptions{
		All: true, Filters: filters.NewArgs(filters.Arg("label", backends.LabelRun+"="+b.session.Owner.Run)),
	})
	errs := []error{err}
	for _, c := range left {
		switch c.Labels[labelLive] {
		case "": // of a trial that has ended
		case b.name:
			if slices.Contains(b.alive, c.ID) {
				continue // its artefact knows of it
			}
		default:
			continue // of another backend of this run
		}
		errs = append(errs, remove(ctx, b.client, c.ID))
	}
	return errors.Join(errs...)
}

// remove removes a container, alive or not, and comes back when it is gone.
func remove(ctx context.Context, c *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	for {
		err := c.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil || errdefs.IsNotFound(err):
			return nil
		case !errdefs.IsConflict(err):
			return fmt.Errorf("remove container %s: %w", id[:12], err)
		}
		// It is being removed already, by a call that was given up.
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("remove container %s: %w", id[:12], err)
		}
	}
}
