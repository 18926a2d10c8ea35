package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"github.com/nebula-bench/nebula/backends"
)

// Clean removes the containers whose owners have died and, unless a run is
// using them, the images that Nebula made. It asks the engine for nothing
// without our label, and tells what it removed. Runs of which nothing can be
// known are dead where their user has declared them so.
func Clean(ctx context.Context, keepImages bool, declared ...string) (removed []string, err error) {
	c, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	containers, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", backends.LabelRun))})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var errs []error
	for _, found := range containers {
		owner, err := backends.OwnerFromLabels(found.Labels)
		if err != nil {
			continue // not a label of ours: a stranger's container
		}
		if dead, _ := owner.Abandoned(declared); !dead {
			continue
		}
		if err := remove(ctx, c, found.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "container "+found.ID[:12]+" of run "+owner.Run)
	}
	if !keepImages {
		cleanCgroups(cgroupRoot)
	}
	if keepImages {
		return removed, errors.Join(errs...)
	}
	images, err := c.ImageList(ctx, image.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", labelImage))})
	if err != nil {
		return removed, errors.Join(append(errs, fmt.Errorf("list images: %w", err))...)
	}
	for _, found := range images {
		_, err := c.ImageRemove(ctx, found.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		if errdefs.IsNotFound(err) {
			continue // went with another one's layers
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove image %s: %w", found.ID, err))
			continue
		}
		what := found.ID
		if len(found.RepoTags) > 0 {
			what = found.RepoTags[0]
		}
		removed = append(removed, "image "+what)
	}
	return removed, errors.Join(errs...)
}
