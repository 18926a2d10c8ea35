package docker

import (
	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

var (
	_ backends.LacksWindow = (*artifact)(nil)
	_ backends.Attended    = (*backend)(nil)
)

// LacksWindow implements backends.LacksWindow.
func (a *artifact) LacksWindow(s experiment.Start) string {
	if s == experiment.Prepared {
		return "each start needs a container that was created before it, and a window would hold that too; the cold start holds both"
	}
	return ""
}

// Attendants implements backends.Attended: the processes of Docker's engine.
// The kernel cuts names off after 15 bytes.
func (b *backend) Attendants() []string {
	return []string{"dockerd", "containerd", "containerd-shim", "runc", "docker-init", "docker-proxy"}
}
