package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/nebula-bench/nebula/backends"
)

// refused says whose fault it is that a call failed which must come before the
// function: nobody's but time's, the experiment's or the function's, or else
// the engine's.
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

// faulty reports whether what an engine was asked for is at fault, which it
// would refuse the next time, too.
func faulty(id string, err error) bool {
	text := err.Error()
	switch {
	case errdefs.IsInvalidArgument(err):
		// Settings out of range, a user that the image does not have, and what
		// runc says of a program that is missing or can't be executed.
		return true
	case errdefs.IsNotFound(err):
		// A network, or a container whose network is to be shared; not the
		// image or the container, which somebody has taken from us.
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

// faults are what an engine passes off as errors of its own.
var faults = []string{
	"unable to find user", "unable to find group", "uids and gids must be",
	"unable to start container process: exec: ", // a path that is none
	"environment variable",
	"chdir to cwd", // the image's working directory, for this user
	"cpu.cfs_quota_us: invalid argument", "cpu.max: invalid argument",
}

// reason is the end of what an engine says, which names the cause: before it
// stands each of its parts that passed it on.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	for _, passed := range []string{"unable to start container process: ", "error during container init: "} {
		if _, after, ok := strings.Cut(text, passed); ok {
			text = after
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(text), ": unknown")
}
