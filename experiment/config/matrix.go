package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/nebula-bench/nebula/experiment"
)

// axes are the names that patterns of the matrix may match.
type axes struct {
	function, input, backend axis
	vague                    bool // the starts asked for are not known
}

// axis is the names along one axis.
type axis struct {
	names []string
	vague bool // there are more, but a mistake hides them
}

// Limits on what a plan has to go through.
const (
	maxCells    = 1_000_000
	maxMatching = 20_000_000 // cells × patterns
)

var ruleNames = []string{"function", "input", "backend", "start"}

var matrixSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "include"}, {Type: "exclude"}}}

func (ld *loader) matrix(blocks hcl.Blocks, ax *axes, x *experiment.Experiment) experiment.Matrix {
	ld.onlyOne(blocks)
	before := ld.trouble()
	var m experiment.Matrix
	patterns := 0
	for _, b := range blocks {
		content, _ := ld.content(b.Body, matrixSchema)
		for _, rb := range content.Blocks {
			r := ld.rule(rb, ax)
			patterns += 1 + len(r.Function) + len(r.Input) + len(r.Backend) + len(r.Start)
			if rb.Type == "include" {
				m.Include = append(m.Include, r)
			} else {
				m.Exclude = append(m.Exclude, r)
			}
		}
	}
	vague := ld.blurred || ax.vague || ax.function.vague || ax.input.vague || ax.backend.vague
	if vague || ld.trouble() > before {
		return m
	}
	x.Matrix = m
	at := start(ld.file)
	if len(blocks) > 0 {
		at = blocks[0].DefRange
	}
	switch n := cells(x); {
	case n > maxCells:
		ld.errorf(at, "Too many cells", "Functions, inputs, backends and starts make %d combinations; a plan has at most %d. Use fewer, or several files.", n, maxCells)
	case n*patterns > maxMatching:
		ld.errorf(at, "Matrix too large", "The matrix has %d patterns to compare with %d combinations. Use fewer, with * for parts of names.", patterns, n)
	case len(blocks) > 0 && n > 0 && !anyLeft(x, func(experiment.Cell) bool { return true }):
		ld.errorf(at, "Empty matrix", "These rules leave no combination of function, input, backend and start. Rules of include add to each other; every rule of exclude takes away.")
	}
	return m
}

// cells counts combinations, and stops counting far above the limit.
func cells(x *experiment.Experiment) int {
	inputs, starts := 0, 0
	for _, f := range x.Functions {
		inputs += len(f.Inputs)
	}
	for _, b := range x.Backends {
		starts += len(startsOf(b))
	}
	return inputs * starts
}

func startsOf(b experiment.Backend) []experiment.Start {
	if len(b.Starts) == 0 {
		return experiment.Starts
	}
	return b.Starts
}

// anyLeft reports whether the rules leave a cell that is wanted, as far as the
// file tells: which starts a backend has is not known here.
func anyLeft(x *experiment.Experiment, wanted func(experiment.Cell) bool) bool {
	for _, f := range x.Functions {
		for _, in := range f.Inputs {
			for _, b := range x.Backends {
				for _, s := range startsOf(b) {
					c := experiment.Cell{Function: f.Name, Input: in.Name, Backend: b.Name(), Start: s}
					if wanted(c) && keeps(x.Matrix, c) {
						return true
					}
				}
			}
		}
	}
	return false
}

func keeps(m experiment.Matrix, c experiment.Cell) bool {
	matches := func(r experiment.Rule) bool { return r.Matches(c) }
	return (len(m.Include) == 0 || slices.ContainsFunc(m.Include, matches)) && !slices.ContainsFunc(m.Exclude, matches)
}

func (ld *loader) rule(b *hcl.Block, ax *axes) experiment.Rule {
	attrs, ok := ld.attributes(b.Body, ruleNames...)
	return ld.ruleOf(attrs, ok, ax, b.DefRange, b.Type)
}

// ruleOf decodes a rule, which stands at a place and is there to do something
// to cells. all says that it has no other attributes.
func (ld *loader) ruleOf(attrs hcl.Attributes, all bool, ax *axes, at hcl.Range, do string) experiment.Rule {
	r := experiment.Rule{Where: place(at)}
	given := false
	patterns := func(name string, a axis) []string {
		ps, st := ld.patterns(attrs[name], a)
		given = given || st != unset
		return ps
	}
	r.Function = patterns("function", ax.function)
	r.Input = patterns("input", ax.input)
	r.Backend = patterns("backend", ax.backend)
	r.Start = patterns("start", axis{names: startNames()})
	if !given && all {
		ld.errorf(at, "Rule without a pattern", "It would match everything. Say what to %s by %s.", do, list(ruleNames))
	}
	return r
}

// patterns reads one pattern or a list of them. Each must match a name.
func (ld *loader) patterns(attr *hcl.Attribute, a axis) ([]string, state) {
	items, st := ld.texts(attr, "a pattern or a list of patterns, such as \"fib*\" or [\"a\", \"b\"]", true)
	if st != set {
		return nil, st
	}
	if len(items) == 0 {
		ld.errorf(attr.Expr.Range(), "No patterns", "The list is empty, so nothing would match. Remove the attribute to match every %s.", attr.Name)
		return nil, failed
	}
	patterns := make([]string, 0, len(items))
	for _, i := range items {
		patterns = append(patterns, i.text)
		// Comparing costs time too: the names may be many.
		if why := ld.budget.spend(len(a.names)); why != "" {
			ld.add(hcl.Diagnostics{ld.budget.diagnostic(why, i.at)})
			return nil, failed
		}
		matches := func(name string) bool { return experiment.Match(i.text, name) }
		if a.vague || ld.blurred || slices.ContainsFunc(a.names, matches) {
			continue
		}
		ld.errorf(i.at, "Pattern without a match", "No %s is called %s.%s%s", attr.Name, quote(i.text), ld.didYouMean(strings.ReplaceAll(i.text, "*", ""), a.names), theNames(a.names))
	}
	return patterns, set
}

func theNames(names []string) string {
	const most = 8
	if len(names) == 0 || len(names) > most {
		return ""
	}
	names = slices.Compact(slices.Clone(names))
	if len(names) == 1 {
		return " There is " + strings.TrimSpace(list(names)) + "."
	}
	return " There are " + strings.TrimSpace(listAll(names)) + "."
}
