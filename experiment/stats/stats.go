// Package stats draws conclusions from samples: a median with its interval,
// how two samples differ, whether the difference is real, and what in a
// sample a reader must be warned of.
//
// It assumes nothing about the distribution, because startup times have
// tails and often two humps. It refuses to give an interval where the sample
// is too small for one, and it never takes "no difference was found" for
// "there is none": that is what the verdict's third state is for. Warnings
// are part of a result, and whoever prints the result prints them too.
package stats

import (
	"fmt"
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"
)

// Confidence is the level of every interval here.
const Confidence = 0.95

// MinTrials is the smallest sample whose median has an interval: with fewer,
// even the whole range misses the median too often.
const MinTrials = 6

// Median is the median of a sample with its interval.
type Median struct {
	N         int
	Value     float64 // NaN where there is nothing to take the median of
	Low, High float64 // order statistics; infinite where Bounded is false
	Bounded   bool    // the sample was large enough for an interval
	Q1, Q3    float64
	Min, Max  float64
	Warnings  []Warning
}

// Summarise gives the median of xs, which stays as it is.
func Summarise(xs []float64) Median {
	nan := math.NaN()
	m := Median{N: len(xs), Value: nan, Low: math.Inf(-1), High: math.Inf(1), Q1: nan, Q3: nan, Min: nan, Max: nan}
	if w := unusable(xs); w != nil {
		m.Warnings = append(m.Warnings, *w)
		return m
	}
	xs = sorted(xs)
	s := moremath.Sample{Xs: xs, Sorted: true}
	m.Q1, m.Q3, m.Min, m.Max = s.Quantile(0.25), s.Quantile(0.75), xs[0], xs[len(xs)-1]

	b := benchmath.AssumeNothing.Summary(benchmath.NewSample(xs, &benchmath.DefaultThresholds), Confidence)
	m.Value = b.Center
	// At n = 5 one side alone would be bounded; half an interval reads like
	// a whole one, so it counts as none.
	if m.Bounded = !math.IsInf(b.Lo, 0) && !math.IsInf(b.Hi, 0); m.Bounded {
		m.Low, m.High = b.Lo, b.Hi
	} else {
		m.Warnings = append(m.Warnings, tooFew(len(xs)))
	}
	return m
}

// unusable says why a sample has no median; nil where it has one.
func unusable(xs []float64) *Warning {
	if len(xs) == 0 {
		return &Warning{Kind: NoSample, Text: "no sample"}
	}
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &Warning{Kind: NotFinite, Text: "a sample is not a finite number"}
		}
	}
	return nil
}

func tooFew(n int) Warning {
	return Warning{
		Kind:    TooFew,
		Text:    fmt.Sprintf("a sample of %d is too small for an interval, which needs at least %d", n, MinTrials),
		Numbers: map[string]float64{"n": float64(n), "needed": MinTrials},
	}
}

func sorted(xs []float64) []float64 {
	if slices.IsSorted(xs) {
		return xs
	}
	xs = slices.Clone(xs)
	slices.Sort(xs)
	return xs
}
