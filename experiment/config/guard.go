package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// A few bytes of HCL can ask for any amount of work and memory: a loop in a
// loop in a loop, a string of ten strings of ten strings, a power of a power.
// So every expression is wrapped in a guard that looks at what comes out of
// it before anything else gets to see it.
const (
	maxWork     = 2_000_000 // for one file, in about the time of an element
	maxText     = 1 << 20   // bytes of one value's strings
	maxElements = 20_000    // of one value, inner ones included
	maxNesting  = 100       // of one value
	maxExponent = 4096      // of a number, to the base of 2
)

const (
	outOfRange   = "Number out of range"
	textPerUnit  = 16
	tooMuchWork  = "The expressions of this file take too much work"
	hugeNumber   = "a number is infinite or has more than 1200 digits"
	tooMuchText  = "it has more than 1 MiB of text"
	tooManyItems = "it has more than 20,000 elements"
	tooDeep      = "it is nested more than 100 levels deep"
)

// budget is what the expressions of one file may still take.
type budget struct{ work int }

func newBudget() *budget { return &budget{work: maxWork} }

// spend takes units of work from the budget. It returns what is wrong.
func (b *budget) spend(units int) string {
	if units < 0 || units > b.work {
		b.work = 0
	} else {
		b.work -= units
	}
	if b.work == 0 {
		return tooMuchWork
	}
	return ""
}

// pay spends what a value costs. It returns what is wrong with the value.
func (b *budget) pay(v cty.Value) string {
	var s size
	s.add(v, 0)
	if why := b.spend(1 + s.elements + s.text/textPerUnit); why != "" {
		return why
	}
	return s.why
}

func (b *budget) diagnostic(why string, at hcl.Range) *hcl.Diagnostic {
	if why == tooMuchWork {
		return problem(at, "Too much work", fmt.Sprintf("%s; it stopped here. Look for loops within loops and for values that are made of copies of others.", tooMuchWork))
	}
	return problem(at, "Value too large", fmt.Sprintf("This value can't be used: %s.", why))
}

// size measures a value, and stops when it is too large: values share their
// parts, so a value of a few kilobytes can have more elements than there are
// atoms.
type size struct {
	elements, text int
	why            string
}

func (s *size) add(v cty.Value, depth int) {
	s.elements++
	switch {
	case s.elements > maxElements:
		s.why = tooManyItems
	case depth > maxNesting:
		s.why = tooDeep
	}
	v, _ = v.Unmark()
	if s.why != "" || v.IsNull() || !v.IsKnown() {
		return
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		if s.text += len(v.AsString()); s.text > maxText {
			s.why = tooMuchText
		}
	case ty == cty.Number:
		if f := v.AsBigFloat(); f.IsInf() || f.MantExp(nil) > maxExponent || f.MantExp(nil) < -maxExponent {
			s.why = hugeNumber
		}
	case v.CanIterateElements():
		object := ty.IsObjectType() || ty.IsMapType()
		for it := v.ElementIterator(); s.why == "" && it.Next(); {
			k, e := it.Element()
			if object {
				s.text += len(k.AsString())
			}
			s.add(e, depth+1)
		}
	}
}

// guarded is an expression whose value is paid for. Embedding makes it a node
// of the syntax tree.
type guarded struct {
	hclsyntax.Expression
	budget  *budget
	numeric bool // its value is about to be used as a number
}

// Value implements hcl.Expression.
func (g guarded) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if g.budget.work == 0 {
		return cty.DynamicVal, hcl.Diagnostics{silent(g.Range())}
	}
	v, diags := g.Expression.Value(ctx)
	if g.budget.work == 0 && diags.HasErrors() {
		return cty.DynamicVal, diags // said already
	}
	if why := g.budget.pay(v); why != "" {
		return cty.DynamicVal, append(diags, g.budget.diagnostic(why, g.Range()))
	}
	if g.numeric && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
		if plain, _ := v.Unmark(); !reasonable(plain.AsString()) {
			return cty.DynamicVal, append(diags, g.budget.diagnostic(hugeNumber, g.Range()))
		}
	}
	return v, diags
}

// UnwrapExpression lets package hcl see lists and calls for what they are.
func (g guarded) UnwrapExpression() hcl.Expression { return g.Expression }

// guard wraps an expression and all that it is made of.
func (b *budget) guard(e hclsyntax.Expression) hclsyntax.Expression {
	if e == nil {
		return nil
	}
	numeric := func(e hclsyntax.Expression) hclsyntax.Expression {
		return guarded{Expression: b.guard(e), budget: b, numeric: true}
	}
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr, *hclsyntax.AnonSymbolExpr:
		return e
	case *hclsyntax.ScopeTraversalExpr:
		// A guard stands for its node in a walk, so that a node without
		// children would not be seen: the parentheses make it a child.
		return guarded{Expression: &hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.SrcRange}, budget: b}
	case *hclsyntax.ObjectConsKeyExpr:
		if _, ok := e.Wrapped.(*hclsyntax.ScopeTraversalExpr); !ok {
			e.Wrapped = b.guard(e.Wrapped)
		}
		return e
	case *hclsyntax.ParenthesesExpr:
		e.Expression = b.guard(e.Expression)
	case *hclsyntax.RelativeTraversalExpr:
		e.Source = b.guard(e.Source)
	case *hclsyntax.FunctionCallExpr:
		for i := range e.Args {
			e.Args[i] = b.guard(e.Args[i])
		}
	case *hclsyntax.ConditionalExpr:
		e.Condition, e.TrueResult, e.FalseResult = b.guard(e.Condition), b.guard(e.TrueResult), b.guard(e.FalseResult)
	case *hclsyntax.IndexExpr:
		e.Collection, e.Key = b.guard(e.Collection), numeric(e.Key)
	case *hclsyntax.TupleConsExpr:
		for i := range e.Exprs {
			e.Exprs[i] = b.guard(e.Exprs[i])
		}
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			e.Items[i].KeyExpr, e.Items[i].ValueExpr = b.guard(e.Items[i].KeyExpr), b.guard(e.Items[i].ValueExpr)
		}
	case *hclsyntax.ForExpr:
		e.CollExpr, e.KeyExpr, e.ValExpr, e.CondExpr = b.guard(e.CollExpr), b.guard(e.KeyExpr), b.guard(e.ValExpr), b.guard(e.CondExpr)
	case *hclsyntax.SplatExpr:
		e.Source, e.Each = b.guard(e.Source), b.guard(e.Each)
	case *hclsyntax.TemplateExpr:
		for i := range e.Parts {
			e.Parts[i] = b.guard(e.Parts[i])
		}
	case *hclsyntax.TemplateJoinExpr:
		e.Tuple = b.guard(e.Tuple)
	case *hclsyntax.TemplateWrapExpr:
		e.Wrapped = b.guard(e.Wrapped)
	case *hclsyntax.BinaryOpExpr:
		operand := numeric
		if e.Op == hclsyntax.OpEqual || e.Op == hclsyntax.OpNotEqual {
			operand = b.guard // compares texts as texts
		}
		e.LHS, e.RHS = operand(e.LHS), operand(e.RHS)
	case *hclsyntax.UnaryOpExpr:
		e.Val = numeric(e.Val)
	}
	return guarded{Expression: e, budget: b}
}
