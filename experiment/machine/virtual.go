package machine

import (
	"context"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/host"

	"github.com/nebula-bench/nebula/experiment"
)

// Hypervisor names what this machine runs on; known is false where nobody can
// tell whether there is one. A processor's own word counts: many hypervisors
// hide everything else, and a name is only a name.
func (m Machine) Hypervisor(ctx context.Context) (name string, known bool) {
	if m.Root == "" {
		name = system(ctx)
	}
	flagged, known := m.flagged()
	if flagged && name == "" {
		name = "one that does not say its name"
	}
	return name, known || name != ""
}

// system asks the operating system's files.
func system(ctx context.Context) string {
	name, role, err := host.VirtualizationWithContext(ctx)
	// A machine that was made from a container's files passes for one.
	containers := []string{"docker", "lxc", "rkt", "systemd-nspawn"}
	if err != nil || role != "guest" || slices.Contains(containers, name) {
		return ""
	}
	return name
}

// flagged reads what the first processor says of itself.
func (m Machine) flagged() (hypervisor, known bool) {
	text, _ := m.read("/proc/cpuinfo")
	for line := range strings.Lines(text) {
		if name, flags, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "flags" {
			return slices.Contains(strings.Fields(flags), "hypervisor"), true
		}
	}
	return false, false
}

func (m Machine) hypervisor() experiment.Finding {
	name, known := m.Hypervisor(context.Background())
	switch {
	case !known:
		return unknown("hypervisor", "these processors do not say whether there is one")
	case name == "":
		return finding("hypervisor", experiment.Fine, "none found", "", "")
	}
	return finding("hypervisor", experiment.Noted, "this is a virtual machine ("+name+")", "neighbours take processor time and cache, unseen but for stolen time", "use a machine of your own")
}

// Governor names how the processors choose their frequency: each way once,
// where they differ; empty where that is not shown.
func (m Machine) Governor() string {
	var found []string
	for _, f := range m.glob(governors) {
		if g, ok := m.read(f); ok && !slices.Contains(found, g) {
			found = append(found, g)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}
