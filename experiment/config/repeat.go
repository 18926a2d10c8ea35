package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/docker/go-units"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Bounds of texts that are made by repeating one: of each, which is the
// longest answer that a function may give, and of all in one experiment.
const (
	maxRepeated    = 64 << 20
	maxAllRepeated = 4 * maxRepeated
)

var repeatNames = []string{"text", "size"}

// request is the value of stdin: a text, or a text and the size that it is
// repeated to. No expression may make so much text itself.
func (ld *loader) request(attr *hcl.Attribute) string {
	v, st := ld.value(attr)
	if st != set {
		return ""
	}
	if s, ok := scalar(v); ok {
		return s
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "a string, or an object with text and size", v)
		return ""
	}
	at := attr.Expr.Range()
	elements := v.AsValueMap()
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		if !slices.Contains(repeatNames, k) {
			ld.errorf(at, "Unknown attribute of stdin", "A request has no %s.%s It is a string, or an object with text and size.", quote(k), ld.didYouMean(k, repeatNames))
			return ""
		}
	}
	return ld.repeated(at, elements)
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
	if ld.repeats == nil {
		ld.repeats = map[string]string{}
	}
	ld.repeats[key] = s
	return s
}
