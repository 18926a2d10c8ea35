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

const maxRepetitions = experiment.MaxRepetitions

const maxPause = time.Hour

var runSchema = func() *hcl.BodySchema {
	s := attributeSchema("repetitions", "warmup", "order", "seed", "timeout", "pause")
	s.Blocks = []hcl.BlockHeaderSchema{{Type: "until"}}
	return s
}()

func (ld *loader) run(blocks hcl.Blocks) experiment.Run {
	run := experiment.DefaultRun()
	ld.onlyOne(blocks)
	for _, b := range blocks {
		content, _ := ld.content(b.Body, runSchema)
		attrs := content.Attributes
		repetitions, st := ld.whole(attrs["repetitions"], 1, maxRepetitions)
		run.Where = place(b.DefRange)
		if st == set {
			run.Repetitions, run.Where = int(repetitions), place(attrs["repetitions"].Range)
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
		if d, st := ld.durationFrom(attrs["pause"], 0, "200ms"); st == set {
			if run.Pause = d; d > maxPause {
				ld.errorf(attrs["pause"].Expr.Range(), outOfRange, "pause is before every single trial; it must be at most %s.", maxPause)
			}
		}
		ld.onlyOne(content.Blocks)
		for _, ub := range content.Blocks {
			ld.until(ub, &run, attrs["repetitions"], st)
		}
	}
	return run
}

// What until takes without being told.
const (
	defaultMin = 10
	defaultMax = 500
)

// until decodes the rule that stops a cell. Its most repetitions become the
// run's, so that a plan is always of a known length.
func (ld *loader) until(b *hcl.Block, run *experiment.Run, repetitions *hcl.Attribute, most state) {
	attrs, ok := ld.attributes(b.Body, "relative_error", "metrics", "min_repetitions", "max_repetitions", "max_time")
	u := &experiment.Until{Metrics: []string{"startup"}, Min: defaultMin, Max: defaultMax}
	if most == set {
		u.Max = run.Repetitions
		if _, st := ld.value(attrs["max_repetitions"]); st == set {
			ld.errorf(attrs["max_repetitions"].NameRange, "Both repetitions and max_repetitions", "Both say how many repetitions a cell has at most. Remove the run's repetitions, at %s.", place(repetitions.NameRange))
		}
	}
	before := ld.trouble()
	if f, st := ld.fraction(attrs["relative_error"]); st == set {
		u.RelativeError = f
	} else if st == unset && ok {
		ld.errorf(b.DefRange, "No precision", "Say how narrow the interval of a cell must be: relative_error = 0.02, for ±2 %% of the median.")
	}
	if names, st := ld.texts(attrs["metrics"], "a list of metrics, such as [\"startup\", \"runtime\"]", false); st == set {
		u.Metrics = ld.untilMetrics(attrs["metrics"], names)
	}
	if n, st := ld.whole(attrs["max_repetitions"], experiment.MinTrials, maxRepetitions); st == set {
		u.Max, run.Where = int(n), place(attrs["max_repetitions"].Range)
	} else if st == failed {
		most = failed
	}
	if n, st := ld.whole(attrs["min_repetitions"], experiment.MinTrials, maxRepetitions); st == set {
		if u.Min = int(n); u.Min > u.Max && most != failed {
			ld.errorf(attrs["min_repetitions"].Expr.Range(), outOfRange, "min_repetitions is %d, but a cell has at most %d repetitions. Lower the one or raise the other (max_repetitions).", u.Min, u.Max)
		}
	}
	if d, st := ld.duration(attrs["max_time"], "10m"); st == set {
		u.MaxTime = d
	}
	if run.Order == experiment.Sequential {
		ld.errorf(b.DefRange, "Until in sequential order", "The rule looks at all cells at the end of each block, and a sequential run has no blocks. Use the order \"shuffled\" or \"interleaved\".")
	}
	if ld.trouble() == before {
		u.Min = min(u.Min, u.Max)
	}
	run.Repetitions, run.Until = u.Max, u
}

func (ld *loader) untilMetrics(attr *hcl.Attribute, names []item) (metrics []string) {
	var known []string
	for _, m := range experiment.Metrics {
		known = append(known, m.Name)
	}
	if len(names) == 0 {
		ld.errorf(attr.Expr.Range(), "No metrics", "The list is empty, so nothing would say when to stop. Remove the attribute for \"startup\".")
	}
	for _, n := range names {
		switch {
		case !slices.Contains(known, n.text):
			ld.errorf(n.at, "Unknown metric", "There is no metric %s.%s The metrics are %s.", quote(n.text), ld.didYouMean(n.text, known), listAll(known))
		case slices.Contains(metrics, n.text):
			ld.errorf(n.at, "Duplicate metric", "The metric %s is in the list already. Remove one of the two.", quote(n.text))
		}
		metrics = append(metrics, n.text)
	}
	return metrics
}

// fraction is the value of an attribute that holds a number between 0 and 1.
func (ld *loader) fraction(attr *hcl.Attribute) (float64, state) {
	v, st := ld.value(attr)
	if st != set {
		return 0, st
	}
	n, err := convert.Convert(v, cty.Number)
	if v.Type() == cty.String && !reasonable(v.AsString()) || err != nil {
		ld.unsuitable(attr, "a number between 0 and 1", v)
		return 0, failed
	}
	f, _ := n.AsBigFloat().Float64()
	if f < 1e-6 || f >= 1 { // below: nobody's clock
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be between 0 and 1, such as 0.02 for ±2 %%, but this is %s.", attr.Name, n.AsBigFloat().Text('g', 10))
		return 0, failed
	}
	return f, set
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
	ld.errorf(attr.Expr.Range(), "Unknown order", "There is no order %s.%s The orders are %s.", quote(s), ld.didYouMean(s, names), listAll(names))
	return "", failed
}

// duration is the value of an attribute that holds a length of time.
func (ld *loader) duration(attr *hcl.Attribute, such string) (time.Duration, state) {
	return ld.durationFrom(attr, 1, such)
}

// durationFrom is duration with the shortest that is allowed.
func (ld *loader) durationFrom(attr *hcl.Attribute, least time.Duration, such string) (time.Duration, state) {
	s, st := ld.text(attr)
	if st != set {
		return 0, st
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		ld.errorf(attr.Expr.Range(), "Invalid duration", "%s must be a number with a unit of ms, s, m or h, such as %q, but this is %s.", attr.Name, such, quote(s))
		return 0, failed
	}
	if d < least {
		than := "must be longer than nothing"
		if least == 0 {
			than = "must not be negative"
		}
		ld.errorf(attr.Expr.Range(), outOfRange, "%s %s, such as %q.", attr.Name, than, such)
		return 0, failed
	}
	if d > experiment.MaxTime {
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be at most ten years (%s), such as %q.", attr.Name, experiment.MaxTime, such)
		return 0, failed
	}
	return d, set
}
