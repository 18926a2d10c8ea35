package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/functions"
	"github.com/nebula-bench/nebula/internal/regular"
)

// inputs collects the files that a binary is built from, under names that
// mean the same on every machine.
type inputs map[string]string // name → digest of the content

func (in inputs) add(name, file string) error {
	digest, _, err := hashFile(file)
	if err != nil {
		return fmt.Errorf("read the source: %w", err)
	}
	in[name] = digest
	return nil
}

func (in inputs) digest() string {
	var parts []string
	for name := range in {
		parts = append(parts, name)
	}
	slices.Sort(parts)
	for _, name := range parts {
		parts = append(parts, in[name])
	}
	return "sha256:" + hashStrings(parts)
}

// snapshot copies the function's folder into the work folder and notes every
// file. What is hashed is then what is compiled, whatever happens to the
// source meanwhile, and a source that reaches outside its folder, where a
// change would go unseen, does not compile.
func (j job) snapshot(ctx context.Context, to string, in inputs) error {
	return j.copyFolder(ctx, j.source.path, to, ".", in, newBudget())
}

// budget is how much may still be copied.
type budget struct {
	entries int
	bytes   int64
}

func newBudget() *budget { return &budget{mostEntries, maxSource} }

// copyFolder copies a folder that is called as in name.
func (j job) copyFolder(ctx context.Context, root, to, name string, in inputs, left *budget) error {
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if left.entries--; left.entries < 0 {
			return fmt.Errorf("it holds more than %d files and folders: put the function into a folder of its own", mostEntries)
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if e.IsDir() {
			// What version control and Cargo keep beside the source.
			if rel != "." && (strings.HasPrefix(e.Name(), ".git") || j.source.kind == Rust && (rel == "target" || e.Name() == "target" && exists(filepath.Join(filepath.Dir(p), "Cargo.toml")))) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		info, err := os.Stat(p) // through symbolic links
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // a link that leads nowhere, or an editor's file that is gone
		case err != nil:
			return err
		case info.IsDir():
			return &backends.Unsuitable{Err: fmt.Errorf("function %q: %s is a symbolic link to a folder: put the folder itself there", j.function.Name, p)}
		case !info.Mode().IsRegular():
			return nil
		}
		if left.bytes -= info.Size(); left.bytes < 0 {
			return fmt.Errorf("it holds more than %d GiB: put the function into a folder of its own", maxSource>>30)
		}
		if err := copyFile(ctx, filepath.Join(to, rel), p); err != nil {
			return err
		}
		return in.add("function/"+filepath.ToSlash(filepath.Join(name, rel)), filepath.Join(to, rel))
	})
	if unsuitable := (*backends.Unsuitable)(nil); err != nil && !errors.As(err, &unsuitable) {
		return fmt.Errorf("function %q: read its folder: %w", j.function.Name, err)
	}
	return err
}

// maxSource is how much a function's folder may hold.
const maxSource = 4 << 30

func copyFile(ctx context.Context, to, from string) error {
	r, _, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(regular.Interruptible(ctx, r), maxSource))
	return errors.Join(err, w.Close())
}

// helper writes files of the function protocol's helpers into a folder. in
// may be nil.
func (j job) helper(to string, in inputs, names ...string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		b, err := functions.Helpers.ReadFile(path.Join("protocol", name))
		if err != nil {
			return err
		}
		file := filepath.Join(to, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return err
		}
		if in != nil {
			if err := in.add("helper/"+name, file); err != nil {
				return err
			}
		}
	}
	return nil
}
