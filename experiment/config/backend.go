package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/nebula-bench/nebula/experiment"
)

func (ld *loader) backends(blocks hcl.Blocks, ax *axes) []experiment.Backend {
	if len(blocks) == 0 && !ld.blurred {
		ld.errorf(start(ld.file), "No backend", "The experiment has nowhere to run. Add a backend block: backend \"wazero\" \"wasm\" {}.")
	}
	var bs []experiment.Backend
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		backend := experiment.Backend{Type: b.Labels[0], Label: b.Labels[1]}
		name := backend.Name()
		if first, ok := seen[name]; ok {
			ld.errorf(b.LabelRanges[1], "Duplicate backend", "There are two backends called %s: at %s and at %s. Rename one of them.", quote(name), place(first), place(b.LabelRanges[1]))
		} else {
			seen[name] = b.LabelRanges[1]
		}
		if !identifier(backend.Label, "_-") {
			ld.errorf(b.LabelRanges[1], "Invalid backend name", "%s can't be a name. Use up to 64 letters (a-z), digits, '_' and '-', the first of them a letter or digit.", quote(backend.Label))
		}
		ax.backend.names = append(ax.backend.names, name)
		control := ld.backend(b, &backend, ax)
		bs = append(bs, backend)
		if !control {
			continue
		}
		twin := backend
		twin.Label, twin.ControlOf = backend.Label+"-control", name
		if first, ok := seen[twin.Name()]; ok {
			ld.errorf(b.LabelRanges[1], "Duplicate backend", "The control of %s is called %s, and so is the backend at %s. Rename one of them.", quote(name), quote(twin.Name()), place(first))
		}
		if len(twin.Label) > 64 {
			ld.errorf(b.LabelRanges[1], "Invalid backend name", "%s can't be a name: with control = true a name has at most 56 characters.", quote(twin.Label))
		}
		seen[twin.Name()] = b.LabelRanges[1]
		ax.backend.names = append(ax.backend.names, twin.Name())
		bs = append(bs, twin)
	}
	return bs
}

// backend decodes a block in two phases: what all backends have, and then
// the rest into the options of the backend's type. It reports whether the
// backend wants a control.
func (ld *loader) backend(b *hcl.Block, out *experiment.Backend, ax *axes) (control bool) {
	schema := attributeSchema("start", "control")
	content, rest, diags := b.Body.PartialContent(schema)
	ld.add(diags)
	if ld.look != nil {
		ld.look(b.Body, schema)
	}
	var st state
	if out.Starts, st = ld.starts(content.Attributes["start"]); st == failed {
		ax.vague = true
	}
	control = ld.yes(content.Attributes["control"])
	newOptions, ok := ld.lang.Backends[out.Type]
	if !ok {
		types := slices.Sorted(maps.Keys(ld.lang.Backends))
		ld.errorf(b.LabelRanges[0], "Unknown backend type", "There is no backend of type %s.%s The types are %s.", quote(out.Type), ld.didYouMean(out.Type, types), listAll(types))
		return control
	}
	before := ld.trouble()
	options := newOptions()
	body := &decided{Body: rest, loader: ld, ranges: map[string]hcl.Range{}}
	ld.add(gohcl.DecodeBody(body, ld.ctx, options))
	out.Options = options
	if ld.trouble() > before {
		return control // half of the settings can't be judged
	}
	for _, p := range options.Check(ld.dir) {
		at, ok := body.ranges[p.Attribute]
		if !ok {
			at = b.DefRange
		}
		ld.errorf(at, p.Summary, "%s", shortened(p.Detail))
	}
	return control
}

// yes is the value of an attribute that holds true or false.
func (ld *loader) yes(attr *hcl.Attribute) bool {
	v, st := ld.value(attr)
	if st != set {
		return false
	}
	b, err := convert.Convert(v, cty.Bool)
	if err != nil {
		ld.unsuitable(attr, "true or false", v)
		return false
	}
	return b.True()
}

func (ld *loader) starts(attr *hcl.Attribute) ([]experiment.Start, state) {
	items, st := ld.texts(attr, "a list of starts, such as [\"cold\", \"prepared\"]", false)
	if st != set {
		return nil, st
	}
	if len(items) == 0 {
		ld.errorf(attr.Expr.Range(), "No starts", "The list is empty, so there is nothing to run. Remove the attribute for every start that the backend has.")
		return nil, failed
	}
	var starts []experiment.Start
	for _, i := range items {
		s := experiment.Start(i.text)
		switch {
		case !slices.Contains(experiment.Starts, s):
			ld.errorf(i.at, "Unknown start", "There is no start %s.%s The starts are %s.", quote(i.text), ld.didYouMean(i.text, startNames()), listAll(startNames()))
			st = failed
		case slices.Contains(starts, s):
			ld.errorf(i.at, "Duplicate start", "The start %s is in the list already. Remove one of the two.", quote(i.text))
		}
		starts = append(starts, s)
	}
	return starts, st
}

func startNames() []string {
	var names []string
	for _, s := range experiment.Starts {
		names = append(names, string(s))
	}
	return names
}

// decided is a body whose attributes have values: those that are null count
// as absent, and those whose values are unknown, because of an error that
// has been reported, are left out. It notes where each stands.
type decided struct {
	hcl.Body
	loader *loader
	ranges map[string]hcl.Range
}

// Content implements hcl.Body.
func (d *decided) Content(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Diagnostics) {
	if d.loader.look != nil {
		d.loader.look(d.Body, schema)
	}
	content, diags := d.Body.Content(schema)
	return d.decide(content, schema, explain(diags, schema))
}

// PartialContent implements hcl.Body.
func (d *decided) PartialContent(schema *hcl.BodySchema) (*hcl.BodyContent, hcl.Body, hcl.Diagnostics) {
	content, rest, diags := d.Body.PartialContent(schema)
	content, diags = d.decide(content, schema, diags)
	return content, &decided{Body: rest, loader: d.loader, ranges: d.ranges}, diags
}

func (d *decided) decide(content *hcl.BodyContent, schema *hcl.BodySchema, diags hcl.Diagnostics) (*hcl.BodyContent, hcl.Diagnostics) {
	out := *content
	out.Attributes = hcl.Attributes{}
	for _, s := range schema.Attributes {
		attr := content.Attributes[s.Name]
		if attr == nil {
			continue
		}
		v, st := d.loader.value(attr)
		switch {
		case st == set && !hasNull(v):
			copied := *attr
			copied.Expr = hcl.StaticExpr(v, attr.Expr.Range())
			out.Attributes[s.Name] = &copied
			d.ranges[s.Name] = attr.Expr.Range()
		case st == set:
			diags = append(diags, problem(attr.Expr.Range(), "Unsuitable value", fmt.Sprintf("%s holds a null. Leave it out instead.", s.Name)))
		case st == failed: // trouble says so
		case s.Required:
			diags = append(diags, problem(attr.Expr.Range(), "Missing required argument", fmt.Sprintf("The argument %q is required, so it can't be null.", s.Name)))
		}
	}
	out.Blocks = make(hcl.Blocks, len(content.Blocks))
	for i, b := range content.Blocks {
		copied := *b
		copied.Body = &decided{Body: b.Body, loader: d.loader, ranges: map[string]hcl.Range{}}
		out.Blocks[i] = &copied
	}
	return &out, diags
}

// hasNull reports whether a list or object holds a null, which no Go type
// of options can.
func hasNull(v cty.Value) bool {
	if v.IsNull() {
		return true
	}
	if v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			if _, e := it.Element(); hasNull(e) {
				return true
			}
		}
	}
	return false
}
