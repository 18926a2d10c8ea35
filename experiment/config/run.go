package config

import (
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/nebula-bench/nebula/experiment"
)

const maxRepetitions = 1_000_000

func (ld *loader) run(blocks hcl.Blocks) experiment.Run {
	run := experiment.DefaultRun()
	ld.onlyOne(blocks)
	for _, b := range blocks {
		attrs := ld.attributes(b.Body, "repetitions", "warmup", "order", "seed", "timeout")
		if n, st := ld.whole(attrs["repetitions"], 1, maxRepetitions); st == set {
			run.Repetitions = int(n)
		}
		if n, st := ld.whole(attrs["warmup"], 0, maxRepetitions); st == set {
			run.Warmup = int(n)
		}
		if n, st := ld.whole(attrs["seed"], 0, math.MaxUint64); st == set {
			run.Seed = n
		}
		if o, st := ld.order(attrs["order"]); st == set {
			run.Order = o
		}
		if d, st := ld.duration(attrs["timeout"], "30s"); st == set {
			run.Timeout = d
		}
	}
	return run
}

// whole is the value of an attribute that holds a whole number.
func (ld *loader) whole(attr *hcl.Attribute, least, most uint64) (uint64, state) {
	v, st := ld.value(attr)
	if st != set {
		return 0, st
	}
	if v.Type() == cty.String && !reasonable(v.AsString()) {
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be a whole number from %d to %d.", attr.Name, least, most)
		return 0, failed
	}
	n, err := convert.Convert(v, cty.Number)
	if err != nil {
		ld.unsuitable(attr, "a whole number", v)
		return 0, failed
	}
	f := n.AsBigFloat()
	switch {
	case f.Cmp(new(big.Float).SetUint64(least)) < 0 || f.Cmp(new(big.Float).SetUint64(most)) > 0:
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be a whole number from %d to %d, but this is %s.", attr.Name, least, most, f.Text('g', 20))
		return 0, failed
	case !f.IsInt():
		ld.errorf(attr.Expr.Range(), "Not a whole number", "%s must be a whole number, but this is %s.", attr.Name, f.Text('g', 20))
		return 0, failed
	}
	u, _ := f.Uint64()
	return u, set
}

func (ld *loader) order(attr *hcl.Attribute) (experiment.Order, state) {
	s, st := ld.text(attr)
	if st != set || slices.Contains(experiment.Orders, experiment.Order(s)) {
		return experiment.Order(s), st
	}
	var names []string
	for _, o := range experiment.Orders {
		names = append(names, string(o))
	}
	ld.errorf(attr.Expr.Range(), "Unknown order", "There is no order %s.%s The orders are %s.", quote(s), ld.didYouMean(s, names), list(names))
	return "", failed
}

// duration is the value of an attribute that holds a length of time.
func (ld *loader) duration(attr *hcl.Attribute, such string) (time.Duration, state) {
	s, st := ld.text(attr)
	if st != set {
		return 0, st
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		ld.errorf(attr.Expr.Range(), "Invalid duration", "%s must be a number with a unit of ms, s, m or h, such as %q, but this is %s.", attr.Name, such, quote(s))
		return 0, failed
	}
	if d <= 0 {
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be longer than nothing, such as %q.", attr.Name, such)
		return 0, failed
	}
	return d, set
}
