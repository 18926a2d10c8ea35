package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	c := &cobra.Command{
		Use:   "clean",
		Short: "Remove what runs that died left behind",
		Long: `Remove the containers, images and scratch folders that runs left behind when
they were killed. What a run that still goes on owns, and whatever does not
carry Nebula's labels, is not touched; neither are stored runs.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			removed, _, err := cleanScratch()
			more, derr := docker.Clean(c.Context())
			if u := (*backends.Unavailable)(nil); errors.As(derr, &u) {
				fmt.Fprintf(a.stderr, "nebula: containers and images were not looked at: %s\n", derr)
				derr = nil
			}
			removed, err = append(removed, more...), errors.Join(err, derr)
			if built && goesOn(lock) {
				err = errors.Join(err, errors.New("built functions stay: a run that goes on may need them"))
			} else if built {
				dir := build.CacheDir()
				err = errors.Join(err, os.RemoveAll(dir))
				removed = append(removed, "built functions in "+dir)
			}
			for _, r := range removed {
				fmt.Fprintf(a.stdout, "removed %s\n", r)
			}
			if len(removed) == 0 && err == nil {
				fmt.Fprintln(a.stderr, "nothing to remove")
			}
			return fail(err)
		},
	}
	c.Flags().StringVar(&lock, "lock", defaultLock, "`file` that keeps two runs apart: built functions stay while a run holds it")
	c.Flags().BoolVar(&built, "built", false, "remove built functions too: they will be built again")
	return c
}

// sweep removes what dead runs left, before a new one begins.
func sweep(ctx context.Context, x *experiment.Experiment, log zerolog.Logger) {
	removed, _, err := cleanScratch()
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
	if err != nil {
		log.Warn().Err(err).Msg("could not remove what dead runs left")
	}
}

// scratch is the folder of what a run needs only while it goes on. A file
// beside it says to whom it belongs; it is there before the folder is.
type scratch struct{ dir string }

func (s scratch) owner() string { return s.dir + ".json" }

func scratchRoot() string { return filepath.Join(build.CacheRoot(), "scratch") }

func newScratch(o backends.Owner) (scratch, error) {
	s := scratch{filepath.Join(scratchRoot(), o.Run)}
	b, err := json.Marshal(o)
	if err != nil {
		return s, err
	}
	if err := os.MkdirAll(scratchRoot(), 0o700); err != nil {
		return s, err
	}
	// Whole or not there: another run may be looking for dead owners.
	if err := os.WriteFile(s.owner()+".new", b, 0o600); err != nil {
		return s, err
	}
	if err := os.Rename(s.owner()+".new", s.owner()); err != nil {
		return s, err
	}
	return s, os.Mkdir(s.dir, 0o700)
}

func (s scratch) remove() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	return os.Remove(s.owner())
}

// cleanScratch removes the folders whose owners have died, and reports
// whether one lives.
func cleanScratch() (removed []string, alive bool, err error) {
	files, _ := filepath.Glob(filepath.Join(scratchRoot(), "*.json"))
	var errs []error
	for _, file := range files {
		var o backends.Owner
		b, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(b, &o)
		}
		if err == nil && !o.Gone() {
			alive = true
			continue
		}
		s := scratch{strings.TrimSuffix(file, ".json")}
		if err := s.remove(); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "scratch folder "+s.dir)
	}
	return removed, alive, errors.Join(errs...)
}
