//go:build unix

package regular

import "syscall"

// withoutWaiting keeps open(2) from waiting for the other end of a pipe that
// took the place of a file.
const withoutWaiting = syscall.O_NONBLOCK | syscall.O_NOCTTY
