package runner

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/nebula-bench/nebula/experiment/results"
)

// DescribeHost gives the facts of this machine, and of the git checkout
// around the folder dir. What can't be found out is left empty, and what
// disturbs measurements is for package machine to say.
func DescribeHost(ctx context.Context, dir string) results.Host {
	h := results.Host{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if i, err := host.InfoWithContext(ctx); err == nil {
		h.Name, h.Kernel = i.Hostname, i.KernelVersion
		h.OS = strings.TrimSpace(i.Platform+" "+i.PlatformVersion) + ", " + h.OS
	}
	if c, err := cpu.InfoWithContext(ctx); err == nil && len(c) > 0 {
		h.CPU = c[0].ModelName
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.Memory = m.Total
	}
	if out, err := git(ctx, dir, "rev-parse", "HEAD"); err == nil {
		h.Commit = out
		changed, err := git(ctx, dir, "status", "--porcelain")
		h.Dirty = err == nil && changed != ""
	}
	return h
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	return strings.TrimSpace(string(out)), err
}
