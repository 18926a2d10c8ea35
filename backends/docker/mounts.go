package docker

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// bindMounts gives a function's folders as the engine wants them: read-only, and
// without what is mounted inside them, which the engine can't make read-only on
// every kernel.
func bindMounts(f experiment.Function) (mounts []mount.Mount) {
	for _, target := range sortedKeys(f.Mounts) {
		mounts = append(mounts, mount.Mount{
			Type: mount.TypeBind, Source: f.Mounts[target], Target: target, ReadOnly: true,
			BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate, NonRecursive: true},
		})
	}
	return mounts
}

// mount checks once that the engine has the function's folders, which lie on
// this machine. Otherwise every trial would fail.
func (a *artifact) mount(ctx context.Context, f experiment.Function) error {
	a.mounts = bindMounts(f)
	if len(a.mounts) == 0 {
		return nil
	}
	b := a.backend
	host := b.client.DaemonHost()
	lack := func(err error) error {
		return &backends.Unavailable{
			What:   fmt.Sprintf("function %q has mounts, and the engine at %s does not have this machine's folders", f.Name, host),
			Remedy: "use an engine on this machine, or put the files into the image", Err: err,
		}
	}
	if u, err := url.Parse(host); err != nil || u.Scheme != "unix" && u.Scheme != "npipe" {
		return lack(nil) // a folder of the same name there is another folder
	}
	labels := b.session.Owner.Labels()
	id, err := b.creation(ctx, &container.Config{Image: a.image, Cmd: []string{"/nebula-looks-for-mounts"}, Labels: labels},
		&container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "none"}, Mounts: a.mounts})
	if errdefs.IsInvalidArgument(err) {
		return lack(errors.New(printable(err.Error())))
	}
	if err != nil {
		return fmt.Errorf("function %q: mount its folders: %w", f.Name, err)
	}
	return remove(ctx, b.client, id)
}
