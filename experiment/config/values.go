package config

import (
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// state is what became of an attribute.
type state int

const (
	unset  state = iota // absent, or null
	failed              // there is no value, and why has been reported
	set
)

// value evaluates an attribute, which may be absent.
func (ld *loader) value(attr *hcl.Attribute) (cty.Value, state) {
	if attr == nil {
		return cty.NilVal, unset
	}
	v, diags := attr.Expr.Value(ld.ctx)
	ld.add(diags)
	v, _ = v.UnmarkDeep()
	switch {
	case diags.HasErrors():
		return cty.NilVal, failed
	case v.IsNull():
		return cty.NilVal, unset
	case !v.IsWhollyKnown():
		ld.missed(attr.Expr.Range())
		return cty.NilVal, failed
	}
	return v, set
}

// text is the value of an attribute that holds a string; numbers and bools are
// written as such.
func (ld *loader) text(attr *hcl.Attribute) (string, state) {
	v, st := ld.value(attr)
	if st != set {
		return "", st
	}
	s, ok := scalar(v)
	if !ok {
		ld.unsuitable(attr, "a string", v)
		return "", failed
	}
	return s, set
}

func (ld *loader) unsuitable(attr *hcl.Attribute, want string, v cty.Value) {
	ld.errorf(attr.Expr.Range(), "Unsuitable value", "%s must be %s, but this is %s.", attr.Name, want, article(v.Type()))
}

// scalar writes a text, number or bool as text: numbers in decimals without
// an exponent.
func scalar(v cty.Value) (string, bool) {
	if v.IsNull() || !v.IsKnown() || !v.Type().IsPrimitiveType() {
		return "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false
	}
	return s.AsString(), true
}

// item is one text of a list, and where it stands.
type item struct {
	text string
	at   hcl.Range
}

// texts is the value of an attribute that holds a list of strings. With single,
// one text will do for a list of one.
func (ld *loader) texts(attr *hcl.Attribute, want string, single bool) ([]item, state) {
	v, st := ld.value(attr)
	if st != set {
		return nil, st
	}
	if s, ok := scalar(v); ok && single {
		return []item{{s, attr.Expr.Range()}}, set
	}
	if kind(v.Type()) != "list" {
		ld.unsuitable(attr, want, v)
		return nil, failed
	}
	items := make([]item, 0, v.LengthInt())
	ranges := elementRanges(attr.Expr, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		at := ranges(len(items))
		s, ok := scalar(e)
		if !ok {
			ld.errorf(at, "Unsuitable value", "%s must be %s, but an element is %s.", attr.Name, want, describe(e))
			return nil, failed
		}
		items = append(items, item{s, at})
	}
	return items, set
}

func describe(v cty.Value) string {
	if v.IsNull() {
		return "null"
	}
	return article(v.Type())
}

// elementRanges tells where the elements of a list stand: each on its own
// where the list is written out, otherwise all in the one expression.
func elementRanges(expr hcl.Expression, n int) func(int) hcl.Range {
	exprs, diags := hcl.ExprList(expr)
	return func(i int) hcl.Range {
		if diags.HasErrors() || len(exprs) != n {
			return expr.Range()
		}
		return exprs[i].Range()
	}
}

// freeName reports what is wrong with the name of a function or an input,
// which is free text.
func freeName(s string) string {
	const longest = 200
	switch {
	case s == "":
		return "A name can't be empty."
	case len(s) > longest:
		return "A name has at most 200 bytes."
	case strings.ContainsFunc(s, unicode.IsControl):
		return "A name can't hold line breaks, tabs or other control characters."
	}
	return ""
}
