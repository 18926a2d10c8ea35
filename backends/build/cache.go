package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/atomicfile"
	"github.com/nebula-bench/nebula/internal/regular"
)

// CacheDir is the folder of built functions. It can be removed at any time
// when no run goes on.
func CacheDir() string { return filepath.Join(CacheRoot(), "build") }

// cache holds binaries under the digest of their content, and for each key
// a small file that says which of them is its outcome. So whoever builds at
// the same time, no key can ever lead to bytes with another digest than the
// one it names.
type cache struct{ dir string }

// entry is the content of a key's file.
type entry struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size_bytes"`
	Source    string `json:"source"`
	Toolchain string `json:"toolchain"`
}

// The names of what lies in the cache.
var (
	binaryName = regexp.MustCompile(`^sha256-[0-9a-f]{64}(\.wasm)?$`)
	entryName  = regexp.MustCompile(`^[0-9a-f]{64}\.json$`)
	workName   = regexp.MustCompile(`^tmp-[0-9]+$`)
)

// Clean removes what this package has put into its folder, and the folder
// where nothing else lies in it: somebody may have set NEBULA_CACHE to one of
// theirs. dir is empty where there was nothing.
func Clean() (dir string, err error) {
	all, err := os.ReadDir(CacheDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var errs []error
	for _, e := range all {
		name := e.Name()
		file := e.Type().IsRegular() && (binaryName.MatchString(name) || entryName.MatchString(name))
		if !file && !(e.IsDir() && workName.MatchString(name)) {
			continue
		}
		dir = CacheDir()
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	os.Remove(CacheDir()) // fails where something is left
	return dir, errors.Join(errs...)
}

func openCache() (cache, error) {
	c := cache{CacheDir()}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return c, fmt.Errorf("make the cache of built functions (NEBULA_CACHE moves it): %w", err)
	}
	return c, nil
}

func (c cache) binary(digest string, t Target) string {
	name := strings.ReplaceAll(digest, ":", "-")
	if t == Wasm {
		name += ".wasm"
	}
	return filepath.Join(c.dir, name)
}

func (c cache) entry(key string) string { return filepath.Join(c.dir, key+".json") }

// load finds a key's binary. Whatever is wrong with it, it is not there.
func (c cache) load(key string, t Target) (Binary, bool) {
	b, err := os.ReadFile(c.entry(key))
	if err != nil {
		return Binary{}, false
	}
	var e entry
	if json.Unmarshal(b, &e) != nil {
		return Binary{}, false
	}
	// The digest becomes a file's name: take it only as we write it.
	sum, ok := strings.CutPrefix(e.Digest, "sha256:")
	if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size {
		return Binary{}, false
	}
	path := c.binary(e.Digest, t)
	digest, size, err := hashFile(path)
	if err != nil || digest != e.Digest || size != e.Size {
		return Binary{}, false
	}
	return Binary{Path: path, Digest: digest, Size: size, Source: e.Source, Toolchain: e.Toolchain}, true
}

// store moves a built file into the cache. It must lie on the cache's file
// system, in a folder of the builder's own.
func (c cache) store(key string, t Target, file string, b Binary) (Binary, error) {
	var err error
	if b, err = c.keep(t, file, b); err != nil {
		return Binary{}, err
	}
	text, err := json.Marshal(entry{b.Digest, b.Size, b.Source, b.Toolchain})
	if err != nil {
		return Binary{}, err
	}
	err = atomicfile.Write(c.entry(key), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return Binary{}, fmt.Errorf("keep a built function: %w", err)
	}
	return b, nil
}

func (c cache) keep(t Target, file string, b Binary) (Binary, error) {
	var err error
	if b.Digest, b.Size, err = hashFile(file); err != nil {
		return b, fmt.Errorf("read a built function: %w", err)
	}
	mode := os.FileMode(0o644)
	if t == Linux {
		mode = 0o755
	}
	b.Path = c.binary(b.Digest, t)
	if err := errors.Join(os.Chmod(file, mode), os.Rename(file, b.Path)); err != nil {
		return b, fmt.Errorf("keep a built function: %w", err)
	}
	return b, nil
}

// adopt copies a ready module into the cache, so that nobody can change it
// while a run goes on.
func (c cache) adopt(f experiment.Function, s source) (Binary, error) {
	fail := func(err error) (Binary, error) {
		return Binary{}, fmt.Errorf("function %q: take over the module: %w", f.Name, err)
	}
	from, _, err := regular.Open(s.path)
	if err != nil {
		return fail(err)
	}
	defer from.Close()
	work, err := os.MkdirTemp(c.dir, "tmp-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(work)
	file := filepath.Join(work, "module")
	to, err := os.Create(file)
	if err != nil {
		return fail(err)
	}
	_, err = io.Copy(to, from)
	if err = errors.Join(err, to.Close()); err != nil {
		return fail(err)
	}
	b, err := c.keep(Wasm, file, Binary{Toolchain: "ready module"})
	if err != nil {
		return fail(err)
	}
	b.Source = b.Digest
	return b, nil
}

func hashFile(path string) (digest string, size int64, err error) {
	file, _, err := regular.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	h := sha256.New()
	size, err = io.Copy(h, file)
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), size, err
}

// hashStrings gives a digest that tells any two lists apart.
func hashStrings(parts []string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
