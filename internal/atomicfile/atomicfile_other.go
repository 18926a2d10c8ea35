//go:build !unix

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// ownDescriptor: no names stand for descriptors here.
func ownDescriptor(string) (fd int, ok bool) { return 0, false }

func openDescriptor(int, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// keepOwner has nothing to do: a new file is its folder's heir here.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir: folders can't be synced here.
func syncDir(string) error { return nil }
