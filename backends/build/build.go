// Package build turns a function's source into a file that a backend can
// load: a WebAssembly module or a static Linux binary.
//
// It runs compilers, never functions. It builds nothing in the user's
// folders, and the same source and tools give the same bytes again. A
// Dockerfile and a ready image it only recognises: what to do with them is
// the docker backend's affair.
package build

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// Target is what a function can be built for.
type Target string

// The targets.
const (
	Wasm  Target = "wasip1 module"       // WASI preview 1, a command
	Linux Target = "static linux binary" // for this machine's processor
)

// platform is the target's name in sentences.
func (t Target) platform() string {
	if t == Wasm {
		return "WebAssembly"
	}
	return "Linux"
}

// Binary is a built function. Its file lies in the cache under the digest of
// its content, so it stays what it is while a run goes on.
type Binary struct {
	Path      string
	Digest    string // of the file: sha256:…
	Size      int64
	Source    string // digest of every file it was built from
	Toolchain string // what built it: "go1.26.8 wasip1/wasm"
}

// Build gives the function's binary for a target, from the cache where
// nothing has changed. The error is a *backends.Unavailable where this
// machine lacks a tool for it, and a *backends.Unsuitable where the source is
// at fault; an error of the compiler holds what it said.
func Build(ctx context.Context, f experiment.Function, t Target) (Binary, error) {
	src, err := find(f)
	if err != nil {
		return Binary{}, err
	}
	if why := src.kind.lacks(t); why != "" {
		return Binary{}, &backends.Unsuitable{Err: fmt.Errorf("function %q: %s", f.Name, why)}
	}
	c, err := openCache()
	if err != nil {
		return Binary{}, err
	}
	if src.kind == Module {
		return c.adopt(f, src)
	}
	// The folder's name is long enough to be unique and short enough not to
	// be in anybody's way; everything that a compiler writes is under it.
	work, err := os.MkdirTemp(c.dir, "tmp-")
	if err != nil {
		return Binary{}, fmt.Errorf("make a folder to build in: %w", err)
	}
	defer os.RemoveAll(work)
	j := job{function: f, target: t, source: src, work: work}
	var p plan
	switch src.kind {
	case Go:
		p, err = j.planGo(ctx)
	case C:
		p, err = j.planC(ctx)
	case Rust:
		p, err = j.planRust(ctx)
	}
	if err != nil {
		return Binary{}, j.explain(ctx, err)
	}
	key := p.key(src.kind, t)
	if b, ok := c.load(key, t); ok {
		return b, nil
	}
	file, err := p.compile(ctx)
	if err != nil {
		return Binary{}, j.explain(ctx, err)
	}
	if err := ctx.Err(); err != nil {
		return Binary{}, err
	}
	return c.store(key, t, file, Binary{Source: p.digest, Toolchain: p.toolchain})
}

// job is one build.
type job struct {
	function experiment.Function
	target   Target
	source   source
	work     string // an own, empty folder
	base     string // the folder of which src is a copy; empty: the source's
	inside   string // where the function lies in it; empty: it is the same
	locks    string // where Cargo keeps the versions of what is built, likewise
}

// plan is a build about to be done: all that decides its outcome, and how
// to do it.
type plan struct {
	digest    string   // of the source
	toolchain string   // for people
	tools     []string // every fact about the tools and their flags that can change the outcome
	compile   func(context.Context) (file string, err error)
}

func (p plan) key(k Kind, t Target) string {
	// The first word changes when this package learns to build differently.
	parts := slices.Concat([]string{"nebula build 1", string(k), string(t), p.digest, p.toolchain}, p.tools)
	return hashStrings(parts)
}

// explain says of an error of the compiler to which function and folder it
// belongs. The errors of this package that a caller branches on stay as they
// are.
func (j job) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build function %q: %w", j.function.Name, ctx.Err())
	}
	var failed *toolError
	if missing := (*backends.Unavailable)(nil); errors.As(err, &missing) {
		return err
	}
	if errors.As(err, &failed) {
		// Compilers name the copy that they were given. It is gone by now.
		failed.output = strings.ReplaceAll(failed.output, j.in("src"), cmp.Or(j.base, j.source.path))
		failed.output = strings.ReplaceAll(failed.output, j.work, "…")
		return &backends.Unsuitable{Err: fmt.Errorf("function %q in %s: %w", j.function.Name, j.source.path, err)}
	}
	return err
}

// src gives a path in the copy of the function's folder.
func (j job) src(elem ...string) string {
	return j.in(append([]string{"src", j.inside}, elem...)...)
}

// in gives a path in the work folder.
func (j job) in(elem ...string) string {
	return filepath.Join(append([]string{j.work}, elem...)...)
}

// Compressed is how many bytes a file has with gzip at its default level.
func Compressed(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n counter
	z := gzip.NewWriter(&n)
	if _, err := io.Copy(z, f); err != nil {
		return 0, err
	}
	err = z.Close()
	return int64(n), err
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
