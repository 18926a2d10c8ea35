// Package config reads experiments: HCL in, an experiment.Experiment out.
//
// Whatever is wrong with a file is a diagnostic that says where, what, and
// how to mend it, and all of a file's mistakes are reported at once. A value
// that could not be computed is unknown from there on, and nothing is said
// about what follows from it.
//
// The package refuses to guess: an attribute it does not know is an error, a
// pattern that matches nothing is an error, an axis without values is an
// error. It never builds, starts or connects to anything; of the functions
// it only looks whether they are there. And it refuses to be kept busy: the
// size of a file, the depth of an expression and the work and memory that
// expressions take are bounded, so that a slip such as a loop in a loop in a
// loop is a message too.
package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/zclconf/go-cty/cty"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// Language is what files may speak of beyond the words of this package.
type Language struct {
	// Backends gives new, empty options for each type of backend. They must
	// be pointers to structs with hcl field tags.
	Backends map[string]func() backends.Options
	// CheckFunction takes a look at a function's files without building
	// them. Its error is shown at the function's source. It may be nil.
	CheckFunction func(experiment.Function) error
}

// Inputs are values for a file's variables. Later ones win over earlier
// ones, and Vars over VarFiles.
type Inputs struct {
	Vars     []string // name=value, as on the command line
	VarFiles []string // HCL files of attributes
}

// Load reads one experiment. The experiment is nil if and only if the
// problems have errors.
func (l Language) Load(file string, in Inputs) (*experiment.Experiment, Problems) {
	ld := l.loader(file)
	return ld.finish(ld.load(in))
}

func (l Language) loader(file string) *loader {
	return &loader{
		lang: l, file: file, budget: newBudget(), files: map[string]*hcl.File{},
		repeats: map[string]string{}, contents: map[string]string{}, named: map[string]bool{},
		sources: map[string]hcl.Range{},
	}
}

// finish gives what was loaded, unless there is anything wrong with it.
func (ld *loader) finish(x *experiment.Experiment) (*experiment.Experiment, Problems) {
	ld.nothingUnknown()
	ps := Problems{Diagnostics: tidy(ld.diags, ld.file), Files: ld.files}
	if ps.HasErrors() {
		return nil, ps
	}
	return x, ps
}

type loader struct {
	lang   Language
	file   string
	dir    string // of the file, absolute
	budget *budget
	ctx    *hcl.EvalContext
	files  map[string]*hcl.File
	diags  hcl.Diagnostics

	sources map[string]hcl.Range // where each function says what it is made of

	// repeats are the texts made so far by repeating one, and contents those
	// of the files of requests and answers, by their paths. Each is held once,
	// however many inputs share it; all is how many bytes each kind has.
	repeats, contents map[string]string
	allRepeated       int64
	allContents       int64
	// named are the files that the experiment reads, as it calls them.
	named map[string]bool

	// blurred says that a block was not understood or could not be expanded,
	// so that nobody knows which blocks the file should have.
	blurred bool
	// unknown is the first place that needed a value nobody could compute,
	// and misses how many places did.
	unknown *hcl.Range
	misses  int

	// look is told of each body that is taken apart, and of what may stand in
	// it. It is nil but for the test that makes files of every attribute.
	look func(hcl.Body, *hcl.BodySchema)
}

// trouble counts what has gone wrong: what was reported, and what could not
// be computed because of something that was reported elsewhere. As long as it
// stays the same, what has been decoded is sound. Nothing may be concluded
// from what is not, nor said about it.
func (ld *loader) trouble() int { return len(ld.diags) + ld.misses }

// nothingUnknown makes sure that no experiment is made of unknown values.
// Each has been reported where it came from, unless a call of try or can
// took the error for its own.
func (ld *loader) nothingUnknown() {
	switch {
	case ld.diags.HasErrors() && len(tidy(slices.Clone(ld.diags), ld.file)) > 0:
	case ld.budget.work == 0:
		ld.add(hcl.Diagnostics{ld.budget.diagnostic(tooMuchWork, start(ld.file))})
	case ld.unknown != nil:
		ld.errorf(*ld.unknown, "Unknown value", "This value can't be computed.")
	}
}

var rootSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "experiment", LabelNames: []string{"name"}},
	{Type: "variable", LabelNames: []string{"name"}},
	{Type: "locals"},
	{Type: "function", LabelNames: []string{"name"}},
	{Type: "backend", LabelNames: []string{"type", "name"}},
	{Type: "matrix"},
	{Type: "run"},
	{Type: "energy"},
	{Type: "reference", LabelNames: []string{"name"}},
	{Type: "threshold", LabelNames: []string{"name"}},
}}

// staticBlocks cannot come from dynamic blocks, because the values that a
// dynamic block is made from come from them.
var staticBlocks = map[string]bool{"experiment": true, "variable": true, "locals": true}

func (ld *loader) load(in Inputs) *experiment.Experiment {
	src, ok := ld.read(ld.file)
	if !ok {
		return nil
	}
	body, ok := ld.parse(src, ld.file)
	if !ok {
		return nil
	}
	if len(body.Blocks) == 0 && len(body.Attributes) == 0 {
		ld.noExperiment()
		return nil
	}
	dir, err := filepath.Abs(filepath.Dir(ld.file))
	if err != nil {
		ld.errorf(start(ld.file), "Folder not found", "The folder of %s can't be determined: %s.", ld.file, err)
		return nil
	}
	ld.dir = dir

	x := &experiment.Experiment{File: ld.file, Source: src}
	x.Variables = ld.scope(body, in)

	expanded := dynblock.Expand(body, ld.ctx, dynblock.OptCheckForEach(ld.checkForEach))
	content, ok := ld.content(expanded, rootSchema)
	// A block that was not understood may be one that is missing now.
	ld.blurred = ld.blurred || !ok
	blocks := content.Blocks.ByType()
	ld.experiment(x, blocks["experiment"])
	axes := &axes{}
	x.Functions = ld.functions(blocks["function"], axes)
	x.Backends = ld.backends(blocks["backend"], axes)
	x.Run = ld.run(blocks["run"])
	x.Energy = ld.energy(blocks["energy"])
	x.References = ld.references(blocks["reference"])
	x.Matrix = ld.matrix(blocks["matrix"], axes, x)
	ld.judge(x)
	x.Thresholds = ld.thresholds(blocks["threshold"], axes, x)
	x.Files = slices.Sorted(maps.Keys(ld.named))
	return x
}

const minimal = `A small file that works:

  experiment "first" {}

  function "hello" {
    source = "functions/hello"
  }

  backend "wazero" "wasm" {}
`

func (ld *loader) noExperiment() {
	ld.errorf(start(ld.file), "No experiment", "The file has no experiment block. %s", minimal)
}

func (ld *loader) experiment(x *experiment.Experiment, blocks hcl.Blocks) {
	if len(blocks) == 0 && !ld.blurred {
		ld.noExperiment()
	}
	for i, b := range blocks {
		if i > 0 {
			ld.errorf(b.DefRange, "Second experiment", "A file holds one experiment; the first is at %s. Put the second one into a file of its own.", place(blocks[0].DefRange))
		}
		name := b.Labels[0]
		if !identifier(name, "._-") {
			ld.errorf(b.LabelRanges[0], "Invalid experiment name", "%s can't be a name: runs are stored in a folder that is called like the experiment. Use up to 64 letters (a-z), digits, '.', '_' and '-', the first of them a letter or digit.", quote(name))
		}
		attrs, _ := ld.attributes(b.Body, "description")
		x.Name = name
		x.Description, _ = ld.text(attrs["description"])
	}
}

// content takes a body apart. It reports whether all of it was understood:
// otherwise what is missing may be there under another name.
func (ld *loader) content(body hcl.Body, schema *hcl.BodySchema) (*hcl.BodyContent, bool) {
	content, diags := body.Content(schema)
	ld.add(explain(diags, schema))
	if ld.look != nil {
		ld.look(body, schema)
	}
	return content, len(diags) == 0
}

// attributes takes a body apart that holds nothing but the named attributes.
func (ld *loader) attributes(body hcl.Body, names ...string) (hcl.Attributes, bool) {
	content, ok := ld.content(body, attributeSchema(names...))
	return content.Attributes, ok
}

func attributeSchema(names ...string) *hcl.BodySchema {
	s := &hcl.BodySchema{}
	for _, n := range names {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: n})
	}
	return s
}

// onlyOne reports every block but the first of a type that a file may have
// once.
func (ld *loader) onlyOne(blocks hcl.Blocks) {
	for i, b := range blocks {
		if i > 0 {
			ld.errorf(b.DefRange, "Second "+b.Type+" block", "A file has at most one %s block; the first is at %s. Merge the two.", b.Type, place(blocks[0].DefRange))
		}
	}
}

// checkForEach is asked for each dynamic block before it is expanded.
func (ld *loader) checkForEach(v cty.Value, expr hcl.Expression, _ *hcl.EvalContext) hcl.Diagnostics {
	v, _ = v.Unmark()
	if !v.IsWhollyKnown() {
		// An earlier error, which has been reported.
		ld.blurred = true
		ld.missed(expr.Range())
		return hcl.Diagnostics{silent(expr.Range())}
	}
	if v.IsNull() || !v.CanIterateElements() {
		ld.blurred = true // dynblock says why
		return nil
	}
	// A block costs far more than the value that it comes from.
	if why := ld.budget.spend(100 * v.LengthInt()); why != "" {
		ld.blurred = true
		return hcl.Diagnostics{ld.budget.diagnostic(why, expr.Range())}
	}
	return nil
}

func (ld *loader) missed(at hcl.Range) {
	ld.misses++
	if ld.unknown == nil {
		ld.unknown = &at
	}
}

// identifier reports whether s is 1 to 64 ASCII letters, digits and
// characters of others, and starts with a letter or digit.
func identifier(s, others string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}
