package stats

import (
	"math"
	"sort"

	moremath "github.com/aclements/go-moremath/stats"
)

// Quantile is a quantile of a sample with its interval by order statistics.
type Quantile struct {
	N     int
	Q     float64 // 0.95 for the value that 95 % of trials stay below
	Value float64 // NaN where there is no sample
	// Low and High may each be infinite: a sample bounds a quantile only on
	// the sides on which it has trials enough.
	Low, High float64
	Warnings  []Warning
}

// QuantileOf gives a quantile of xs.
func QuantileOf(xs []float64, q float64) Quantile {
	r := Quantile{N: len(xs), Q: q, Value: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}
	if w := unusable(xs); w != nil {
		r.Warnings = append(r.Warnings, *w)
		return r
	}
	if q == 0.5 { // the one rule for medians
		m := Summarise(xs)
		r.Value, r.Low, r.High, r.Warnings = m.Value, m.Low, m.High, m.Warnings
		return r
	}
	s := moremath.Sample{Xs: sorted(xs), Sorted: true}
	r.Value = s.Quantile(q)
	// How many samples lie below the quantile is binomial. Each end of the
	// interval is the order statistic that is beyond the quantile in no more
	// than half of what the level leaves.
	n, below := len(xs), moremath.BinomialDist{N: len(xs), P: q}
	tail := (1 - Confidence) / 2
	if k := sort.Search(n, func(k int) bool { return below.CDF(float64(k)) > tail }); k > 0 {
		r.Low = s.Xs[k-1]
	}
	if k := sort.Search(n, func(k int) bool { return below.CDF(float64(k)) >= 1-tail }); k < n {
		r.High = s.Xs[k]
	}
	return r
}

// Bound is an upper or a lower limit on a quantile.
type Bound struct {
	Value float64
	Above bool // the quantile must lie above Value, not below
}

// Holding is whether a bound holds.
type Holding string

// The three states of a bound.
const (
	Holds     Holding = "holds"    // the whole interval is on the right side
	Breached  Holding = "breached" // the whole interval is on the wrong side
	Undecided Holding = "unsure"   // the bound lies within the interval
)

// Against holds the quantile against a bound. A value that is equal to the
// bound is on the wrong side.
func (q Quantile) Against(b Bound) Holding {
	low, high, bound := q.Low, q.High, b.Value
	if b.Above {
		low, high, bound = -high, -low, -bound
	}
	switch {
	case high < bound:
		return Holds
	case low >= bound:
		return Breached
	}
	return Undecided
}
