package runner

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/nebula-bench/nebula/experiment/results"
)

// DescribeHost gives the facts of this machine, and of the git checkout
// around the folder dir. What can't be found out is left empty.
func DescribeHost(ctx context.Context, dir string) results.Host {
	h := results.Host{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if i, err := host.InfoWithContext(ctx); err == nil {
		h.Name, h.Kernel = i.Hostname, i.KernelVersion
		h.OS = strings.TrimSpace(i.Platform+" "+i.PlatformVersion) + ", " + h.OS
		// A machine that was made from a container's files passes for one.
		containers := []string{"docker", "lxc", "rkt", "systemd-nspawn"}
		if i.VirtualizationRole == "guest" && !slices.Contains(containers, i.VirtualizationSystem) {
			h.Hypervisor = i.VirtualizationSystem
		}
	}
	if c, err := cpu.InfoWithContext(ctx); err == nil && len(c) > 0 {
		h.CPU = c[0].ModelName
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		h.Memory = m.Total
	}
	if b, err := os.ReadFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"); err == nil {
		h.Governor = strings.TrimSpace(string(b))
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
