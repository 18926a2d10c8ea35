package regular

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a folder: far above what a function is given to read, and far
// below what a slip such as "/" holds.
const (
	MaxEntries = 100_000
	MaxBytes   = 16 << 30
)

// Check looks at everything in a folder without reading it: folders, regular
// files, and links that stay inside may be there, up to the bounds. A link
// out of the folder would show other files to one reader than to the next.
func Check(ctx context.Context, dir string) error {
	return walk(ctx, dir, func(entry) error { return nil })
}

// Digest gives the digest of a folder's names, modes and bytes, and refuses
// what Check refuses.
func Digest(ctx context.Context, dir string) (string, error) {
	h := sha256.New()
	err := walk(ctx, dir, func(e entry) error {
		content := e.link
		if e.mode.IsRegular() {
			var err error
			if content, err = digestFile(ctx, filepath.Join(dir, e.name)); err != nil {
				return err
			}
		}
		fmt.Fprintf(h, "%q %v %q\n", filepath.ToSlash(e.name), e.mode, filepath.ToSlash(content))
		return nil
	})
	if err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// entry is one thing in a folder. Its name is relative to that.
type entry struct {
	name, link string
	mode       fs.FileMode
}

func walk(ctx context.Context, dir string, visit func(entry) error) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	entries, size := 0, int64(0)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{name: name, mode: info.Mode()}
		switch {
		case info.IsDir():
		case info.Mode().IsRegular():
			size += info.Size()
		case info.Mode()&fs.ModeSymlink != 0:
			if e.link, err = os.Readlink(path); err != nil {
				return err
			}
			if leaves(name, e.link) {
				return fmt.Errorf("%q in it is a link that leads out of the folder, to %q: put there what it leads to", name, e.link)
			}
		default:
			return fmt.Errorf("%q in it is a pipe or a device: remove it", name)
		}
		if entries++; entries > MaxEntries {
			return fmt.Errorf("it holds more than %d files and folders", MaxEntries)
		}
		if size > MaxBytes {
			return fmt.Errorf("it holds more than %s", bytes(MaxBytes))
		}
		return visit(e)
	})
}

// leaves reports whether a link leads out of the folder that its name is
// relative to. A way up again behind a name counts as one: the name may be a
// link too.
func leaves(name, link string) bool {
	up := true
	for _, part := range strings.Split(filepath.ToSlash(link), "/") {
		if part == ".." && !up {
			return true
		}
		up = up && (part == ".." || part == ".")
	}
	return filepath.IsAbs(link) || strings.HasPrefix(link, "/") || !filepath.IsLocal(filepath.Join(filepath.Dir(name), link))
}

func digestFile(ctx context.Context, path string) (string, error) {
	f, _, err := Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(Interruptible(ctx, f), MaxBytes)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Interruptible reads from r until the context ends.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return interruptible{ctx, r} }

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
