package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/nebula-bench/nebula/experiment"
)

var thresholdSchema = func() *hcl.BodySchema {
	s := attributeSchema("metric", "assert", "where")
	s.Blocks = []hcl.BlockHeaderSchema{{Type: "where"}}
	return s
}()

func (ld *loader) thresholds(blocks hcl.Blocks, ax *axes, x *experiment.Experiment) (out []experiment.Threshold) {
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		before := ld.trouble()
		t := experiment.Threshold{Name: b.Labels[0]}
		if why := freeName(t.Name); why != "" {
			ld.errorf(b.LabelRanges[0], "Invalid threshold name", "%s", why)
		}
		if first, ok := seen[t.Name]; ok {
			ld.errorf(b.LabelRanges[0], "Duplicate threshold", "There is a threshold %s at %s already. Rename one of them.", quote(t.Name), place(first))
		}
		seen[t.Name] = b.LabelRanges[0]
		content, ok := ld.content(b.Body, thresholdSchema)
		ld.thresholdMetric(&t, content.Attributes["metric"], b.DefRange, ok)
		ld.assert(&t, content.Attributes["assert"], b.DefRange, ok)
		at := ld.where(&t, content, ax, b.DefRange)
		if ld.trouble() > before {
			continue
		}
		if ld.noCell(t.Where, ax, x, at) {
			continue
		}
		out = append(out, t)
	}
	return out
}

// thresholdMetric decodes what a threshold is about. all says that there are
// no other attributes.
func (ld *loader) thresholdMetric(t *experiment.Threshold, attr *hcl.Attribute, at hcl.Range, all bool) {
	var known []string
	for _, m := range experiment.Metrics {
		known = append(known, m.Name)
	}
	name, st := ld.text(attr)
	switch {
	case st == unset && all:
		ld.errorf(at, "No metric", "Say what the threshold is about: metric = \"startup\". The metrics are %s.", listAll(known))
	case st != set:
	case !slices.Contains(known, name):
		ld.errorf(attr.Expr.Range(), "Unknown metric", "There is no metric %s.%s The metrics are %s.", quote(name), ld.didYouMean(name, known), listAll(known))
	}
	t.Metric = name
}

// assertion shows how an assertion is written.
const assertion = `assert = median < "10ms"`

func quantileNames() (names []string) {
	for _, q := range experiment.Quantiles {
		names = append(names, q.Name)
	}
	return names
}

// checkAssert takes an assertion apart before anything is evaluated: the name
// of a quantile is none that expressions could refer to. What is left is a list
// of the quantile, the operator and the bound, which is any expression.
func (ld *loader) checkAssert(attr *hclsyntax.Attribute, n names, iterators []string) {
	before := len(ld.diags)
	expr := attr.Expr
	for {
		p, ok := expr.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		expr = p.Expression
	}
	b, ok := expr.(*hclsyntax.BinaryOpExpr)
	op, known := "", false
	if ok {
		op, known = map[*hclsyntax.Operation]string{hclsyntax.OpLessThan: "<", hclsyntax.OpGreaterThan: ">"}[b.Op]
	}
	if !known {
		ld.errorf(attr.Expr.Range(), "Not an assertion", "A quantile is below a bound, or above one: %s, with < or >. The quantiles are %s.", assertion, listAll(quantileNames()))
		attr.Expr = unknownExpr(attr.Expr)
		return
	}
	quantile := hcl.ExprAsKeyword(b.LHS)
	if !slices.Contains(quantileNames(), quantile) {
		turned := slices.Contains(quantileNames(), hcl.ExprAsKeyword(b.RHS))
		hint := ld.didYouMean(quantile, quantileNames())
		if turned {
			hint = " Exchange the two sides."
		}
		ld.errorf(b.LHS.Range(), "Unknown quantile", "On the left of an assertion stands %s, as in %s.%s", list(quantileNames()), assertion, hint)
		if turned {
			attr.Expr = unknownExpr(attr.Expr)
			return
		}
	}
	bound := &hclsyntax.Attribute{Name: attr.Name, Expr: b.RHS}
	ld.checkExpr(bound, n, iterators, false)
	if len(ld.diags) > before {
		attr.Expr = unknownExpr(attr.Expr)
		return
	}
	literal := func(s string, at hcl.Range) hclsyntax.Expression {
		return &hclsyntax.LiteralValueExpr{Val: cty.StringVal(s), SrcRange: at}
	}
	attr.Expr = &hclsyntax.TupleConsExpr{
		Exprs:    []hclsyntax.Expression{literal(quantile, b.LHS.Range()), literal(op, b.SrcRange), bound.Expr},
		SrcRange: attr.Expr.Range(), OpenRange: attr.Expr.StartRange(),
	}
}

// assert decodes what checkAssert left.
func (ld *loader) assert(t *experiment.Threshold, attr *hcl.Attribute, at hcl.Range, all bool) {
	v, st := ld.value(attr)
	if st == unset && all {
		ld.errorf(at, "No assertion", "Say what must hold: %s.", assertion)
	}
	if st != set {
		return
	}
	parts := v.AsValueSlice()
	t.Quantile, t.Above = parts[0].AsString(), parts[1].AsString() == ">"
	where := elementRanges(attr.Expr, 3)(2)
	s, ok := scalar(parts[2])
	if !ok {
		ld.errorf(where, "Unsuitable bound", "The bound must be a length of time, such as \"10ms\", but this is %s.", describe(parts[2]))
		return
	}
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d > experiment.MaxTime:
		ld.errorf(where, outOfRange, "The bound must be at most ten years (%s), such as \"10ms\".", experiment.MaxTime)
	case err == nil && d > 0:
		t.Bound = d
	case err == nil:
		ld.errorf(where, outOfRange, "A time is longer than nothing, so the bound must be, too, such as \"10ms\".")
	default:
		hint := ""
		if _, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			hint = fmt.Sprintf(" In which unit? Write %q, if it is milliseconds.", strings.TrimSpace(s)+"ms")
		}
		ld.errorf(where, "Unsuitable bound", "The bound must be a length of time with a unit of ns, us, ms, s, m or h, such as \"10ms\", because every metric is a time; but this is %s.%s", quote(s), hint)
	}
}

// where decodes the rule that says which cells are meant, as a block or as an
// object. Left out, it is all of them. It returns where the rule stands.
func (ld *loader) where(t *experiment.Threshold, content *hcl.BodyContent, ax *axes, def hcl.Range) hcl.Range {
	attr := content.Attributes["where"]
	ld.onlyOne(content.Blocks)
	if len(content.Blocks) > 0 {
		b := content.Blocks[0]
		if _, st := ld.value(attr); st == set {
			ld.errorf(attr.NameRange, "Where twice", "The threshold has a where block too, at %s. Merge the two.", place(b.DefRange))
		}
		attrs, ok := ld.attributes(b.Body, ruleNames...)
		t.Where = ld.ruleOf(attrs, ok, ax, b.DefRange, "hold the threshold for")
		return b.DefRange
	}
	v, st := ld.value(attr)
	if st != set {
		return def
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "an object, such as { backend = \"wazero.*\", start = \"cold\" }", v)
		return def
	}
	before := ld.trouble()
	keys, values := ld.itemRanges(attr)
	attrs := hcl.Attributes{}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		name := k.AsString()
		if !slices.Contains(ruleNames, name) {
			ld.errorf(keys(name), "Unknown key", "There is no %s in where.%s It may have %s.", quote(name), ld.didYouMean(name, ruleNames), list(ruleNames))
			continue
		}
		attrs[name] = &hcl.Attribute{Name: name, Expr: hcl.StaticExpr(e, values(name)), Range: values(name), NameRange: keys(name)}
	}
	t.Where = ld.ruleOf(attrs, ld.trouble() == before, ax, attr.Expr.Range(), "hold the threshold for")
	return attr.Expr.Range()
}

// itemRanges tells where the keys and values of an object stand: each on its
// own where the object is written out, otherwise all in the one expression.
func (ld *loader) itemRanges(attr *hcl.Attribute) (keys, values func(string) hcl.Range) {
	k, v := map[string]hcl.Range{}, map[string]hcl.Range{}
	if pairs, diags := hcl.ExprMap(attr.Expr); !diags.HasErrors() {
		for _, p := range pairs {
			if name, diags := p.Key.Value(nil); !diags.HasErrors() && name.Type() == cty.String && name.IsKnown() && !name.IsNull() {
				k[name.AsString()], v[name.AsString()] = p.Key.Range(), p.Value.Range()
			}
		}
	}
	in := func(m map[string]hcl.Range) func(string) hcl.Range {
		return func(name string) hcl.Range {
			if r, ok := m[name]; ok {
				return r
			}
			return attr.Expr.Range()
		}
	}
	return in(k), in(v)
}

// noCell reports that a threshold speaks of no cell, as far as the file tells:
// it would hold for ever.
func (ld *loader) noCell(r experiment.Rule, ax *axes, x *experiment.Experiment, at hcl.Range) bool {
	if ld.blurred || ax.vague || ax.function.vague || ax.input.vague || ax.backend.vague || ld.trouble() > 0 {
		return false // nobody knows the cells
	}
	patterns := 1 + len(r.Function) + len(r.Input) + len(r.Backend) + len(r.Start)
	if why := ld.budget.spend(1 + cells(x)*patterns/textPerUnit); why != "" {
		ld.add(hcl.Diagnostics{ld.budget.diagnostic(why, at)})
		return true
	}
	if !anyLeft(x, r.Matches) {
		ld.errorf(at, "Threshold without a cell", "No cell of this experiment is what the threshold speaks of, so it would say nothing, for ever. Look at its patterns, and at those of the matrix; nebula plan lists the cells.")
		return true
	}
	return false
}
