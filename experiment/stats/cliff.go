package stats

import (
	"math"
	"sort"

	moremath "github.com/aclements/go-moremath/stats"
)

// Delta is Cliff's delta: in how many of all pairs the second sample is the
// larger, less in how many it is the smaller. 1: all of it lies above all of
// the first; 0: neither is ahead.
type Delta struct {
	Value     float64 // -1 to 1; NaN where a sample has none
	Low, High float64 // -1 and 1 where Bounded is false
	Bounded   bool
}

// CliffsDelta takes O(n log n). The interval is Cliff's own, from the
// unbiased variance and asymmetric, so that it stays within -1 and 1
// (N. Cliff, "Dominance statistics", Psychological Bulletin 114, 1993; D. Feng
// and N. Cliff, J. Modern Applied Statistical Methods 3(2), 2004).
func CliffsDelta(a, b []float64) Delta {
	d := Delta{Value: math.NaN(), Low: -1, High: 1}
	if unusable(a) != nil || unusable(b) != nil {
		return d
	}
	a, b = sorted(a), sorted(b)
	n, m := float64(len(a)), float64(len(b))
	// Row sums: of each sample, how far it is ahead of the other side's.
	sum, squaresA, equal := 0.0, 0.0, 0.0
	for _, x := range a {
		less, same := below(b, x)
		row := (m - same - 2*less) / m // greater minus less
		sum += row
		squaresA += row * row
		equal += same
	}
	squaresB := 0.0
	for _, y := range b {
		less, same := below(a, y)
		column := (2*less - n + same) / n
		squaresB += column * column
	}
	d.Value = sum / n
	if min(len(a), len(b)) < MinTrials {
		return d
	}
	d.Bounded = true
	if abs := math.Abs(d.Value); abs == 1 {
		// No variance is left to estimate. Of k independent pairs, with k the
		// smaller sample, all point one way: Wilson's interval for k of k.
		z := moremath.InvCDF(moremath.StdNormal)(1 - (1-Confidence)/2)
		k := math.Min(n, m)
		edge := (k - z*z) / (k + z*z)
		if d.Low, d.High = edge, 1; d.Value < 0 {
			d.Low, d.High = -1, -edge
		}
		return d
	}
	v := d.Value * d.Value
	variance := (n*n*(squaresB-m*v) + m*m*(squaresA-n*v) - (n*m - equal - n*m*v)) / (n * m * (n - 1) * (m - 1))
	variance = math.Max(variance, (1-v)/(n*m-1))
	t := moremath.InvCDF(moremath.TDist{V: n + m - 2})(1 - (1-Confidence)/2)
	t2 := t * t * variance
	half := math.Sqrt(t2) * math.Sqrt((1-v)*(1-v)+t2)
	middle, scale := d.Value*(1-v), 1-v+t2
	d.Low, d.High = math.Max(-1, (middle-half)/scale), math.Min(1, (middle+half)/scale)
	return d
}

// below counts in sorted xs what is less than x, and what equals it.
func below(xs []float64, x float64) (less, same float64) {
	i := sort.SearchFloat64s(xs, x)
	j := i + sort.Search(len(xs)-i, func(k int) bool { return xs[i+k] > x })
	return float64(i), float64(j - i)
}
