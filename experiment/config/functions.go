package config

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functionTable gives what expressions may call: Terraform's functions, under
// its names, without those that ask the world or that no experiment needs.
func (ld *loader) functionTable() map[string]function.Function {
	table := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": finite(logarithm, "num", "base"),
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": finite(math.Pow, "num", "power"), "signum": stdlib.SignumFunc,

		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc, "join": stdlib.JoinFunc,
		"lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": replace,
		"split": stdlib.SplitFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc,
		"trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"upper": stdlib.UpperFunc,

		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc,
		"concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc, "length": length, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc,
		"range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": stdlib.SetProductFunc, "setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"base64decode": onText("text", base64Decode), "base64encode": onText("text", base64Encode), "sha256": onText("text", sha256Hex),
		"file": onText("path", ld.readFile),

		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}
	for name, f := range table {
		table[name] = ld.budget.limit(name, f)
	}
	// These two take expressions, which pay for themselves.
	table["try"], table["can"] = tryfunc.TryFunc, tryfunc.CanFunc
	return table
}

// limit refuses a call whose result would be far larger than its arguments,
// or that would take far longer than reading them. The results of all other
// calls are seen by the guard of the call.
func (b *budget) limit(name string, f function.Function) function.Function {
	check := func(args []cty.Value) error {
		var all size
		for _, a := range args {
			if all.add(a, 0); all.why != "" {
				return errors.New(all.why) // of a number that was text until now
			}
			if !a.IsWhollyKnown() {
				return nil
			}
		}
		cost, err := estimate(name, args, all)
		if err != nil {
			return err
		}
		// Turning a tuple into a list of one type takes its square.
		cost += all.elements * all.elements / 500
		if cost > maxWork {
			return errors.New("its result would be too large")
		}
		if why := b.spend(cost); why != "" {
			return errors.New(why)
		}
		return nil
	}
	return function.New(&function.Spec{
		Params: f.Params(), VarParam: f.VarParam(),
		// Some functions do their work to find the type of the result.
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(args); err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

// wide finds a width or precision of four digits in a format.
var wide = regexp.MustCompile(`%[^%a-zA-Z]*[0-9]{4}`)

// estimate gives the work of a call, where it may be more than the size of
// its arguments and its result. The arguments are known, and all is their size.
func estimate(name string, args []cty.Value, all size) (int, error) {
	text := func(i int) string {
		if i >= len(args) {
			return ""
		}
		v, _ := args[i].Unmark()
		if v.IsNull() || v.Type() != cty.String {
			return ""
		}
		return v.AsString()
	}
	longest := 1
	product := 1
	for _, a := range args {
		a, _ = a.Unmark()
		if n := count(a); n >= 0 {
			longest = max(longest, n)
			product = min(product*max(n, 1), math.MaxInt32)
		}
	}
	switch name {
	case "join":
		return len(text(0)) * all.elements, nil
	case "format", "formatlist":
		if wide.MatchString(text(0)) {
			return 0, errors.New("widths and precisions have at most three digits")
		}
		n := strings.Count(text(0), "%") * (all.text + 16*all.elements)
		if name == "formatlist" {
			n *= longest
		}
		return n / textPerUnit, nil
	case "replace":
		n := strings.Count(text(0), text(1))
		if isPattern(text(1)) {
			n = len(text(0)) + patternCost(text(1), text(0))
		}
		return n * (len(text(2)) + 1) / textPerUnit, nil
	case "regex", "regexall":
		return patternCost(text(0), text(1)), nil
	case "setproduct":
		return product * len(args), nil
	case "distinct":
		return all.elements * all.elements / textPerUnit, nil
	case "csvdecode", "jsondecode":
		if deepJSON(text(0)) {
			return 0, errors.New(tooDeep)
		}
		return all.text / 4, nil
	}
	return 0, nil
}

// count gives the number of elements of a collection, -1 for anything else.
func count(v cty.Value) int {
	if v.IsNull() || !v.CanIterateElements() {
		return -1
	}
	return v.LengthInt()
}

// patternCost bounds the work of a regular expression: x{1000} is short for
// a thousand.
func patternCost(pattern, text string) int {
	return (len(pattern) + 20*strings.Count(pattern, "{")) * (len(text) + 100) / 4
}

// deepJSON looks at the brackets that are not in a text.
func deepJSON(s string) bool {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxNesting {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// finite wraps a function on two numbers whose result may be infinite or no
// number at all, which values can't be.
func finite(f func(a, b float64) float64, names ...string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: names[0], Type: cty.Number}, {Name: names[1], Type: cty.Number}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			a, _ := args[0].AsBigFloat().Float64()
			b, _ := args[1].AsBigFloat().Float64()
			y := f(a, b)
			if math.IsNaN(y) || math.IsInf(y, 0) {
				return cty.NilVal, errors.New("the result is no number, or too large a one")
			}
			return cty.NumberFloatVal(y), nil
		},
	})
}

func logarithm(num, base float64) float64 { return math.Log(num) / math.Log(base) }

var length = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		switch ty := args[0].Type(); {
		case ty == cty.String, ty == cty.DynamicPseudoType, ty.IsObjectType(), ty.IsTupleType(), ty.IsCollectionType():
			return cty.Number, nil
		}
		return cty.Number, function.NewArgErrorf(0, "it must be a text, a list or an object")
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch v := args[0]; {
		case v.Type() == cty.String:
			return stdlib.Strlen(v)
		case v.Type().IsObjectType():
			return cty.NumberIntVal(int64(len(v.Type().AttributeTypes()))), nil
		default:
			return stdlib.Length(v)
		}
	},
})

// replace is Terraform's: a pattern where the text to find is between
// slashes.
var replace = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "find", Type: cty.String}, {Name: "replacement", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		find := args[1].AsString()
		if isPattern(find) {
			return stdlib.RegexReplace(args[0], cty.StringVal(find[1:len(find)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

func isPattern(find string) bool {
	return len(find) > 1 && strings.HasPrefix(find, "/") && strings.HasSuffix(find, "/")
}

// onText makes a function of one text.
func onText(name string, f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: name, Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(s), nil
		},
	})
}

func base64Encode(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }

func base64Decode(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errors.New("what it encodes is not text in UTF-8")
	}
	return string(b), nil
}

func sha256Hex(s string) (string, error) {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:]), nil
}

// readFile gives the text of a file, whose path is relative to the folder of
// the experiment.
func (ld *loader) readFile(path string) (string, error) {
	b, err := readBounded(ld.absolute(path))
	switch {
	case err != nil:
		return "", cause(err)
	case len(b) > maxFile:
		return "", fmt.Errorf("is larger than %d MiB", maxFile>>20)
	case !utf8.Valid(b):
		return "", errors.New("is not text in UTF-8")
	}
	ld.names(path)
	return string(b), nil
}
