package stats

import (
	"fmt"
	"math"
)

// Humps is Hartigan's dip test of whether a sample has more than one hump.
type Humps struct {
	N int
	// Dip is how far the sample's distribution function is from the nearest
	// one with a single hump; NaN where there is no sample.
	Dip float64
	// Limit is the dip that 1 % of samples from the uniform distribution
	// exceed, which of all distributions with one hump is the worst.
	Limit float64
	// Where to part the sample in two, the medians of the parts, and the
	// share of the upper one. Set where Dip is above Limit.
	Lower, Upper, UpperShare float64
}

// HumpsOf tests a sample, in O(n log n) (J. A. Hartigan and P. M. Hartigan,
// "The Dip Test of Unimodality", Annals of Statistics 13, 1985). Tails and
// skewness do not matter to it, unlike to tests by moments. With fewer than
// MinTrials it says nothing.
func HumpsOf(xs []float64) Humps {
	h := Humps{N: len(xs), Dip: math.NaN(), Limit: math.Inf(1)}
	if unusable(xs) != nil {
		return h
	}
	xs = sorted(xs)
	h.Dip = dip(xs)
	if len(xs) < MinTrials {
		return h
	}
	h.Limit = dipLimit(len(xs))
	if h.Dip > h.Limit {
		k := part(xs)
		h.Lower, h.Upper, h.UpperShare = middle(xs[:k]), middle(xs[k:]), float64(len(xs)-k)/float64(len(xs))
	}
	return h
}

// Warning tells of two humps so far apart that a median between them, or on
// one of them, says little; nil where there are none.
func (h Humps) Warning() *Warning {
	if !(h.Dip > h.Limit) || !(h.Upper > h.Lower*(1+DefaultMargin)) {
		return nil
	}
	text := fmt.Sprintf("it has two humps, and the median speaks for one of them at most: %.0f %% of the trials are slower", 100*h.UpperShare)
	if h.Lower > 0 {
		text += fmt.Sprintf(", by %.2g times", h.Upper/h.Lower)
	}
	return &Warning{
		Kind:    TwoHumps,
		Text:    text + fmt.Sprintf(" (dip %.3f, above the limit of %.3f at the 1 %% level)", h.Dip, h.Limit),
		Numbers: map[string]float64{"dip": h.Dip, "limit": h.Limit, "lower": h.Lower, "upper": h.Upper, "upper_share": h.UpperShare},
	}
}

// dipQuantiles are the 99 % quantiles of √n·dip for n uniform numbers, drawn
// with this dip from 200,000 samples each, and from 10,000 where n is large.
// TestDipLimit holds them against published ones.
var dipQuantiles = []struct{ n, q float64 }{
	{6, 0.471}, {8, 0.490}, {10, 0.504}, {15, 0.526}, {20, 0.538}, {30, 0.556}, {50, 0.574},
	{100, 0.590}, {200, 0.603}, {500, 0.614}, {1000, 0.621}, {2000, 0.623},
}

func dipLimit(n int) float64 {
	x := float64(n)
	last := dipQuantiles[len(dipQuantiles)-1]
	q := last.q // it no longer grows
	for i, b := range dipQuantiles {
		if x > b.n {
			continue
		}
		if q = b.q; i > 0 {
			a := dipQuantiles[i-1]
			q = a.q + (b.q-a.q)*math.Log(x/a.n)/math.Log(b.n/a.n)
		}
		break
	}
	return q / math.Sqrt(x)
}

// dip follows the authors' description (P. M. Hartigan, Algorithm AS 217,
// Applied Statistics 34, 1985): the nearest function with one hump is convex
// up to an interval that holds the mode, and concave after it. That interval
// shrinks until the part that is left bends less than what was cut off.
func dip(xs []float64) float64 {
	n := len(xs)
	// Sample i is a step of the distribution function, times n, from i to
	// i+1. Equal samples are steps one above the other.
	low, high := make([]float64, n), make([]float64, n)
	for i := range xs {
		low[i], high[i] = float64(i), float64(i+1)
	}
	from, to := 0, n-1
	worst := 1.0 // twice the dip, times n; one step is the least there can be
	for from < to {
		under, over := hull(xs, low, from, to, 1), hull(xs, high, from, to, -1)
		// The widest gap between the two, and the part of the axis that it
		// leaves: from the vertex below it on, up to the vertex above it.
		gap, left, right := 0.0, from, to
		o := 0
		for _, u := range under {
			for over[o+1] < u {
				o++
			}
			if d := line(xs, high, over[o], over[o+1], u) - low[u]; d > gap {
				gap, left, right = d, u, over[o+1]
			}
		}
		u := 0
		for _, o := range over {
			for under[u+1] < o {
				u++
			}
			if d := high[o] - line(xs, low, under[u], under[u+1], o); d > gap {
				gap, left, right = d, under[u], o
			}
		}
		if gap <= worst || left > right {
			break
		}
		for i, k := range under[1:] {
			if k > left {
				break
			}
			for j := under[i]; j <= k; j++ {
				worst = math.Max(worst, high[j]-line(xs, low, under[i], k, j))
			}
		}
		for i, k := range over[1:] {
			if over[i] < right {
				continue
			}
			for j := over[i]; j <= k; j++ {
				worst = math.Max(worst, line(xs, high, over[i], k, j)-low[j])
			}
		}
		if left == from && right == to {
			break
		}
		from, to = left, right
	}
	return worst / float64(2*n)
}

// hull gives the vertices of the greatest convex minorant of the points from
// from to to; with sign -1, of the least concave majorant.
func hull(x, y []float64, from, to int, sign float64) []int {
	var h []int
	for i := from; i <= to; i++ {
		for len(h) > 1 {
			a, b := h[len(h)-2], h[len(h)-1]
			if sign*((y[b]-y[a])*(x[i]-x[b])-(y[i]-y[b])*(x[b]-x[a])) < 0 {
				break
			}
			h = h[:len(h)-1]
		}
		h = append(h, i)
	}
	return h
}

// line gives the height at x[i] of the line through points a and b.
func line(x, y []float64, a, b, i int) float64 {
	if x[a] == x[b] {
		return y[i]
	}
	return y[a] + (y[b]-y[a])*(x[i]-x[a])/(x[b]-x[a])
}

// part cuts a sorted sample in two so that the parts' means lie as far apart
// as their sizes allow (N. Otsu 1979), and gives the length of the lower. It
// works on logarithms where it can, so that a tail is not taken for a hump.
func part(xs []float64) int {
	value := func(x float64) float64 { return x }
	if xs[0] > 0 {
		value = math.Log
	}
	base := value(xs[0])
	sum := 0.0
	for _, x := range xs {
		sum += value(x) - base
	}
	best, at, lower, n := -1.0, 1, 0.0, float64(len(xs))
	for i := 1; i < len(xs); i++ {
		lower += value(xs[i-1]) - base
		if xs[i] == xs[i-1] {
			continue
		}
		k := float64(i)
		d := lower/k - (sum-lower)/(n-k)
		if between := k * (n - k) * d * d; between > best {
			best, at = between, i
		}
	}
	return at
}
