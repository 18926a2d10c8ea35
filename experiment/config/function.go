package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/nebula-bench/nebula/experiment"
)

// languages are what a function may say that it is written in.
var languages = []string{"c", "go", "rust"}

var functionSchema = func() *hcl.BodySchema {
	s := attributeSchema("source", "image", "language", "inputs", "mounts", "build_args")
	s.Blocks = []hcl.BlockHeaderSchema{{Type: "input", LabelNames: []string{"name"}}}
	return s
}()

func (ld *loader) functions(blocks hcl.Blocks, ax *axes) []experiment.Function {
	if len(blocks) == 0 && !ld.blurred {
		ld.errorf(start(ld.file), "No function", "The experiment has nothing to run. Add a function block: function \"hello\" { source = \"functions/hello\" }.")
	}
	var fs []experiment.Function
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		ld.uniqueName("function", b.Labels[0], b.LabelRanges[0], seen)
		ax.function.names = append(ax.function.names, b.Labels[0])
		fs = append(fs, ld.function(b, ax))
	}
	return fs
}

// uniqueName checks the free name of a function or an input.
func (ld *loader) uniqueName(what, name string, at hcl.Range, seen map[string]hcl.Range) {
	if why := freeName(name); why != "" {
		ld.errorf(at, "Invalid "+what+" name", "%s", why)
	}
	if first, ok := seen[name]; ok {
		ld.errorf(at, "Duplicate "+what, "There are two %ss called %s: at %s and at %s. Rename one of them.", what, quote(name), place(first), place(at))
		return
	}
	seen[name] = at
}

func (ld *loader) function(b *hcl.Block, ax *axes) experiment.Function {
	before := ld.trouble()
	content, ok := ld.content(b.Body, functionSchema)
	attrs := content.Attributes
	f := experiment.Function{Name: b.Labels[0]}
	var source, image state
	f.Source, source = ld.text(attrs["source"])
	f.Image, image = ld.text(attrs["image"])
	switch {
	case source == failed || image == failed:
	case source == set && image == set:
		ld.errorf(attrs["image"].NameRange, "Both source and image", "A function is built from a source, or it is a ready image. Remove one of the two.")
	case source == unset && image == unset && !ok: // it may be misspelt
	case source == unset && image == unset:
		ld.errorf(b.DefRange, "Function without a source", "Add the folder or file that the function is made from: source = \"functions/hello\"; or a ready image: image = \"alpine\".")
	case source == set:
		f.Path = ld.sourcePath(attrs["source"], f.Source)
		ld.sources[f.Name] = attrs["source"].Expr.Range()
	case image == set && strings.TrimSpace(f.Image) == "":
		ld.errorf(attrs["image"].Expr.Range(), "Empty image", "Write an image's reference, such as \"alpine:3.20\".")
	}
	var language state
	if f.Language, language = ld.text(attrs["language"]); language == set {
		ld.language(f, attrs["language"], image)
	}
	f.BuildArgs = ld.namedTexts(attrs["build_args"], "VERSION", "build argument", "build_args")
	f.Mounts, f.Mounted = ld.mounts(attrs["mounts"])
	// The inputs are another matter: a mistake there says nothing about the
	// files.
	sound := ld.trouble() == before
	f.Inputs = ld.inputs(b, attrs["inputs"], content.Blocks, ax, ok)
	if sound && ld.lang.CheckFunction != nil {
		if err := ld.lang.CheckFunction(f); err != nil {
			attr := attrs["source"]
			if source != set {
				attr = attrs["image"]
			}
			ld.errorf(attr.Expr.Range(), "Unsuitable function", "%s", shortened(err.Error()))
		}
	}
	return f
}

func (ld *loader) language(f experiment.Function, attr *hcl.Attribute, image state) {
	switch {
	case !slices.Contains(languages, f.Language):
		ld.errorf(attr.Expr.Range(), "Unknown language", "Functions can't be built from %s.%s Write %s, or leave the language out where the folder tells it.", quote(f.Language), ld.didYouMean(f.Language, languages), list(languages))
	case image == set:
		ld.errorf(attr.NameRange, "Language of an image", "A ready image is not built, so its language has no meaning. Remove it.")
	}
}

// sourcePath finds the function's files. It reports when there are none.
func (ld *loader) sourcePath(attr *hcl.Attribute, source string) string {
	at := attr.Expr.Range()
	if source == "" {
		ld.errorf(at, "Empty source", "Write the path of a folder or file, relative to the folder of this file.")
		return ""
	}
	path := ld.absolute(source)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ld.errorf(at, "Source not found", "There is no folder or file %s. Paths are relative to the folder of this file.%s", quote(source), ld.neighbour(source, path))
		return ""
	case err != nil:
		ld.errorf(at, "Source not readable", "%s can't be read: %s.", quote(source), cause(err))
		return ""
	case !info.IsDir() && !info.Mode().IsRegular():
		ld.errorf(at, "Source not readable", "%s is neither a folder nor a file.", quote(source))
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		ld.errorf(at, "Source not readable", "%s can't be read: %s.", quote(source), cause(err))
		return ""
	}
	f.Close()
	return path
}

// neighbour suggests a path like source, from what lies where it should be.
func (ld *loader) neighbour(source, path string) string {
	if ld.lost() {
		return ""
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return ""
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(1000) // a large folder is not worth waiting for
	slices.Sort(names)
	near := nearest(filepath.Base(path), names)
	if near == "" {
		return ""
	}
	return " Did you mean " + quote(strings.TrimSuffix(strings.TrimRight(source, "/"), filepath.Base(path))+near) + "?"
}

// inputs gives the inputs of the inputs attribute, in natural order, and then
// those of the input blocks. all says that these are all.
func (ld *loader) inputs(b *hcl.Block, attr *hcl.Attribute, blocks hcl.Blocks, ax *axes, all bool) []experiment.Input {
	seen := map[string]hcl.Range{}
	ins, st := ld.inputsAttribute(attr, seen)
	for _, ib := range blocks {
		ld.uniqueName("input", ib.Labels[0], ib.LabelRanges[0], seen)
		ins = append(ins, ld.inputBlock(ib))
	}
	if len(ins) == 0 {
		switch {
		case st == failed || ld.blurred || !all:
		case st == set:
			ld.errorf(attr.Expr.Range(), "No inputs", "The function %s has no input, so there is nothing to run. Add one, or remove the attribute to run the function once with nothing on stdin.", quote(b.Labels[0]))
		default:
			ins = []experiment.Input{{Name: "default"}}
		}
	}
	if st == failed || !all {
		ax.input.vague = true
	}
	for _, in := range ins {
		ax.input.names = append(ax.input.names, in.Name)
	}
	return ins
}

func (ld *loader) inputsAttribute(attr *hcl.Attribute, seen map[string]hcl.Range) ([]experiment.Input, state) {
	v, st := ld.value(attr)
	if st != set {
		return nil, st
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "an object of names and inputs, such as { small = 10, large = 35 } or { for n in range(3) : \"n=${n}\" => n }", v)
		return nil, failed
	}
	ranges := ld.keyRanges(attr, "input")
	values := v.AsValueMap()
	names := make([]string, 0, len(values))
	for name, e := range values {
		if !e.IsNull() { // null: not set
			names = append(names, name)
		}
	}
	slices.SortFunc(names, natural)
	ins := make([]experiment.Input, 0, len(names))
	for _, name := range names {
		at := ranges(name)
		ld.uniqueName("input", name, at.key, seen)
		in, ok := ld.inputValue(name, values[name], at.value)
		if !ok {
			st = failed
		}
		ins = append(ins, in)
	}
	return ins, st
}

type keyRange struct{ key, value hcl.Range }

// keyRanges tells where an object's elements stand: each on its own where
// the object is written out, otherwise all in the one expression. It reports
// keys that are written twice, of which an object keeps only the last.
func (ld *loader) keyRanges(attr *hcl.Attribute, what string) func(string) keyRange {
	whole := keyRange{attr.Expr.Range(), attr.Expr.Range()}
	written := map[string]keyRange{}
	pairs, diags := hcl.ExprMap(attr.Expr)
	if diags.HasErrors() {
		pairs = nil
	}
	for _, p := range pairs {
		// A key that needs a dynamic block's iterator fails here.
		k, diags := p.Key.Value(ld.ctx)
		name, ok := scalar(k)
		if diags.HasErrors() || !ok {
			continue
		}
		if first, ok := written[name]; ok {
			ld.errorf(p.Key.Range(), "Duplicate "+what, "There are two %ss called %s: at %s and at %s. Rename one of them.", what, quote(name), place(first.key), place(p.Key.Range()))
		}
		written[name] = keyRange{p.Key.Range(), p.Value.Range()}
	}
	return func(name string) keyRange {
		if r, ok := written[name]; ok {
			return r
		}
		return whole
	}
}

var inputNames = []string{"stdin", "args", "env", "expect"}

// inputValue makes an input of an element of inputs: a text, number or bool
// is what comes on stdin, an object says more.
func (ld *loader) inputValue(name string, v cty.Value, at hcl.Range) (experiment.Input, bool) {
	if s, ok := scalar(v); ok {
		return experiment.Input{Name: name, Stdin: s}, true
	}
	if kind(v.Type()) != "object" {
		ld.errorf(at, "Unsuitable input", "The input %s must be a string, a number or a bool, which goes to stdin, or an object with %s; but this is %s.", quote(name), list(inputNames), article(v.Type()))
		return experiment.Input{Name: name}, false
	}
	attrs := hcl.Attributes{}
	elements := v.AsValueMap()
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		if !slices.Contains(inputNames, k) {
			ld.errorf(at, "Unknown attribute of an input", "The input %s has an attribute %s.%s An input may have %s.", quote(name), quote(k), ld.didYouMean(k, inputNames), list(inputNames))
			continue
		}
		attrs[k] = &hcl.Attribute{Name: k, Expr: hcl.StaticExpr(elements[k], at), Range: at, NameRange: at}
	}
	before := ld.trouble()
	in := ld.input(name, attrs)
	return in, ld.trouble() == before
}

func (ld *loader) inputBlock(b *hcl.Block) experiment.Input {
	attrs, _ := ld.attributes(b.Body, inputNames...)
	return ld.input(b.Labels[0], attrs)
}

func (ld *loader) input(name string, attrs hcl.Attributes) experiment.Input {
	in := experiment.Input{Name: name}
	in.Stdin = ld.request(attrs["stdin"])
	in.Expect = ld.expect(attrs["expect"])
	args, _ := ld.texts(attrs["args"], "a list of strings, such as [\"-v\", \"10\"]", false)
	for _, a := range args {
		if strings.Contains(a.text, "\x00") {
			ld.errorf(a.at, "Unsuitable argument", "An argument of a program can't hold the character U+0000.")
		}
		in.Args = append(in.Args, a.text)
	}
	in.Env = ld.env(attrs["env"])
	return in
}

var expectNames = []string{"text", "size", "file", "regex", "sha256"}

// expect is what an answer must be: a text, or an object that says what of
// the answer is compared.
func (ld *loader) expect(attr *hcl.Attribute) *experiment.Expect {
	v, st := ld.value(attr)
	if st != set {
		return nil
	}
	if s, ok := scalar(v); ok {
		return experiment.ExpectText(s)
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "the answer as a string, or an object with "+list(expectNames), v)
		return nil
	}
	at := attr.Expr.Range()
	e := &experiment.Expect{}
	elements := v.AsValueMap()
	said := 0
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		s, ok := scalar(elements[k])
		switch {
		case !slices.Contains(expectNames, k):
			ld.errorf(at, "Unknown attribute of expect", "An answer has no %s.%s What is expected of it is %s.", quote(k), ld.didYouMean(k, expectNames), list(expectNames))
		case elements[k].IsNull(): // not set
			continue
		case !ok:
			ld.errorf(at, "Unsuitable value", "%s of expect must be a string, but this is %s.", k, article(elements[k].Type()))
		case k == "text":
			if elements["size"] == cty.NilVal || elements["size"].IsNull() {
				e.Text = &s
			}
		case k == "size":
			s = ld.repeated(at, elements)
			e.Text = &s
		case k == "file":
			e.Text = ld.content64(at, s, "Answer", "use sha256 instead")
			if elements["text"] != cty.NilVal && !elements["text"].IsNull() {
				ld.errorf(at, "Both text and file", "Both hold the whole answer. Remove one of the two.")
			}
		case k == "regex":
			e.Regex = s
			if _, err := regexp.Compile(s); err != nil {
				ld.errorf(at, "Invalid regular expression", "%s. The syntax is that of RE2; in HCL a backslash is written twice.", upperFirst(err.Error()))
			}
			if s == "" {
				ld.errorf(at, "Empty regular expression", "An empty one matches every answer. Remove it.")
			}
		case k == "sha256":
			e.SHA256 = strings.ToLower(s)
			if b, err := hex.DecodeString(s); err != nil || len(b) != sha256.Size {
				ld.errorf(at, "Invalid digest", "sha256 must be 64 hexadecimal digits, such as sha256sum prints them, but this is %s.", quote(s))
			}
		}
		said++
	}
	if said == 0 {
		ld.errorf(at, "Nothing expected", "The object is empty. Write the answer as a string, or an object with %s; or remove expect.", list(expectNames))
	}
	return e
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (ld *loader) env(attr *hcl.Attribute) map[string]string {
	return ld.namedTexts(attr, "LANG", "environment variable", "environment")
}

// namedTexts decodes an object of names and strings.
func (ld *loader) namedTexts(attr *hcl.Attribute, example, one, all string) map[string]string {
	v, st := ld.value(attr)
	if st != set {
		return nil
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "an object of names and strings, such as { "+example+" = \"C\" }", v)
		return nil
	}
	named := map[string]string{}
	elements := v.AsValueMap()
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		e := elements[k]
		s, ok := scalar(e)
		switch {
		case e.IsNull(): // not set
			continue
		case !ok:
			ld.errorf(attr.Expr.Range(), "Unsuitable value", "The %s %s must be a string, but this is %s.", one, quote(k), article(e.Type()))
		case k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(s, "\x00"):
			ld.errorf(attr.Expr.Range(), "Unsuitable "+all, "The %s %s can't be set: a name must not be empty nor hold '=', and neither name nor value may hold the character U+0000.", one, quote(k))
		}
		named[k] = s
	}
	return named
}

// natural orders names as people do: n=2 before n=10.
func natural(a, b string) int {
	whole := strings.Compare(a, b)
	for a != "" && b != "" {
		da, db := digits(a), digits(b)
		if da == 0 || db == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		na, nb := strings.TrimLeft(a[:da], "0"), strings.TrimLeft(b[:db], "0")
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
			return c
		}
		a, b = a[da:], b[db:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

// digits is the length of the number that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
