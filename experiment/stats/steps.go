package stats

import (
	"math"
	"slices"
)

// Step is a change of a series' level that lasts.
type Step struct {
	At            int     // the first value of the new level counts from 0
	Before, After float64 // medians of the values between this step and its neighbours
	Change        float64 // After over Before, less 1
}

// LeastStretch is how many values make a level: fewer that are off together
// are an outlier and not a step.
const LeastStretch = 3

// Steps finds where the level of a series of positive numbers changes. It
// works on logarithms, so a step is a ratio.
//
// The levels are those of the Potts functional: the squares of what is left
// after taking the levels away, and a penalty for each step, are least
// together. The least is found exactly, by the dynamic program of Jackson et
// al. ("An algorithm for optimal partitioning of data on an interval", 2005),
// which is what PELT (Killick et al. 2012) makes faster for series that are
// longer than ours. The penalty is 4 σ² ln n: 3 is the leading term of the
// modified criterion of Zhang and Siegmund (2007), and a third more is for σ,
// which comes from the differences of neighbours: a step hardly touches them,
// but of a few dozen they may tell too little. Values far from their
// neighbours are drawn in to two σ first (after Hampel), because one bad night
// would otherwise buy two steps.
//
// Values that are not above zero or not finite are left out; At counts all.
func Steps(xs []float64) []Step {
	var ys []float64
	var places []int
	for i, x := range xs {
		if x > 0 && !math.IsInf(x, 0) {
			ys, places = append(ys, math.Log(x)), append(places, i)
		}
	}
	n := len(ys)
	if n < 2*LeastStretch {
		return nil
	}
	sigma := NoiseOf(ys)
	cuts := partition(drawIn(ys, sigma), 4*sigma*sigma*math.Log(float64(n)))
	var out []Step
	for i, c := range cuts {
		from, to := 0, n
		if i > 0 {
			from = cuts[i-1]
		}
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		before, after := math.Exp(middle(sorted(ys[from:c]))), math.Exp(middle(sorted(ys[c:to])))
		out = append(out, Step{At: places[c], Before: before, After: after, Change: after/before - 1})
	}
	return out
}

// leastNoise keeps a series that hardly varies from having a step at every
// change of its last digit.
const leastNoise = 1e-4

// NoiseOf is the standard deviation of a series around its level, from the
// median size of the differences of neighbours.
func NoiseOf(ys []float64) float64 {
	if len(ys) < 2 {
		return leastNoise
	}
	ds := make([]float64, len(ys)-1)
	for i := range ds {
		ds[i] = math.Abs(ys[i+1] - ys[i])
	}
	slices.Sort(ds)
	const normal = 1.4826 // a normal deviation over its median size
	return max(leastNoise, normal*middle(ds)/math.Sqrt2)
}

// drawIn brings values that are further than two σ from the median of the
// nine around them to that distance.
func drawIn(ys []float64, sigma float64) []float64 {
	out := slices.Clone(ys)
	for i, y := range ys {
		around := sorted(slices.Clone(ys[max(0, i-4):min(len(ys), i+5)]))
		m := middle(around)
		out[i] = min(max(y, m-2*sigma), m+2*sigma)
	}
	return out
}

// partition gives where the stretches begin, but for the first, that make
// squares plus penalties least.
func partition(ys []float64, penalty float64) []int {
	n := len(ys)
	sum, square := make([]float64, n+1), make([]float64, n+1)
	base := ys[0] // squares of small numbers lose no digits
	for i, y := range ys {
		sum[i+1], square[i+1] = sum[i]+(y-base), square[i]+(y-base)*(y-base)
	}
	cost := func(from, to int) float64 {
		s := sum[to] - sum[from]
		return square[to] - square[from] - s*s/float64(to-from)
	}
	best, from := make([]float64, n+1), make([]int, n+1)
	best[0] = -penalty
	for to := 1; to <= n; to++ {
		best[to] = math.Inf(1)
		for f := 0; f <= to-LeastStretch; f++ {
			if c := best[f] + cost(f, to) + penalty; c < best[to] {
				best[to], from[to] = c, f
			}
		}
	}
	var cuts []int
	for to := from[n]; to > 0; to = from[to] {
		cuts = append(cuts, to)
	}
	slices.Reverse(cuts)
	return cuts
}
