package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/nebula-bench/nebula/backends"
)

// Clean removes the containers whose owners have died, and the images that
// Nebula made and no container uses: each run keeps its images by a container.
// It returns what it removed. A run whose fate can't be known counts as dead if
// the user has declared it so.
func Clean(ctx context.Context, declared ...string) (removed []string, err error) {
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
	cleanCgroups(cgroupRoot)
	images, err := cleanImages(ctx, c, declared)
	return append(removed, images...), errors.Join(append(errs, err)...)
}
