package config

import (
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/nebula-bench/nebula/experiment"
)

// Bounds of an energy block. They keep a slip of the unit from costing a night.
const (
	leastWindow = time.Millisecond
	mostWindow  = 10 * time.Minute
	maxWindows  = 1000
	maxWatts    = 1e6
	maxCarbon   = 10_000 // g/kWh; the dirtiest grids have about 1,000
)

var energySchema = func() *hcl.BodySchema {
	s := attributeSchema("window", "idle", "windows", "target_error", "domains", "source", "command", "carbon_intensity")
	s.Blocks = []hcl.BlockHeaderSchema{{Type: "estimate"}}
	return s
}()

func (ld *loader) energy(blocks hcl.Blocks) experiment.Energy {
	energy := experiment.DefaultEnergy()
	ld.onlyOne(blocks)
	for _, b := range blocks {
		energy.Asked = true
		content, _ := ld.content(b.Body, energySchema)
		attrs := content.Attributes
		if d, st := ld.windowLength(attrs["window"], "200ms"); st == set {
			energy.Window = d
		}
		if d, st := ld.windowLength(attrs["idle"], "1s"); st == set {
			energy.Idle = d
		}
		if n, st := ld.whole(attrs["windows"], experiment.MinWindows, maxWindows); st == set {
			energy.Windows = int(n)
		}
		if f, st := ld.fraction(attrs["target_error"]); st == set {
			energy.TargetError = f
		}
		if f, st := ld.amount(attrs["carbon_intensity"], maxCarbon, "a number of grams of CO₂ equivalent per kWh, such as 250"); st == set {
			if energy.CarbonIntensity = f; f == 0 {
				ld.errorf(attrs["carbon_intensity"].Expr.Range(), outOfRange, "carbon_intensity must be above 0. Remove it where the intensity is not known: then nothing is said of carbon.")
			}
		}
		if names, st := ld.texts(attrs["domains"], "a list of domains, such as [\"package-0\", \"dram-0\"]", true); st == set {
			energy.Domains = ld.domains(attrs["domains"], names)
		}
		ld.source(attrs, &energy)
		ld.onlyOne(content.Blocks)
		for _, eb := range content.Blocks {
			energy.Estimate = ld.estimate(eb)
		}
	}
	return energy
}

func (ld *loader) windowLength(attr *hcl.Attribute, such string) (time.Duration, state) {
	d, st := ld.duration(attr, such)
	if st == set && (d < leastWindow || d > mostWindow) {
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be between %s and %s, such as %q.", attr.Name, leastWindow, mostWindow, such)
		return 0, failed
	}
	return d, st
}

func (ld *loader) domains(attr *hcl.Attribute, names []item) (domains []string) {
	if len(names) == 0 {
		ld.errorf(attr.Expr.Range(), "No domains", "The list is empty, so nothing would be measured. Remove the attribute for every domain, or write source = \"none\".")
	}
	for _, n := range names {
		switch {
		case freeName(n.text) != "":
			ld.errorf(n.at, "Invalid domain", "%s can't be a domain. nebula doctor lists those of this machine.", quote(n.text))
		case slices.Contains(domains, n.text):
			ld.errorf(n.at, "Duplicate domain", "%s is in the list already. Remove one of the two.", quote(n.text))
		}
		domains = append(domains, n.text)
	}
	return domains
}

// source decodes which door to energy is meant, and the command that is one.
func (ld *loader) source(attrs hcl.Attributes, e *experiment.Energy) {
	command, cst := ld.texts(attrs["command"], "a program and its arguments, such as [\"./plug\", \"--joules\"]", false)
	if cst == set {
		if len(command) == 0 || command[0].text == "" {
			ld.errorf(attrs["command"].Expr.Range(), "No command", "Name the program that prints joules or watts, and its arguments.")
		}
		for _, c := range command {
			e.Command = append(e.Command, c.text)
		}
		e.Source = experiment.CommandSource
	}
	s, st := ld.text(attrs["source"])
	if st != set {
		return
	}
	e.Source = s
	at := attrs["source"].Expr.Range()
	switch {
	case !slices.Contains(experiment.EnergySources, s):
		ld.errorf(at, "Unknown source", "There is no source %s.%s The sources are %s.", quote(s), ld.didYouMean(s, experiment.EnergySources), listAll(experiment.EnergySources))
	case s == experiment.CommandSource && cst == unset:
		ld.errorf(at, "No command", "Say which program prints joules or watts: command = [\"./plug\"].")
	case s != experiment.CommandSource && cst == set:
		ld.errorf(attrs["command"].NameRange, "Command not used", "A command is read by the source \"command\" only, and this is %s. Remove one of the two.", quote(s))
	}
}

// estimate decodes the model that stands in for counters.
func (ld *loader) estimate(b *hcl.Block) *experiment.Estimate {
	attrs, ok := ld.attributes(b.Body, "model", "watts_idle", "watts_full")
	e := &experiment.Estimate{Model: experiment.CPUTime}
	models := []string{experiment.CPUTime}
	if m, st := ld.text(attrs["model"]); st == set && !slices.Contains(models, m) {
		ld.errorf(attrs["model"].Expr.Range(), "Unknown model", "There is no model %s.%s The only one is %q.", quote(m), ld.didYouMean(m, models), experiment.CPUTime)
	}
	const such = "a number of watts, such as 35"
	before := ld.trouble()
	var idle, full state
	e.WattsIdle, idle = ld.amount(attrs["watts_idle"], maxWatts, such)
	e.WattsFull, full = ld.amount(attrs["watts_full"], maxWatts, such)
	switch {
	case ld.trouble() > before || !ok:
	case idle == unset || full == unset:
		ld.errorf(b.DefRange, "No power", "Say what the machine takes when it does nothing and when all its processors are busy: watts_idle = 20 and watts_full = 65. Nothing is estimated from numbers that nobody gave.")
	case e.WattsFull <= e.WattsIdle:
		ld.errorf(attrs["watts_full"].Expr.Range(), outOfRange, "watts_full must be more than watts_idle, which is %g.", e.WattsIdle)
	}
	return e
}

// amount is the value of an attribute that holds a number from 0 on.
func (ld *loader) amount(attr *hcl.Attribute, most float64, want string) (float64, state) {
	v, st := ld.value(attr)
	if st != set {
		return 0, st
	}
	n, err := convert.Convert(v, cty.Number)
	if v.Type() == cty.String && !reasonable(v.AsString()) || err != nil {
		ld.unsuitable(attr, want, v)
		return 0, failed
	}
	b := n.AsBigFloat()
	if b.Sign() < 0 || b.Cmp(big.NewFloat(most)) > 0 {
		ld.errorf(attr.Expr.Range(), outOfRange, "%s must be %s, from 0 to %.0f, but this is %s.", attr.Name, want, most, b.Text('g', 10))
		return 0, failed
	}
	f, _ := b.Float64()
	return f, set
}
