package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/docker"
	"github.com/nebula-bench/nebula/experiment"
)

func (a *app) cleanCommand() *cobra.Command {
	var built bool
	var lock string
	var declared []string
	c := &cobra.Command{
		Use:   "clean",
		Short: "Remove what runs that died left behind",
		Long: `Remove the containers, images and scratch folders that runs left behind when
they were killed. What a run that still goes on owns, and whatever does not
carry Nebula's labels, is not touched; neither are stored runs.

A run on another machine that shares the cache or the engine, or in a container
that can't be seen into, may still go on: what it owns stays, unless you say
that it is dead with --force-owner.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return fail(a.clean(c.Context(), declared, built, lock))
		},
	}
	c.Flags().StringVar(&lock, "lock", defaultLock, "`file` that keeps two runs apart: built functions stay while a run holds it")
	c.Flags().BoolVar(&built, "built", false, "remove built functions too: they will be built again")
	c.Flags().StringArrayVar(&declared, "force-owner", nil, "also remove what belongs to this `run`, although nobody here can tell whether it still goes on")
	return c
}

func (a *app) clean(ctx context.Context, declared []string, built bool, lock string) error {
	if why := build.CacheDistrusted(); why != "" {
		fmt.Fprintf(a.stderr, "nebula: %s\n", printable(why))
	}
	removed, left, err := cleanScratch(declared)
	more, derr := docker.Clean(ctx, declared...)
	if u := (*backends.Unavailable)(nil); errors.As(derr, &u) {
		fmt.Fprintf(a.stderr, "nebula: containers and images were not looked at: %s\n", derr)
		derr = nil
	}
	removed, err = append(removed, more...), errors.Join(err, derr)
	if built {
		// Another user's run holds the lock, but has another cache; a run with
		// another lock has a scratch folder here.
		if len(left) == 0 && goesOn(lock) {
			left = append(left, "a run goes on")
		}
		if len(left) > 0 {
			err = errors.Join(err, errors.New("built functions stay: a run may need them"))
		} else {
			dir, berr := build.Clean()
			err = errors.Join(err, berr)
			if dir != "" {
				removed = append(removed, "built functions in "+dir)
			}
		}
	}
	for _, r := range removed {
		fmt.Fprintf(a.stdout, "removed %s\n", printable(r))
	}
	for _, why := range left {
		fmt.Fprintf(a.stderr, "left alone: %s\n", printable(why))
	}
	if len(removed) == 0 && len(left) == 0 && err == nil {
		fmt.Fprintln(a.stderr, "nothing to remove")
	}
	return err
}

// sweep removes what dead runs left, before a new one begins.
func sweep(ctx context.Context, x *experiment.Experiment, log zerolog.Logger) {
	removed, left, err := cleanScratch(nil)
	if usesDocker(x) {
		more, derr := docker.Clean(ctx)
		if u := (*backends.Unavailable)(nil); !errors.As(derr, &u) {
			err = errors.Join(err, derr)
		}
		removed = append(removed, more...)
	}
	for _, r := range removed {
		log.Info().Msg("left by a run that died, removed: " + r)
	}
	for _, why := range left {
		log.Debug().Msg("left alone: " + why)
	}
	if err != nil {
		log.Warn().Err(err).Msg("could not remove what dead runs left")
	}
}
