//go:build unix

package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// trusted reports why others could change what lies in a folder: it, a folder
// above it or a link on the way belongs to somebody who is neither us nor root,
// or can be written by others. In a sticky folder such as /tmp, nobody can
// change what belongs to somebody else.
func trusted(dir string) error {
	return walk(dir, 0)
}

func walk(dir string, links int) error {
	if links > 40 {
		return fmt.Errorf("%s: too many links", dir)
	}
	parts := strings.Split(strings.Trim(filepath.Clean(dir), "/"), "/")
	at := "/"
	for i, part := range append([]string{""}, parts...) {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it could not be made: whoever writes to it will say so
		}
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d", at, st.Uid)
		}
		if info.Mode().Type() == fs.ModeSymlink {
			to, err := os.Readlink(at)
			if err != nil {
				return err
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}
			return walk(filepath.Join(append([]string{to}, parts[min(i, len(parts)):]...)...), links+1)
		}
		last, mode := i == len(parts), info.Mode()
		switch {
		case last && mode.Perm()&0o022 != 0:
			return fmt.Errorf("%s may be written by others (mode %04o)", at, mode.Perm())
		case mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0:
			return fmt.Errorf("%s, above it, may be written by everybody (mode %04o)", at, mode.Perm())
		}
	}
	return nil
}
