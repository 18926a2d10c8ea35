//go:build unix

package system

import (
	"os"
	"syscall"
)

// TryLock takes the lock on a file, or gives ErrLocked. The kernel gives it
// back with the file, however its holder dies.
func TryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}
