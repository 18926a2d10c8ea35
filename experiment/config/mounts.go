package config

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"

	"github.com/nebula-bench/nebula/internal/regular"
)

// taken are the folders that backends put into place themselves. Nothing is
// mounted on them, in them or over them.
var taken = []string{"/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/function"}

const (
	maxMounts = 100
	maxTarget = 200 // bytes
)

// mounts decodes the folders that a function may read: where it finds them,
// and where they lie, once absolute and once as the file has it.
func (ld *loader) mounts(attr *hcl.Attribute) (mounts, mounted map[string]string) {
	v, st := ld.value(attr)
	if st != set {
		return nil, nil
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "an object of folders by where the function finds them, such as { \"/data\" = \"./fixtures\" }", v)
		return nil, nil
	}
	mounts, mounted = map[string]string{}, map[string]string{}
	elements := v.AsValueMap()
	if len(elements) > maxMounts {
		ld.errorf(attr.Expr.Range(), "Too many mounts", "These are %d folders; a function has at most %d. Mount one folder that holds them.", len(elements), maxMounts)
		return nil, nil
	}
	ranges := ld.keyRanges(attr, "mount")
	for _, target := range slices.Sorted(maps.Keys(elements)) {
		e := elements[target]
		if e.IsNull() { // not set
			continue
		}
		if why := badTarget(target, slices.Sorted(maps.Keys(mounts))); why != "" {
			ld.errorf(ranges(target).key, "Unsuitable mount", "%s can't be where a function finds a folder: %s", quote(target), why)
			continue
		}
		source, ok := scalar(e)
		if !ok {
			ld.errorf(ranges(target).value, "Unsuitable value", "The mount %s must be the path of a folder, such as \"./fixtures\", but this is %s.", quote(target), article(e.Type()))
			continue
		}
		if dir := ld.mountedFolder(source, ranges(target).value); dir != "" {
			mounts[target], mounted[target] = dir, source
			if !filepath.IsAbs(source) {
				mounted[target] = filepath.ToSlash(filepath.Clean(source))
			}
		}
	}
	return mounts, mounted
}

// badTarget says what is wrong with a path inside a function, beside those
// that it has already. It ends with how to mend it.
func badTarget(target string, others []string) string {
	switch {
	case !path.IsAbs(target):
		return "it must begin with '/', such as \"/data\"."
	case len(target) > maxTarget || strings.ContainsFunc(target, unicode.IsControl):
		return "it has at most 200 bytes, and no line breaks, tabs or other control characters."
	case path.Clean(target) != target || strings.Contains(target, `\`):
		return "write it without \"..\", a doubled '/', one at the end, or '\\': " + quote(path.Clean(strings.ReplaceAll(target, `\`, "/"))) + "."
	case target == "/":
		return "everything that the function is made of is there. Choose a folder below, such as \"/data\"."
	}
	for _, t := range taken {
		if within(t, target) || within(target, t) {
			return "the backends need " + t + " themselves. Choose another folder, such as \"/data\"."
		}
	}
	for _, o := range others {
		if within(o, target) || within(target, o) {
			return "one of it and " + quote(o) + " would hide a part of the other. Choose two folders beside each other."
		}
	}
	return ""
}

// within reports whether a clean path is another one or lies in it.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, folder+"/")
}

// mountedFolder finds a folder to mount. It reports when there is none.
func (ld *loader) mountedFolder(source string, at hcl.Range) string {
	if source == "" {
		ld.errorf(at, "Empty mount", "Write the path of a folder, relative to the folder of this file.")
		return ""
	}
	dir := ld.absolute(source)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ld.errorf(at, "Mount not found", "There is no folder %s. Paths are relative to the folder of this file.%s", quote(source), ld.neighbour(source, dir))
		return ""
	case err == nil && !info.IsDir():
		ld.errorf(at, "Mount not a folder", "%s is not a folder. Only folders are mounted: put the file into one.", quote(source))
		return ""
	case err == nil:
		err = regular.Check(context.Background(), dir)
	}
	if err != nil {
		ld.errorf(at, "Mount not usable", "%s can't be mounted: %s.", quote(source), cause(err))
		return ""
	}
	return dir
}

// absolute is a path of the file made absolute against the file's folder.
func (ld *loader) absolute(name string) string {
	name = filepath.Clean(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(ld.dir, name)
}
