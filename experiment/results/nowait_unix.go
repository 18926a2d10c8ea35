//go:build unix

package results

import "syscall"

// noWait opens a pipe without a writer at once. Files do not know it.
const noWait = syscall.O_NONBLOCK
