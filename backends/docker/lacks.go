package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// lacks asks the engine whether it has what the settings need. What shows only
// when a container starts, such as a user that an image does not have, ends the
// trial: see refused.
func (b *backend) lacks(ctx context.Context) error {
	o := b.options
	if n := b.info.NCPU; n > 0 && o.CPUs > float64(n) {
		return &backends.Unavailable{
			What:   fmt.Sprintf("Docker has %d processors, and cpus asks for %v", n, o.CPUs),
			Remedy: fmt.Sprintf("write cpus = %d, or less", n),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	switch name, shared := strings.CutPrefix(o.network(), "container:"); {
	case shared:
		info, err := b.client.ContainerInspect(ctx, name)
		if err == nil && info.State.Running {
			return nil
		}
		return &backends.Unavailable{
			What:   fmt.Sprintf("the network is to be that of container %q, which is not running", name),
			Remedy: "start it: docker start " + name,
			Err:    err,
		}
	case name == "none" || name == "host" || name == "bridge" || name == "default":
		return nil // each engine's own
	default:
		_, err := b.client.NetworkInspect(ctx, name, network.InspectOptions{})
		if errdefs.IsNotFound(err) {
			return &backends.Unavailable{
				What:   fmt.Sprintf("Docker has no network %q", name),
				Remedy: "make it: docker network create " + name,
			}
		}
		if err != nil {
			return fmt.Errorf("ask Docker for network %q: %w", name, err)
		}
	}
	return nil
}

// runnable reports whether an image can start at all: the image, or at least one
// input, must say what to run. Where only some inputs do, the trials of the
// others say so.
func runnable(ref string, config *dockerspec.DockerOCIImageConfig, f experiment.Function) error {
	if config != nil && len(config.Entrypoint)+len(config.Cmd) > 0 {
		return nil
	}
	for _, in := range f.Inputs {
		if len(in.Args) > 0 {
			return nil
		}
	}
	return &backends.Unavailable{
		What:   fmt.Sprintf("image %q has neither ENTRYPOINT nor CMD, and no input of function %q has args: there is no command", ref, f.Name),
		Remedy: `say what to run: ENTRYPOINT ["/program"] in its Dockerfile, or args = ["/program"] in each input`,
	}
}
