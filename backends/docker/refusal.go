package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/nebula-bench/nebula/backends"
)

// refused says why a call failed that must succeed before the function begins:
// it ran out of time, the experiment or the function is at fault, or the engine
// is.
func refused(ctx context.Context, id, what string, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %s", backends.ErrUnanswered, what)
	case strings.Contains(err.Error(), "OOM-killed"), strings.Contains(err.Error(), "memory limit too low"):
		return fmt.Errorf("%w before the function began: %s", backends.ErrOutOfMemory, reason(err))
	case faulty(id, err):
		return fmt.Errorf("%w: %s", backends.ErrCantStart, reason(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// faulty reports whether the request itself is at fault, so that the engine
// would refuse it the next time, too.
func faulty(id string, err error) bool {
	text := err.Error()
	switch {
	case errdefs.IsInvalidArgument(err):
		// Settings out of range, a user that the image does not have, and what
		// runc says of a program that is missing or can't be executed.
		return true
	case errdefs.IsNotFound(err):
		// A network, or a container whose network is to be shared. If our own
		// image or container is missing, somebody has removed it.
		return !strings.Contains(text, "No such image") && (id == "" || !strings.Contains(text, id))
	case errdefs.IsConflict(err):
		return strings.Contains(text, "cannot join network") || strings.Contains(text, "conflicting options")
	}
	for _, fault := range faults {
		if strings.Contains(text, fault) {
			return true
		}
	}
	return false
}

// faults are faults of a request that engines report as errors of their own.
var faults = []string{
	"unable to find user", "unable to find group", "uids and gids must be",
	"unable to start container process: exec: ", // a path that is none
	"environment variable",
	"chdir to cwd", // the image's working directory, for this user
	"cpu.cfs_quota_us: invalid argument", "cpu.max: invalid argument",
}

// reason is the end of an engine's message, which names the cause. Before it come
// the parts of the engine that passed it on.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	for _, passed := range []string{"unable to start container process: ", "error during container init: "} {
		if _, after, ok := strings.Cut(text, passed); ok {
			text = after
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(text), ": unknown")
}
