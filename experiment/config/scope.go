package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// scope makes everything that the file's expressions may refer to, and
// returns the variables as JSON.
func (ld *loader) scope(body *hclsyntax.Body, in Inputs) map[string]string {
	content, _, diags := body.PartialContent(rootSchema)
	ld.add(diags)
	blocks := content.Blocks.ByType()
	locals := ld.localAttributes(blocks["locals"])
	n := names{vars: map[string]bool{}, locals: map[string]bool{}}
	for _, b := range blocks["variable"] {
		n.vars[b.Labels[0]] = true
	}
	for name := range locals {
		n.locals[name] = true
	}
	n.sortedVars, n.sortedLocals = slices.Sorted(maps.Keys(n.vars)), slices.Sorted(maps.Keys(n.locals))
	ld.ctx = &hcl.EvalContext{Functions: ld.functionTable()}
	ld.checkBody(body, n, nil, "")
	vars := ld.variables(blocks["variable"], in)
	ld.ctx.Variables = map[string]cty.Value{"var": cty.ObjectVal(vars)}
	ld.ctx.Variables["local"] = cty.ObjectVal(ld.locals(blocks["locals"]))
	return ld.asJSON(vars, blocks["variable"])
}

func (ld *loader) asJSON(vars map[string]cty.Value, blocks hcl.Blocks) map[string]string {
	out := map[string]string{}
	for _, b := range blocks {
		v := vars[b.Labels[0]]
		if !v.IsWhollyKnown() {
			continue // reported
		}
		text, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			ld.errorf(b.DefRange, "Unsuitable variable", "The value can't be written down as JSON: %s.", err)
			continue
		}
		out[b.Labels[0]] = string(text)
	}
	return out
}

// names are what expressions may refer to.
type names struct {
	vars, locals             map[string]bool
	sortedVars, sortedLocals []string
}

// checkBody checks every reference and call in a body before anything is
// evaluated, so that each mistake is reported once, also where it stands in
// a loop or in a branch that is not taken. An expression with a mistake
// becomes an unknown value; every other one gets its guard.
//
// It changes the tree, and holds for the bodies of blocks within.
func (ld *loader) checkBody(body *hclsyntax.Body, n names, iterators []string, block string) {
	for _, name := range inOrder(body.Attributes, func(a *hclsyntax.Attribute) hcl.Range { return a.NameRange }) {
		if block == "variable" && name == "type" {
			continue // not an expression: the words in it are types
		}
		if block == "threshold" && name == "assert" {
			ld.checkAssert(body.Attributes[name], n, iterators)
			continue
		}
		ld.checkExpr(body.Attributes[name], n, iterators, block == "variable")
	}
	for _, b := range body.Blocks {
		switch {
		case block == "" && b.Type == "variable":
			ld.checkBody(b.Body, n, nil, "variable")
		case b.Type == "dynamic" && len(b.Labels) == 1:
			if block == "" && staticBlocks[b.Labels[0]] {
				ld.errorf(b.LabelRanges[0], "Not a dynamic block", "Blocks of type %q can't be dynamic: everything else depends on them. Write them out.", b.Labels[0])
			}
			ld.checkDynamic(b, n, iterators)
		default:
			ld.checkBody(b.Body, n, iterators, b.Type)
		}
	}
}

// inOrder gives the names of attributes in the order of the file. What is
// said about them, and what they may still take, must not hang on a map's.
func inOrder[A any](attrs map[string]A, at func(A) hcl.Range) []string {
	return slices.SortedFunc(maps.Keys(attrs), func(a, b string) int {
		return at(attrs[a]).Start.Byte - at(attrs[b]).Start.Byte
	})
}

func nameRange(a *hcl.Attribute) hcl.Range { return a.NameRange }

func (ld *loader) checkDynamic(b *hclsyntax.Block, n names, iterators []string) {
	attrs := b.Body.Attributes
	if attr := attrs["for_each"]; attr != nil {
		ld.checkExpr(attr, n, iterators, false)
	}
	// Without its iterator or its labels nobody knows the blocks.
	noBlocks := func() {
		if attr := attrs["for_each"]; attr != nil {
			attr.Expr = unknownExpr(attr.Expr)
		}
	}
	iterator := b.Labels[0]
	if attr := attrs["iterator"]; attr != nil {
		if iterator = ld.checkIterator(attr); iterator == "" {
			delete(attrs, "iterator")
			noBlocks()
			return
		}
	}
	if !hclsyntax.ValidIdentifier(iterator) {
		return // no type of block has such a name, and that is reported
	}
	inner := append(iterators[:len(iterators):len(iterators)], iterator)
	if attr := attrs["labels"]; attr != nil {
		if !ld.checkExpr(attr, n, inner, false) {
			noBlocks()
		}
		ld.followLabels(attr)
	}
	for _, content := range b.Body.Blocks {
		ld.checkBody(content.Body, n, inner, b.Labels[0])
	}
}

// checkIterator gives the name that a dynamic block's content has for an
// element; empty: nobody knows. A name in quotes is a mistake, but the name
// is known all the same.
func (ld *loader) checkIterator(attr *hclsyntax.Attribute) string {
	if name := hcl.ExprAsKeyword(attr.Expr); name != "" {
		return name
	}
	at := attr.Expr.Range()
	name := "size"
	t, ok := attr.Expr.(*hclsyntax.TemplateExpr)
	if ok = ok && t.IsStringLiteral(); ok {
		v, _ := t.Value(nil)
		if ok = hclsyntax.ValidIdentifier(v.AsString()); ok {
			name = v.AsString()
		}
	}
	ld.errorf(at, "Iterator is not a name", "An iterator is a new name for the element, without quotes: iterator = %[1]s; then %[1]s.key and %[1]s.value have meaning in the labels and the content.", name)
	if !ok {
		return ""
	}
	attr.Expr = &hclsyntax.ScopeTraversalExpr{Traversal: hcl.Traversal{hcl.TraverseRoot{Name: name, SrcRange: at}}, SrcRange: at}
	return name
}

// followLabels makes labels that can't be computed follow from the error that
// they come from.
func (ld *loader) followLabels(attr *hclsyntax.Attribute) {
	expr := attr.Expr
	if g, ok := expr.(guarded); ok {
		expr = g.Expression
	}
	if list, ok := expr.(*hclsyntax.TupleConsExpr); ok {
		for i, e := range list.Exprs {
			list.Exprs[i] = label{e, ld}
		}
	}
}

// label is an expression that is a block's label.
type label struct {
	hclsyntax.Expression
	ld *loader
}

// Value implements hcl.Expression.
func (l label) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := l.Expression.Value(ctx)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		l.ld.blurred = true
		l.ld.missed(l.Range())
		diags = append(diags, silent(l.Range()))
	}
	return v, diags
}

// checkExpr checks one expression, and reports whether it may be evaluated.
func (ld *loader) checkExpr(attr *hclsyntax.Attribute, n names, iterators []string, constant bool) bool {
	before := len(ld.diags)
	for _, t := range attr.Expr.Variables() {
		if constant {
			ld.errorf(t.SourceRange(), "Variable is not constant", "The value of a variable is fixed before anything else, so it can't refer to other values. Use locals for what is computed: they may refer to variables.")
			continue
		}
		ld.checkReference(t, n, iterators)
	}
	_ = hclsyntax.VisitAll(attr.Expr, func(node hclsyntax.Node) hcl.Diagnostics {
		switch node := node.(type) {
		case *hclsyntax.FunctionCallExpr:
			ld.checkCall(node)
		case *hclsyntax.ScopeTraversalExpr:
			ld.checkIndexes(node.Traversal)
		case *hclsyntax.RelativeTraversalExpr:
			ld.checkIndexes(node.Traversal)
		}
		return nil
	})
	if len(ld.diags) > before {
		attr.Expr = unknownExpr(attr.Expr)
		return false
	}
	attr.Expr = ld.budget.guard(attr.Expr)
	return true
}

func unknownExpr(e hclsyntax.Expression) hclsyntax.Expression {
	return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: e.Range()}
}

func (ld *loader) checkCall(call *hclsyntax.FunctionCallExpr) {
	if _, ok := ld.ctx.Functions[call.Name]; ok {
		return
	}
	hint := ld.didYouMean(call.Name, slices.Sorted(maps.Keys(ld.ctx.Functions)))
	if hint == "" {
		hint = " The functions are those of Terraform that need nothing but their arguments."
	}
	ld.errorf(call.NameRange, "Unknown function", "There is no function %s.%s", quote(call.Name), hint)
}

// checkIndexes refuses keys that would be taken for huge numbers.
func (ld *loader) checkIndexes(t hcl.Traversal) {
	for _, step := range t {
		i, ok := step.(hcl.TraverseIndex)
		if ok && i.Key.Type() == cty.String && !reasonable(i.Key.AsString()) {
			ld.errorf(i.SrcRange, outOfRange, "Numbers have at most 400 digits and exponents at most 3.")
		}
	}
}

// checkReference checks that a traversal starts with a name that exists.
func (ld *loader) checkReference(t hcl.Traversal, n names, iterators []string) {
	root := t.RootName()
	var known, other map[string]bool
	var sorted []string
	what, otherRoot := "variable", "local"
	switch root {
	case "var":
		known, other, sorted = n.vars, n.locals, n.sortedVars
	case "local":
		known, other, sorted = n.locals, n.vars, n.sortedLocals
		what, otherRoot = "local value", "var"
	default:
		if !slices.Contains(iterators, root) {
			ld.unknownRoot(t, n, iterators)
		}
		return
	}
	if slices.Contains(iterators, root) {
		return
	}
	name, step, ok := firstName(t)
	if !ok {
		ld.errorf(t.SourceRange(), "Incomplete reference", "After %s comes a dot and a name: %s.%s.", root, root, slices.Concat(sorted, []string{"name"})[0])
		return
	}
	if known[name] {
		return
	}
	hint, near := "", ""
	if !ld.lost() {
		near = nearest(name, sorted)
	}
	switch {
	case other[name]:
		hint = fmt.Sprintf(" Did you mean %s.%s?", otherRoot, name)
	case near != "":
		hint = fmt.Sprintf(" Did you mean %s.%s?", root, near)
	case root == "var":
		hint = fmt.Sprintf(" Declare it: variable %q {}.", name)
	default:
		hint = fmt.Sprintf(" Declare it in a locals block: %s = ….", name)
	}
	ld.errorf(hcl.RangeBetween(t[0].SourceRange(), step), "Unknown "+what, "There is no %s %s.%s", what, quote(name), hint)
}

// firstName gives the name right behind the root of a traversal: of var.x.y
// it is x.
func firstName(t hcl.Traversal) (string, hcl.Range, bool) {
	if len(t) < 2 {
		return "", hcl.Range{}, false
	}
	attr, ok := t[1].(hcl.TraverseAttr)
	return attr.Name, attr.SrcRange, ok
}

func (ld *loader) unknownRoot(t hcl.Traversal, n names, iterators []string) {
	root := t.RootName()
	hint := ""
	switch near := nearest(root, append([]string{"var", "local"}, iterators...)); {
	case n.vars[root]:
		hint = fmt.Sprintf(" Did you mean var.%s?", root)
	case n.locals[root]:
		hint = fmt.Sprintf(" Did you mean local.%s?", root)
	case near != "":
		hint = fmt.Sprintf(" Did you mean %s?", near)
	case len(t) == 1:
		hint = fmt.Sprintf(" If it is meant as text, put it in quotes: %q.", root)
	}
	ld.errorf(t.SourceRange(), "Unknown name", "There is nothing called %s here. Expressions may refer to var.… and local.…%s.%s", quote(root), loops(iterators), hint)
}

func loops(iterators []string) string {
	if len(iterators) == 0 {
		return ""
	}
	return ", and to the dynamic block's " + strings.Join(iterators, ", ")
}

// variables are the variable blocks by name.
type variables map[string]*variable

// variable is one variable block.
type variable struct {
	block    *hcl.Block
	unsound  bool     // a mistake hides what it is: its value is unknown, whatever is given
	typ      cty.Type // NilType where the block does not say
	defaults *typeexpr.Defaults
	def      cty.Value // NilVal where there is none
}

func (ld *loader) variables(blocks hcl.Blocks, in Inputs) map[string]cty.Value {
	declared := variables{}
	vars := map[string]cty.Value{}
	for _, b := range blocks {
		name := b.Labels[0]
		if first := declared[name]; first != nil {
			ld.errorf(b.LabelRanges[0], "Duplicate variable", "There is a variable %s at %s already. Rename one of them.", quote(name), place(first.block.LabelRanges[0]))
			continue
		}
		if !hclsyntax.ValidIdentifier(name) {
			ld.errorf(b.LabelRanges[0], "Invalid variable name", "%s can't be written as var.NAME. Use letters, digits and '_', the first of them a letter.", quote(name))
		}
		declared[name] = ld.variable(b)
	}
	all := ld.givenByFiles(in.VarFiles, declared, vars)
	all = ld.givenByFlags(in.Vars, declared, vars) && all
	for name, v := range declared {
		if _, ok := vars[name]; ok {
			continue
		}
		vars[name] = v.def
		switch {
		case v.unsound || !all:
			vars[name] = cty.DynamicVal
		case v.def == cty.NilVal:
			vars[name] = cty.DynamicVal
			ld.errorf(v.block.DefRange, "Variable without a value", "The variable %s has no default. Give it a value with --var %s=… or add: default = ….", quote(name), name)
		}
	}
	return vars
}

func (ld *loader) variable(b *hcl.Block) *variable {
	attrs, ok := ld.attributes(b.Body, "default", "description", "type")
	ld.text(attrs["description"])
	v := &variable{block: b, unsound: !ok}
	if a := attrs["type"]; a != nil {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		ld.add(diags)
		v.typ, v.defaults = ty, defaults
		v.unsound = v.unsound || diags.HasErrors()
	}
	if a := attrs["default"]; a != nil {
		def, diags := a.Expr.Value(ld.ctx)
		ld.add(diags)
		v.def = ld.convert(v, def, a.Expr.Range())
		v.unsound = v.unsound || !v.def.IsWhollyKnown()
	}
	return v
}

// convert brings a value to the variable's type: the one it says, or else
// that of its default where that is text, a number or a bool.
func (ld *loader) convert(v *variable, val cty.Value, at hcl.Range) cty.Value {
	if v.unsound || !val.IsWhollyKnown() {
		return cty.DynamicVal // said already
	}
	want := v.typ
	if want == cty.NilType {
		want = cty.DynamicPseudoType
		if v.hasDefault() && v.def.Type().IsPrimitiveType() {
			want = v.def.Type()
		}
		if v.hasDefault() && kind(v.def.Type()) != kind(val.Type()) && !want.IsPrimitiveType() {
			ld.errorf(at, "Unsuitable value", "The variable %s has %s as its default, so its value can't be %s. Set its type if it may be anything: type = any.", quote(v.block.Labels[0]), article(v.def.Type()), article(val.Type()))
			return cty.DynamicVal
		}
	}
	if v.defaults != nil && !val.IsNull() {
		val = v.defaults.Apply(val)
	}
	out, err := convert.Convert(val, want)
	if err != nil {
		ld.errorf(at, "Unsuitable value", "The variable %s is %s, but this is %s: %s.", quote(v.block.Labels[0]), article(want), article(val.Type()), err)
		return cty.DynamicVal
	}
	return out
}

func (v *variable) hasDefault() bool {
	return v.def != cty.NilVal && v.def.IsWhollyKnown() && !v.def.IsNull()
}

// kind tells lists from objects and from the rest.
func kind(ty cty.Type) string {
	switch {
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return "list"
	case ty.IsObjectType() || ty.IsMapType():
		return "object"
	}
	return ty.FriendlyName()
}

func article(ty cty.Type) string {
	name := ty.FriendlyName()
	switch {
	case ty.IsTupleType():
		name = "list"
	case ty == cty.DynamicPseudoType:
		return "null"
	}
	if strings.IndexByte("aeiou", name[0]) >= 0 {
		return "an " + name
	}
	return "a " + name
}

// unknownVariable reports a value for a variable that does not exist. It may
// be meant for one that does, whose value nobody knows then.
func (ld *loader) unknownVariable(name string, at hcl.Range, declared variables, vars map[string]cty.Value) {
	hint := ""
	if !ld.lost() {
		names := slices.Sorted(maps.Keys(declared))
		near := nearest(name, names)
		if hint = didYouMean(name, names); hint == "" {
			hint = fmt.Sprintf(" It has %s.", orNone(listAll(names)))
		}
		if _, given := vars[near]; near != "" && !given {
			vars[near] = cty.DynamicVal
		}
	}
	ld.errorf(at, "Unknown variable", "%s has no variable %s.%s", ld.file, quote(name), hint)
}

func orNone(s string) string {
	if s == "" {
		return "none at all"
	}
	return s
}

// givenByFiles reads files of attributes, one per variable. It reports whether
// it has understood all of them.
func (ld *loader) givenByFiles(files []string, declared variables, vars map[string]cty.Value) bool {
	all := true
	for _, file := range files {
		src, ok := ld.read(file)
		var body *hclsyntax.Body
		if ok {
			body, ok = ld.parse(src, file)
		}
		if !ok {
			all = false
			continue
		}
		for _, name := range inOrder(body.Attributes, func(a *hclsyntax.Attribute) hcl.Range { return a.NameRange }) {
			ld.checkExpr(body.Attributes[name], names{}, nil, true)
		}
		attrs, diags := body.JustAttributes()
		ld.add(diags)
		all = all && len(diags) == 0
		for _, name := range inOrder(attrs, nameRange) {
			v, a := declared[name], attrs[name]
			if v == nil {
				ld.unknownVariable(name, a.NameRange, declared, vars)
				continue
			}
			val, diags := a.Expr.Value(&hcl.EvalContext{Functions: ld.ctx.Functions})
			ld.add(diags)
			vars[name] = ld.convert(v, val, a.Expr.Range())
		}
	}
	return all
}

// flagsFile is what the values of --var are called in messages, as if they
// stood in a file with a line for each.
const flagsFile = "--var"

// givenByFlags reads name=value, one per variable. It reports whether it has
// understood all of them.
func (ld *loader) givenByFlags(flags []string, declared variables, vars map[string]cty.Value) bool {
	if len(flags) == 0 {
		return true
	}
	src := []byte(strings.Join(flags, "\n"))
	if !ld.checkText(src, flagsFile) {
		return false
	}
	all := true
	ld.files[flagsFile] = &hcl.File{Bytes: src}
	pos := hcl.InitialPos
	for _, flag := range flags {
		end := advance(pos, flag)
		whole := hcl.Range{Filename: flagsFile, Start: pos, End: end}
		name, text, ok := strings.Cut(flag, "=")
		at := hcl.Range{Filename: flagsFile, Start: advance(pos, name+"="), End: end}
		switch v := declared[name]; {
		case !ok:
			ld.errorf(whole, "Not a variable's value", "%s is not of the form name=value.", quote(flag))
			all = false
		case v == nil:
			ld.unknownVariable(name, hcl.Range{Filename: flagsFile, Start: pos, End: advance(pos, name)}, declared, vars)
		default:
			vars[name] = ld.given(v, text, at)
		}
		pos = hcl.Pos{Line: end.Line + 1, Column: 1, Byte: end.Byte + 1}
	}
	return all
}

func advance(p hcl.Pos, text string) hcl.Pos {
	p.Byte += len(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		p.Line += strings.Count(text, "\n")
		p.Column = 1
		text = text[i+1:]
	}
	p.Column += len([]rune(text))
	return p
}

// given makes a value from the text behind --var name=. Text for a variable
// of type string is taken as it is; so is any where nothing tells the type.
func (ld *loader) given(v *variable, text string, at hcl.Range) cty.Value {
	if v.unsound {
		return cty.DynamicVal
	}
	want := v.typ
	if want == cty.NilType && v.hasDefault() {
		want = v.def.Type()
	}
	if want == cty.NilType || want.IsPrimitiveType() {
		// "30" becomes a number by conversion, as in Terraform.
		if want == cty.Number && !reasonable(text) {
			ld.errorf(at, outOfRange, "Numbers have at most 400 digits and exponents at most 3.")
			return cty.DynamicVal
		}
		return ld.convert(v, cty.StringVal(text), at)
	}
	tokens, _ := hclsyntax.LexExpression([]byte(text), flagsFile, at.Start)
	if d := checkDepth(tokens); d != nil {
		ld.add(hcl.Diagnostics{d})
		return cty.DynamicVal
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), flagsFile, at.Start)
	ld.add(diags)
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	attr := &hclsyntax.Attribute{Expr: expr}
	ld.checkExpr(attr, names{}, nil, true)
	val, diags := attr.Expr.Value(&hcl.EvalContext{Functions: ld.ctx.Functions})
	ld.add(diags)
	return ld.convert(v, val, at)
}

// localAttributes collects the attributes of all locals blocks. Of two with
// one name the first counts.
func (ld *loader) localAttributes(blocks hcl.Blocks) hcl.Attributes {
	all := hcl.Attributes{}
	for _, b := range blocks {
		attrs, diags := b.Body.JustAttributes()
		ld.add(diags)
		for name, a := range attrs {
			if _, ok := all[name]; !ok {
				all[name] = a
			}
		}
	}
	return all
}

// locals evaluates local values, each after those that it refers to.
func (ld *loader) locals(blocks hcl.Blocks) map[string]cty.Value {
	r := &resolver{ld: ld, attrs: hcl.Attributes{}, values: map[string]cty.Value{}, index: map[string]int{}}
	var order []string
	for _, b := range blocks {
		// Once more, because the references have been checked since.
		attrs, _ := b.Body.JustAttributes()
		for _, name := range inOrder(attrs, nameRange) {
			if first := r.attrs[name]; first != nil {
				ld.errorf(attrs[name].NameRange, "Duplicate local value", "There is a local value %s at %s already. Rename one of them.", quote(name), place(first.NameRange))
				continue
			}
			r.attrs[name] = attrs[name]
			order = append(order, name)
		}
	}
	for _, name := range order {
		r.resolve(name)
	}
	return r.values
}

type resolver struct {
	ld     *loader
	attrs  hcl.Attributes
	values map[string]cty.Value
	path   []string       // the names that are being resolved, outermost first
	index  map[string]int // of a name in path, counted from 1
}

func (r *resolver) resolve(name string) cty.Value {
	if v, ok := r.values[name]; ok {
		return v
	}
	if i := r.index[name]; i > 0 {
		r.cycle(r.path[i-1:])
		return cty.DynamicVal
	}
	r.path = append(r.path, name)
	r.index[name] = len(r.path)
	needed := map[string]cty.Value{}
	attr := r.attrs[name]
	for _, t := range attr.Expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		dep, _, _ := firstName(t) // checkReference saw to it
		needed[dep] = r.resolve(dep)
	}
	r.path = r.path[:len(r.path)-1]
	delete(r.index, name)
	if v, ok := r.values[name]; ok {
		return v // part of a cycle
	}
	v, diags := attr.Expr.Value(&hcl.EvalContext{
		Variables: map[string]cty.Value{"var": r.ld.ctx.Variables["var"], "local": cty.ObjectVal(needed)},
		Functions: r.ld.ctx.Functions,
	})
	r.ld.add(diags)
	if diags.HasErrors() {
		v = cty.DynamicVal
	}
	r.values[name] = v
	return v
}

// cycle reports names that need each other, at the first one.
func (r *resolver) cycle(path []string) {
	var b strings.Builder
	for _, n := range path {
		r.values[n] = cty.DynamicVal
		fmt.Fprintf(&b, "local.%s → ", n)
	}
	b.WriteString("local." + path[0])
	r.ld.errorf(r.attrs[path[0]].NameRange, "Local values in a cycle", "Each of these needs the next one: %s. Break the circle.", b.String())
}
