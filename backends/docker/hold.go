package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/backends"
)

const (
	// labelImage marks the images that Nebula made. It holds no run's id: the
	// same function gives the same image, whoever runs it.
	labelImage = "nebula.image"
	// labelOwner says to whom the images of a build belong, including those
	// between its steps. A container inherits the labels of its image, so the
	// labels of a container's owner can't be used.
	labelOwner = "nebula.image.owner"
	// labelHolds marks the containers that keep an image in use: see hold.
	labelHolds = "nebula.holds"

	// Only images that Nebula gave the engine have names that begin like this.
	// The second is for images that can't be labelled, because they must stay
	// what somebody else made: no registry can have that name (RFC 2606).
	madeNames   = "nebula/"
	loadedNames = "nebula.invalid/archive/"
)

// held is an image that Nebula gave the engine, and the container that keeps
// it: created, never started, and labelled with its owner. The engine removes no
// image that a container uses, so when several runs share an image, wherever
// they run, the last one removes it.
type held struct {
	ref, image string
	holder     string
}

// hold makes an image and takes hold of it. In between, another run may remove
// the image because nobody holds it; then both steps are tried again.
func (b *backend) hold(ctx context.Context, ref string, make func() error) (*held, error) {
	b.refs = append(b.refs, ref)
	var err error
	for range 5 {
		if err = make(); err != nil {
			return nil, err
		}
		h := &held{ref: ref}
		if err = b.take(ctx, h); err == nil {
			return h, nil
		}
		err = errors.Join(err, b.drop(context.WithoutCancel(ctx), h))
		if !errdefs.IsNotFound(err) {
			break
		}
	}
	return nil, fmt.Errorf("keep image %s: %w", ref, err)
}

func (b *backend) take(ctx context.Context, h *held) error {
	info, err := b.client.ImageInspect(ctx, h.ref)
	if err != nil {
		return err
	}
	h.image = info.ID
	labels := b.session.Owner.Labels()
	labels[labelLive] = b.name // it outlives trials
	labels[labelHolds] = h.ref
	// The command is for images that have none; it never runs.
	h.holder, err = b.creation(ctx, &container.Config{Image: h.image, Cmd: []string{"/nebula-holds-this-image"}, Labels: labels},
		&container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}})
	if err != nil {
		return err
	}
	b.alive = append(b.alive, h.holder)
	// Another run that looked before this container existed may be removing the
	// image just now.
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
	}
	_, err = b.client.ImageInspect(ctx, h.image)
	return err
}

// drop lets an image go, and removes it unless somebody else uses it.
func (b *backend) drop(ctx context.Context, h *held) error {
	if h.holder != "" {
		b.alive = slices.DeleteFunc(b.alive, func(id string) bool { return id == h.holder })
		if err := remove(ctx, b.client, h.holder); err != nil {
			return err
		}
	}
	_, err := removeImage(ctx, b.client, h.ref)
	return err
}

// removeImage removes a name of an image, and with its last name the image.
// Nothing is forced, and no parent image is removed with it: that could be the
// user's.
func removeImage(ctx context.Context, c *client.Client, ref string) (removed bool, err error) {
	_, err = c.ImageRemove(ctx, ref, image.RemoveOptions{})
	switch {
	case errdefs.IsNotFound(err):
		return false, nil // somebody else was faster
	case errdefs.IsConflict(err):
		return false, nil // a container uses it, or it is another image's parent
	case err != nil:
		return false, fmt.Errorf("remove image %s: %w", ref, err)
	}
	return true, nil
}

// ours reports whether a name was given by Nebula to an image with such
// labels.
func ours(name string, labels map[string]string) bool {
	_, labelled := labels[labelImage]
	return strings.HasPrefix(name, loadedNames) || labelled && strings.HasPrefix(name, madeNames)
}

// ownerLabel writes an owner so that a Dockerfile can hold it.
func ownerLabel(o backends.Owner) string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err) // texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// buildGone reports whether the build that left an image has died with its
// owner. One that can't be read lives.
func buildGone(labels map[string]string, declared []string) bool {
	b, err := base64.RawURLEncoding.DecodeString(labels[labelOwner])
	if err != nil || len(b) == 0 {
		return false
	}
	var o backends.Owner
	if json.Unmarshal(b, &o) != nil {
		return false
	}
	dead, _ := o.Abandoned(declared)
	return dead
}

// madeImages lists what Nebula gave the engine.
func madeImages(ctx context.Context, c *client.Client) ([]image.Summary, error) {
	var all []image.Summary
	for _, filter := range []filters.KeyValuePair{filters.Arg("label", labelImage), filters.Arg("reference", loadedNames+"*")} {
		list, err := c.ImageList(ctx, image.ListOptions{All: true, Filters: filters.NewArgs(filter)})
		if err != nil {
			return nil, fmt.Errorf("list images: %w", err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// cleanImages removes the images that Nebula made and that nobody uses, and
// tells which. The holders of dead owners must be gone.
func cleanImages(ctx context.Context, c *client.Client, declared []string) (removed []string, err error) {
	images, err := madeImages(ctx, c)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, i := range images {
		if i.Labels[labelOwner] != "" && !buildGone(i.Labels, declared) {
			continue
		}
		for _, name := range i.RepoTags {
			if !ours(name, i.Labels) {
				continue
			}
			gone, err := removeImage(ctx, c, name)
			errs = append(errs, err)
			if gone {
				removed = append(removed, "image "+name)
			}
		}
	}
	more, err := removeBuilt(ctx, c, func(labels map[string]string) bool { return buildGone(labels, declared) })
	return append(removed, more...), errors.Join(append(errs, err)...)
}

// removeBuilt removes the nameless images of builds: those between the steps,
// and those of stages that nobody copies from any more. Children go before their
// parents.
func removeBuilt(ctx context.Context, c *client.Client, dead func(labels map[string]string) bool) (removed []string, err error) {
	for {
		images, err := madeImages(ctx, c)
		if err != nil {
			return removed, err
		}
		before := len(removed)
		for _, i := range images {
			if !dead(i.Labels) || slices.ContainsFunc(i.RepoTags, func(name string) bool { return name != "<none>:<none>" }) {
				continue
			}
			gone, err := removeImage(ctx, c, i.ID)
			if err != nil {
				return removed, err
			}
			if gone {
				removed = append(removed, "image "+i.ID)
			}
		}
		if len(removed) == before {
			return removed, nil
		}
	}
}
