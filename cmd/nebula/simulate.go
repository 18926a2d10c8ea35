package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/experiment/meter/simulator"
)

// sysfsFlag lets a command look for energy elsewhere. The name is
// node_exporter's.
func (a *app) sysfsFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.sysfs, "path.sysfs", "", "`folder` to look for energy counters in, in the place of /sys")
	pre := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if a.sysfs != "" {
			if st, err := os.Stat(a.sysfs); err != nil {
				return fmt.Errorf("--path.sysfs: %w", err)
			} else if !st.IsDir() {
				return fmt.Errorf("--path.sysfs: %s is no folder", a.sysfs)
			}
		}
		if pre != nil {
			return pre(c, args)
		}
		return nil
	}
}

// simulateCommand is for those who work on Nebula; CONTRIBUTING.md has it.
func (a *app) simulateCommand() *cobra.Command {
	var watts, idle, perCPU float64
	var packages int
	var dram, psys bool
	var length time.Duration
	c := &cobra.Command{
		Use: "simulate DIR", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Write a tree of simulated energy counters until interrupted",
		Long: `Write a tree of simulated energy counters into a folder, which must be empty or
not there, until interrupted. Then remove it. The power is constant (--watts),
or follows the processors of this machine (--idle and --per-cpu). Another
Nebula reads it with --path.sysfs DIR, and marks all that it reads there as
simulated.`,
		RunE: func(c *cobra.Command, args []string) (err error) {
			switch {
			case watts < 0 || idle < 0 || perCPU < 0 || watts+idle+perCPU == 0:
				return fmt.Errorf("give a power: --watts, or --idle and --per-cpu")
			case packages < 1 || packages > 64:
				return fmt.Errorf("--packages: from 1 to 64")
			}
			ctx, stop := untilInterrupted(c.Context())
			defer stop()
			if length > 0 {
				ctx, stop = context.WithTimeout(ctx, length)
				defer stop()
			}
			s, err := simulator.New(simulator.Options{Dir: args[0], Zones: zones((watts+idle)/float64(packages), perCPU/float64(packages), packages, dram, psys)})
			if err != nil {
				return err
			}
			defer func() {
				if cerr := s.Close(); err == nil {
					err = fail(cerr)
				}
			}()
			fmt.Fprintf(a.stderr, "simulated counters are in %s; in another shell: nebula doctor --path.sysfs %s\n", args[0], args[0])
			return fail(s.Run(ctx))
		},
	}
	c.Flags().Float64Var(&watts, "watts", 0, "constant power of the machine")
	c.Flags().Float64Var(&idle, "idle", 0, "power of the machine when nothing runs; the same as --watts")
	c.Flags().Float64Var(&perCPU, "per-cpu", 0, "power more for each processor of this machine that is busy")
	c.Flags().IntVar(&packages, "packages", 1, "processor packages, which share the power")
	c.Flags().BoolVar(&dram, "dram", false, "a memory counter beside each package, of a tenth of its power")
	c.Flags().BoolVar(&psys, "psys", false, "a counter of the platform, of one and a half times all")
	c.Flags().DurationVar(&length, "for", 0, "end after so long")
	return c
}

func zones(watts, perCPU float64, packages int, dram, psys bool) (zs []simulator.Zone) {
	for i := range packages {
		dir := fmt.Sprintf("intel-rapl:%d", i)
		zs = append(zs, simulator.Zone{Dir: dir, Name: fmt.Sprintf("package-%d", i), Watts: watts, PerCPU: perCPU})
		if dram {
			zs = append(zs, simulator.Zone{Dir: dir + ":0", Name: "dram", Watts: watts / 10, PerCPU: perCPU / 10})
		}
	}
	if psys {
		n := float64(packages)
		zs = append(zs, simulator.Zone{Dir: fmt.Sprintf("intel-rapl:%d", packages), Name: "psys", Watts: 1.5 * n * watts, PerCPU: 1.5 * n * perCPU})
	}
	return zs
}
