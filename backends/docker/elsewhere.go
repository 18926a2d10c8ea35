package docker

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/docker/docker/api/types/system"
	"github.com/shirou/gopsutil/v4/host"

	"github.com/nebula-bench/nebula/backends"
)

var _ backends.Clocked = (*backend)(nil)

// machine is what tells one machine from another.
type machine struct{ os, kernel, name string }

func thisMachine() machine {
	kernel, _ := host.KernelVersion()
	name, _ := os.Hostname()
	return machine{runtime.GOOS, kernel, name}
}

// elsewhere says why an engine's containers do not run on this machine's
// kernel; it is empty where they do. The engine's address does not tell: behind
// a local socket may be a virtual machine or a tunnel. So what the engine says
// of its machine must match what this machine says of itself. An engine that
// shares the kernel under another host name, as one in a container may, is taken
// for another machine's: that costs precision, while the opposite mistake would
// make numbers wrong.
func elsewhere(here machine, info system.Info) string {
	switch {
	case here.os != "linux":
		return "its containers run in a virtual machine"
	case info.OSType != "linux":
		return "its containers run on " + info.OSType
	case info.KernelVersion != here.kernel:
		return fmt.Sprintf("its kernel is %s, and this machine's is %s", info.KernelVersion, here.kernel)
	case info.Name != here.name:
		return fmt.Sprintf("its machine is called %s, and this one %s", info.Name, here.name)
	}
	return ""
}

// ownKernel are the OCI runtimes whose containers have a kernel, and a clock,
// of their own.
var ownKernel = []string{"runsc", "kata", "krun", "firecracker"}

// ForeignClock implements backends.Clocked.
func (b *backend) ForeignClock() string {
	if b.elsewhere != "" {
		return b.elsewhere
	}
	name := b.info.DefaultRuntime
	if b.options.Runtime != "" {
		name = b.options.Runtime
	}
	for _, own := range ownKernel {
		if strings.Contains(name, own) {
			return "its runtime " + name + " gives each container a kernel of its own"
		}
	}
	return ""
}
