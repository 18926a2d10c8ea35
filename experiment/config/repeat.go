package config

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"github.com/docker/go-units"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/nebula-bench/nebula/internal/regular"
)

// Bounds of texts that are made by repeating one: of each, which is the
// longest answer that a function may give, and of all in one experiment.
const (
	maxRepeated    = 64 << 20
	maxAllRepeated = 4 * maxRepeated
)

// Bounds of files that hold a request or an answer: of each, and of all.
const (
	maxContent     = maxRepeated
	maxAllContents = 16 * maxContent
)

var requestNames = []string{"text", "size", "file"}

// request is the value of stdin: a text; a text and the size that it is
// repeated to; or the file that holds it, which may be any bytes.
func (ld *loader) request(attr *hcl.Attribute) string {
	v, st := ld.value(attr)
	if st != set {
		return ""
	}
	if s, ok := scalar(v); ok {
		return s
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "a string, or an object with text and size, or with file", v)
		return ""
	}
	at := attr.Expr.Range()
	elements := given(v)
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		if !slices.Contains(requestNames, k) {
			ld.errorf(at, "Unknown attribute of stdin", "A request has no %s.%s It is a string, or an object with text and size, or with file.", quote(k), ld.didYouMean(k, requestNames))
			return ""
		}
	}
	file, ok := elements["file"]
	if !ok {
		return ld.repeated(at, elements)
	}
	name, ok := scalar(file)
	switch {
	case len(elements) > 1:
		ld.errorf(at, "Both text and file", "Both hold the whole request. Remove one of the two.")
		return ""
	case !ok:
		ld.errorf(at, "Unsuitable value", "file of stdin must be a string, but this is %s.", article(file.Type()))
		return ""
	}
	s := ld.content64(at, name, "Request", "use text and size, or let the function make it")
	if s == nil {
		return ""
	}
	return *s
}

// given are the elements of an object that are not null, which is as good as
// not there.
func given(v cty.Value) map[string]cty.Value {
	elements := v.AsValueMap()
	maps.DeleteFunc(elements, func(_ string, e cty.Value) bool { return e.IsNull() })
	return elements
}

// content64 reads a file of up to 64 MiB that holds a request or an answer. It
// enters the plan's hash, so it must be within reach of everybody who has the
// experiment. instead is what to do where it is too large.
func (ld *loader) content64(at hcl.Range, name, what, instead string) *string {
	if name == "" {
		ld.errorf(at, "Empty path", "Write the path of a file, relative to the folder of this file.")
		return nil
	}
	path := ld.absolute(name)
	if s, ok := ld.contents[path]; ok {
		return &s
	}
	b, err := regular.Read(path, min(maxContent, maxAllContents-ld.allContents))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ld.errorf(at, what+" not found", "There is no file %s. Paths are relative to the folder of this file.%s", quote(name), ld.neighbour(name, path))
		return nil
	case errors.Is(err, regular.ErrTooLarge) && maxAllContents-ld.allContents < maxContent:
		ld.errorf(at, "Too many bytes", "Together the files of requests and answers have more than %d MiB. Use fewer, or several experiments.", maxAllContents>>20)
		return nil
	case errors.Is(err, regular.ErrTooLarge):
		ld.errorf(at, what+" not readable", "%s is longer than %d MiB: %s.", quote(name), maxContent>>20, instead)
		return nil
	case err != nil:
		ld.errorf(at, what+" not readable", "%s can't be read: %s.", quote(name), cause(err))
		return nil
	}
	ld.names(name)
	ld.allContents += int64(len(b))
	s := unsafe.String(unsafe.SliceData(b), len(b)) // nobody else has the bytes
	ld.contents[path] = s
	return &s
}

// names notes a file that the experiment reads.
func (ld *loader) names(file string) {
	if !filepath.IsAbs(file) {
		ld.named[filepath.ToSlash(filepath.Clean(file))] = true
	}
}

// repeated is elements' text, repeated and cut to its size.
func (ld *loader) repeated(at hcl.Range, elements map[string]cty.Value) string {
	text, ok := scalar(elements["text"])
	if !ok || text == "" {
		ld.errorf(at, "No text to repeat", "With a size comes the text that is repeated until it has it: { text = \"nebula \", size = \"1MiB\" }.")
		return ""
	}
	given, ok := scalar(elements["size"])
	if !ok {
		ld.errorf(at, "No size", "Say to which size the text is repeated: { text = \"nebula \", size = \"1MiB\" }. Once, it is just a string.")
		return ""
	}
	size, err := units.RAMInBytes(given)
	if err != nil || size < 1 || size > maxRepeated {
		ld.errorf(at, "Invalid size", "size must be from 1 byte to %d MiB, such as \"1MiB\", but this is %s.", maxRepeated>>20, quote(given))
		return ""
	}
	// A request and its answer are often the same, and need the room once.
	key := text + "\x00" + given
	if s, ok := ld.repeats[key]; ok {
		return s
	}
	if ld.allRepeated += size; ld.allRepeated > maxAllRepeated {
		ld.errorf(at, "Too much text", "Together the texts that are repeated have more than %d MiB. Use fewer, or several files.", maxAllRepeated>>20)
		return ""
	}
	s := strings.Repeat(text, int(size)/len(text)+1)[:size]
	ld.repeats[key] = s
	return s
}
