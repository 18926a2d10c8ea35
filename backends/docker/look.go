package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// Look looks at the engine for what disturbs measurements.
func Look(ctx context.Context) []experiment.Finding {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	c, err := connect(ctx)
	if err != nil {
		return []experiment.Finding{{Check: "Docker", Severity: experiment.Unknown, Found: err.Error()}}
	}
	defer c.Close()
	info, err := c.Info(ctx)
	if err != nil {
		return []experiment.Finding{{Check: "Docker", Severity: experiment.Unknown, Found: err.Error()}}
	}
	driver := experiment.Finding{Check: "Docker's storage driver", Severity: experiment.Fine, Found: info.Driver}
	if info.Driver == "vfs" {
		driver.Severity, driver.Why = experiment.Disturbing, "it copies the whole image for each container"
		driver.Remedy = "use overlay2: \"storage-driver\" in /etc/docker/daemon.json"
	}
	cgroup := experiment.Finding{Check: "Docker's cgroups", Severity: experiment.Fine, Found: "v" + info.CgroupVersion + ", " + info.CgroupDriver}
	if info.CgroupVersion == "1" {
		cgroup.Severity, cgroup.Why = experiment.Noted, "limits and accounting work otherwise than with v2; compare runs with one version"
		cgroup.Remedy = "boot with systemd.unified_cgroup_hierarchy=1"
	}
	others := experiment.Finding{Check: "other containers", Severity: experiment.Fine, Found: "none running"}
	list, err := c.ContainerList(ctx, container.ListOptions{})
	n := 0
	for _, x := range list {
		if x.Labels[backends.LabelRun] == "" {
			n++
		}
	}
	switch {
	case err != nil:
		others.Severity, others.Found = experiment.Unknown, err.Error()
	case n > 0:
		others.Severity, others.Found = experiment.Noted, fmt.Sprintf("%d running", n)
		others.Why, others.Remedy = "they take processor time, and the engine's", "stop them: docker ps lists them"
	}
	return []experiment.Finding{driver, cgroup, others}
}
