package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/regular"
)

// maxReference is the size of the largest file of published figures.
const maxReference = 1 << 20

// published are the metrics of a file of published figures beside our own.
var published = []string{"thesis_total", "energy"}

// Units of published figures, in nanoseconds and in joules.
var (
	timeUnits   = map[string]float64{"ns": 1, "µs": 1e3, "us": 1e3, "ms": 1e6, "s": 1e9}
	energyUnits = map[string]float64{"J": 1, "mJ": 1e-3, "µJ": 1e-6, "uJ": 1e-6, "Wh": 3600, "mWh": 3.6, "µWh": 3.6e-3, "uWh": 3.6e-3}
)

// references decodes the blocks of published figures.
func (ld *loader) references(blocks hcl.Blocks) (out []experiment.Reference) {
	seen := map[string]hcl.Range{}
	for _, b := range blocks {
		name := b.Labels[0]
		if why := freeName(name); why != "" {
			ld.errorf(b.LabelRanges[0], "Invalid reference name", "%s", why)
		}
		if first, ok := seen[name]; ok {
			ld.errorf(b.LabelRanges[0], "Duplicate reference", "The reference %s is at %s already. Give one of the two another name.", quote(name), place(first))
		}
		seen[name] = b.LabelRanges[0]
		attrs, ok := ld.attributes(b.Body, "source", "file", "as")
		r := experiment.Reference{Name: name}
		var st state
		if r.File, st = ld.text(attrs["file"]); st == set {
			ld.figures(attrs["file"], &r)
		} else if st == unset && ok {
			ld.errorf(b.DefRange, "Reference without a file", "Name the file that holds the published figures: file = \"reference/kluften2024.json\".")
		}
		if s, st := ld.text(attrs["source"]); st == set {
			r.Source = s
			if strings.TrimSpace(s) == "" {
				ld.errorf(attrs["source"].Expr.Range(), "Empty source", "Say who published the figures, and where; or remove the attribute, and the file's own source stands.")
			}
		}
		ld.as(attrs["as"], &r)
		out = append(out, r)
	}
	return out
}

// as reads which of our cells a column stands beside. It takes the place of
// what the file says.
func (ld *loader) as(attr *hcl.Attribute, r *experiment.Reference) {
	v, st := ld.value(attr)
	if st != set {
		return
	}
	if kind(v.Type()) != "object" {
		ld.unsuitable(attr, "an object, such as { docker = \"docker.*/cold\" }", v)
		return
	}
	columns := columnsOf(r.Figures)
	as := map[string]string{}
	elements := v.AsValueMap()
	for _, k := range slices.Sorted(maps.Keys(elements)) {
		s, ok := scalar(elements[k])
		switch {
		case len(columns) > 0 && !slices.Contains(columns, k):
			ld.errorf(attr.Expr.Range(), "Unknown column", "The file has no column %s.%s Its columns are %s.", quote(k), ld.didYouMean(k, columns), listAll(columns))
		case !ok:
			ld.errorf(attr.Expr.Range(), "Unsuitable value", "%s must be a string, but this is %s.", k, describe(elements[k]))
		default:
			if why := besidePattern(s); why != "" {
				ld.errorf(attr.Expr.Range(), "Invalid pattern", "%s", why)
			}
			as[k] = s
		}
	}
	r.As = as
}

// besidePattern says what is wrong with a pattern of backend/start.
func besidePattern(s string) string {
	backend, start, ok := strings.Cut(s, "/")
	starts := slices.ContainsFunc(experiment.Starts, func(x experiment.Start) bool { return experiment.Match(start, string(x)) })
	if !ok || backend == "" || !starts {
		return fmt.Sprintf("%s must name a backend and a start, such as \"docker.*/cold\"; a * stands for any text.", quote(s))
	}
	return ""
}

// figures reads a file of published figures and checks it.
func (ld *loader) figures(attr *hcl.Attribute, r *experiment.Reference) {
	at := attr.Expr.Range()
	path := ld.absolute(r.File)
	b, err := regular.Read(path, maxReference)
	if errors.Is(err, fs.ErrNotExist) {
		ld.errorf(at, "Published figures not found", "There is no file %s. Paths are relative to the folder of this file.%s", quote(r.File), ld.neighbour(r.File, path))
		return
	}
	if err == nil {
		err = decodeFigures(b, r, func(metric string) string {
			return ld.didYouMean(metric, publishedMetrics())
		})
	}
	if err != nil {
		ld.errorf(at, "Unsuitable published figures", "%s: %s.", quote(r.File), cause(err))
	}
}

func publishedMetrics() (names []string) {
	for _, m := range experiment.Metrics {
		names = append(names, m.Name)
	}
	return append(names, published...)
}

// decodeFigures reads a file: a source, a definition, which cells the
// columns stand beside, and figures. A figure has a machine, a metric, a
// unit, perhaps a ratio, and a number for each column.
func decodeFigures(b []byte, r *experiment.Reference, near func(string) string) error {
	var file struct {
		Source     string            `json:"source"`
		Definition string            `json:"definition"`
		As         map[string]string `json:"as"`
		Experiment json.RawMessage   `json:"experiment"` // how it was measured, for the reader of the file
		Figures    []map[string]any  `json:"figures"`
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(file.Source) == "":
		return errors.New("it has no source: a figure that nobody can look up is none")
	case strings.TrimSpace(file.Definition) == "":
		return errors.New("it has no definition: say what the numbers are, of what, from when to when")
	case len(file.Figures) == 0:
		return errors.New("it has no figures")
	}
	r.Source, r.Definition, r.As = file.Source, file.Definition, file.As
	for i, f := range file.Figures {
		p, err := figure(f, near)
		if err != nil {
			return fmt.Errorf("figure %d: %w", i+1, err)
		}
		r.Figures = append(r.Figures, p)
	}
	columns := columnsOf(r.Figures)
	for _, k := range slices.Sorted(maps.Keys(r.As)) {
		if !slices.Contains(columns, k) {
			return fmt.Errorf("as: no figure has a column %s", quote(k))
		}
		if why := besidePattern(r.As[k]); why != "" {
			return fmt.Errorf("as: %s", strings.TrimSuffix(why, "."))
		}
	}
	return nil
}

func figure(f map[string]any, near func(string) string) (p experiment.Published, err error) {
	text := map[string]string{}
	for _, k := range []string{"machine", "metric", "unit"} {
		s, ok := f[k].(string)
		if !ok || s == "" {
			return p, fmt.Errorf("%s must be a text", k)
		}
		text[k] = s
		delete(f, k)
	}
	p = experiment.Published{Machine: text["machine"], Metric: text["metric"], Values: map[string]float64{}}
	if !slices.Contains(publishedMetrics(), p.Metric) {
		return p, fmt.Errorf("there is no metric %s.%s The metrics are %s", quote(p.Metric), near(p.Metric), listAll(publishedMetrics()))
	}
	units := timeUnits
	if p.Metric == "energy" {
		units = energyUnits
	}
	unit, ok := units[text["unit"]]
	if !ok {
		return p, fmt.Errorf("%s is no unit of %s; units are %s", quote(text["unit"]), p.Metric, listAll(slices.Sorted(maps.Keys(units))))
	}
	for _, k := range slices.Sorted(maps.Keys(f)) {
		v, ok := f[k].(float64)
		if !ok || !(v > 0) || math.IsInf(v, 0) {
			return p, fmt.Errorf("%s must be a number above 0", quote(k))
		}
		if k == "ratio" {
			p.Ratio = v
			continue
		}
		if v *= unit; v > float64(experiment.MaxTime) { // or as many joules
			return p, fmt.Errorf("%s is more than a run may hold: %g %s", quote(k), v/unit, text["unit"])
		}
		p.Values[k] = v
	}
	if len(p.Values) == 0 {
		return p, errors.New("it has no values")
	}
	return p, nil
}

func columnsOf(figures []experiment.Published) (names []string) {
	for _, f := range figures {
		for k := range f.Values {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
	}
	slices.Sort(names)
	return names
}
