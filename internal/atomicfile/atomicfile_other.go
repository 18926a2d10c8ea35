//go:build !unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// ownDescriptor finds none: on this system no names stand for descriptors.
func ownDescriptor(string) (fd int, ok bool) { return 0, false }

func openDescriptor(int, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// keepOwner has nothing to do: here a new file inherits from its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir does nothing: folders can't be synced here.
func syncDir(string) error { return nil }
