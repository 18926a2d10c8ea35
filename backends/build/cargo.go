package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/backends"
)

// crates are the folders that a Cargo package can't be built without: its own,
// those of its path dependencies, and those of every package of its workspace,
// whose manifests Cargo reads whether it needs them or not.
type crates struct {
	base    string   // the folder around all of them
	own     string   // the function's
	root    string   // of the function's workspace; its own where it has none
	folders []string // copied whole, and none within another
	files   []string // of workspaces, whose root need be no package
}

// metadata is the part of the output of "cargo metadata" that is used here.
// Without dependencies it asks no registry and writes nothing.
type metadata struct {
	Packages []struct {
		Manifest     string `json:"manifest_path"`
		Dependencies []struct {
			Name string
			Path string // of a path dependency
		}
	}
	Root string `json:"workspace_root"`
}

// workspaceFiles are what a workspace's root says about its packages.
var workspaceFiles = []string{"Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml", ".cargo/config.toml", ".cargo/config"}

// crates finds them. Where Cargo can't read the function's own folder, its error
// is returned as misread, with that folder alone: on its own, away from what
// lies around it, the folder may still build.
func (j *job) crates(ctx context.Context) (c crates, misread, err error) {
	if c.own, err = filepath.EvalSymlinks(j.source.path); err != nil {
		return c, nil, err
	}
	alone := crates{base: c.own, own: c.own, folders: []string{c.own}}
	tools := programs("cargo")
	if len(tools) == 0 {
		return alone, nil, nil // that Cargo is missing is said when it is needed
	}
	found := map[string]bool{}
	for queue := []string{c.own}; len(queue) > 0; queue = queue[1:] {
		dir := queue[0]
		if found[dir] {
			continue
		}
		if len(found) > mostCrates {
			return c, nil, &backends.Unsuitable{Err: fmt.Errorf("function %q in %s: its Cargo.toml leads to more than %d packages", j.function.Name, j.source.path, mostCrates)}
		}
		found[dir] = true
		m, err := j.metadata(ctx, tools[0], dir)
		switch {
		case ctx.Err() != nil:
			return c, nil, ctx.Err()
		case err != nil && dir == c.own:
			return alone, err, nil
		case err != nil:
			return c, nil, err
		}
		if dir == c.own {
			c.root = cmp.Or(m.Root, c.own)
		}
		if m.Root != "" {
			c.files = append(c.files, m.Root)
		}
		for _, p := range m.Packages {
			found[filepath.Dir(p.Manifest)] = true
			for _, d := range p.Dependencies {
				if d.Path == "" || found[d.Path] {
					continue
				}
				if !exists(filepath.Join(d.Path, "Cargo.toml")) {
					return c, nil, &backends.Unsuitable{Err: fmt.Errorf("function %q in %s: its Cargo.toml needs the package %q in %s, and no Cargo.toml is there: put it there, or copy it into the function's own folder", j.function.Name, j.source.path, d.Name, d.Path)}
				}
				queue = append(queue, d.Path)
			}
		}
	}
	c.settle(found)
	return c, nil, nil
}

const mostCrates = 1000

func (j *job) metadata(ctx context.Context, cargo, dir string) (m metadata, err error) {
	out, err := j.run(ctx, dir, nil, cargo, "metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path="+filepath.Join(dir, "Cargo.toml"))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(out, &m); err != nil {
		return m, fmt.Errorf("read the output of cargo metadata: %w", err)
	}
	return m, nil
}

// settle leaves out folders that lie within others, and finds the folder around
// all of them.
func (c *crates) settle(found map[string]bool) {
	inside := func(dir string) bool {
		return slices.ContainsFunc(c.folders, func(f string) bool { return within(f, dir) })
	}
	for dir := range found {
		c.folders = append(c.folders, dir)
	}
	slices.Sort(c.folders)
	all := c.folders
	c.folders = nil
	for _, dir := range all { // parents come first
		if !inside(dir) {
			c.folders = append(c.folders, dir)
		}
	}
	roots := c.files
	c.files = nil
	c.base = c.own
	for _, dir := range slices.Concat(c.folders, roots) {
		for !within(c.base, dir) {
			c.base = filepath.Dir(c.base)
		}
	}
	slices.Sort(roots)
	for _, dir := range slices.Compact(roots) {
		if inside(dir) {
			continue
		}
		for _, name := range workspaceFiles {
			c.files = append(c.files, filepath.Join(dir, filepath.FromSlash(name)))
		}
	}
}

// within reports whether a folder is another or lies below it.
func within(outer, dir string) bool {
	rel, err := filepath.Rel(outer, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// copyCrates copies the function and what it needs, and keeps their places
// relative to each other.
func (j *job) copyCrates(ctx context.Context, c crates, to string, in inputs) error {
	budget := newBudget()
	for _, dir := range c.folders {
		rel, err := filepath.Rel(c.base, dir)
		if err != nil {
			return err
		}
		if err := j.copyFolder(ctx, dir, filepath.Join(to, rel), rel, in, budget); err != nil {
			return err
		}
	}
	for _, file := range c.files {
		rel, err := filepath.Rel(c.base, file)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
			return err
		}
		switch err := copyFile(ctx, copied, file); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		if err := in.add("function/"+filepath.ToSlash(rel), copied); err != nil {
			return err
		}
	}
	return nil
}

// strays gives an error where Cargo built a package that lies outside of the
// copy: a change of it would go unseen.
func (j *job) strays(manifest, id string) error {
	if manifest == "" || !strings.Contains(id, "path+file:") || within(j.work, filepath.Dir(manifest)) {
		return nil
	}
	return &backends.Unsuitable{Err: fmt.Errorf("function %q in %s: the package in %s is named by an absolute path: name it relative to the Cargo.toml, or copy it into the function's own folder", j.function.Name, j.source.path, filepath.Dir(manifest))}
}
