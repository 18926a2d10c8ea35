//go:build unix

package wazero

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// makeWords makes the file that a child and its parent share. It has no name:
// nobody has to remove it.
func makeWords() (*os.File, error) {
	f, err := nameless()
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(wordsSize); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// mapWords maps it in the child.
func mapWords(fd int) ([]byte, error) {
	return unix.Mmap(fd, 0, wordsSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}
