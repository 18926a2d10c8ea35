package stats

import (
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
)

// MannWhitney is the two-sided test of whether two samples come from one
// distribution (Mann and Whitney 1947).
type MannWhitney struct {
	// U counts the pairs in which the second sample is the larger; a tie
	// counts half.
	U float64
	// P is how often chance alone would give a U at least as far from its
	// middle. 1 where all samples are equal, NaN where a sample has none.
	P float64
	// Exact: P comes from U's own distribution, not from the normal one.
	Exact bool
}

// As R does, P is exact below 50 samples a side. With ties that takes far
// longer, so the normal distribution steps in earlier.
const (
	exactBelow     = 50
	exactTiesBelow = 11
)

// MannWhitneyTest compares two samples in O(n log n).
func MannWhitneyTest(a, b []float64) MannWhitney {
	if unusable(a) != nil || unusable(b) != nil {
		return MannWhitney{U: math.NaN(), P: math.NaN()}
	}
	a, b = sorted(a), sorted(b)
	n, m := float64(len(a)), float64(len(b))
	u, ties := countU(a, b)
	t := MannWhitney{U: u}
	tied := 0.0
	for _, k := range ties {
		k := float64(k)
		tied += k*k*k - k
	}
	smaller := math.Min(u, n*m-u)
	most := max(len(a), len(b))
	switch {
	case len(ties) == 1:
		t.P, t.Exact = 1, true
	case tied == 0 && most < exactBelow:
		t.P, t.Exact = 2*uDistribution(len(a), len(b))[int(smaller)], true
	case most < exactTiesBelow:
		t.P, t.Exact = 2*moremath.UDist{N1: len(a), N2: len(b), T: ties}.CDF(smaller), true
	default:
		all := n + m
		sigma := math.Sqrt(n * m / 12 * (all + 1 - tied/(all*(all-1))))
		// Half a step of U corrects for its being discrete.
		z := math.Max(0, n*m/2-smaller-0.5) / sigma
		t.P = math.Erfc(z / math.Sqrt2)
	}
	t.P = math.Min(t.P, 1)
	return t
}

// countU counts the pairs of two sorted samples in which b is the larger,
// and gives the sizes of the groups of ties.
func countU(a, b []float64) (u float64, ties []int) {
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		x := math.Inf(1)
		if i < len(a) {
			x = a[i]
		}
		if j < len(b) {
			x = math.Min(x, b[j])
		}
		below, i0, j0 := i, i, j
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		u += float64(j-j0) * (float64(below) + float64(i-i0)/2)
		ties = append(ties, i-i0+j-j0)
	}
	return u, ties
}

// uDistribution gives the distribution function of U for samples without
// ties: P(U ≤ u) at index u. The counts are the coefficients of the Gaussian
// binomial (1-q^(m+1))…(1-q^(m+n)) / (1-q)…(1-q^n), so they take O(n²m)
// steps. All of them are whole; the small ones, which decide, are exact.
func uDistribution(n, m int) []float64 {
	c := make([]float64, n*m+1)
	c[0] = 1
	for k := 1; k <= n; k++ {
		for u := len(c) - 1; u >= m+k; u-- {
			c[u] -= c[u-m-k]
		}
		for u := k; u < len(c); u++ {
			c[u] += c[u-k]
		}
	}
	// The distribution is symmetric; its lower half is the more exact one.
	for u := range c[:len(c)/2] {
		c[len(c)-1-u] = c[u]
	}
	sum := 0.0
	for u, x := range c {
		sum += x
		c[u] = sum
	}
	for u := range c {
		c[u] /= sum
	}
	return c
}

// Shift is how far the second sample lies above the first: the median of all
// differences between a sample of one and a sample of the other (Hodges and
// Lehmann 1963), in the samples' unit. Its interval holds the shifts that
// Mann and Whitney's test would not reject.
type Shift struct {
	Value     float64 // NaN where a sample has none
	Low, High float64 // infinite where Bounded is false
	Bounded   bool
	Warnings  []Warning
}

// HodgesLehmann takes O(n log n): the differences are counted, never listed.
func HodgesLehmann(a, b []float64) Shift {
	s := Shift{Value: math.NaN(), Low: math.Inf(-1), High: math.Inf(1)}
	for _, xs := range [][]float64{a, b} {
		if w := unusable(xs); w != nil {
			s.Warnings = append(s.Warnings, *w)
			return s
		}
	}
	a, b = sorted(a), sorted(b)
	n, m := len(a), len(b)
	s.Value = difference(a, b, (n*m+1)/2)
	if n*m%2 == 0 {
		s.Value = (s.Value + difference(a, b, n*m/2+1)) / 2
	}
	if k := shiftRank(n, m); k > 0 {
		s.Low, s.High, s.Bounded = difference(a, b, k), difference(a, b, n*m+1-k), true
	} else {
		s.Warnings = append(s.Warnings, tooFew(min(n, m)))
	}
	return s
}

// shiftRank is the rank, from 1, of the difference where the interval
// begins; 0 where the samples are too small for one.
func shiftRank(n, m int) int {
	tail := (1 - Confidence) / 2
	if max(n, m) < exactBelow {
		at, _ := slices.BinarySearch(uDistribution(n, m), tail) // the first that is not below
		return at
	}
	z := moremath.InvCDF(moremath.StdNormal)(1 - tail)
	fn, fm := float64(n), float64(m)
	return max(0, int(fn*fm/2-z*math.Sqrt(fn*fm*(fn+fm+1)/12)))
}

// difference gives the kth smallest of all b[j]-a[i], exactly: it searches
// the numbers themselves, and counts for each in O(n) how many differences
// are no larger. Rounding keeps the order, so the count is right.
func difference(a, b []float64, k int) float64 {
	low, high := order(b[0]-a[len(a)-1]), order(b[len(b)-1]-a[0])
	for low < high {
		mid := low + (high-low)/2
		if atMost(a, b, unorder(mid)) >= k {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return unorder(low)
}

func atMost(a, b []float64, d float64) int {
	count, j := 0, 0
	for _, x := range a {
		for j < len(b) && b[j]-x <= d {
			j++
		}
		count += j
	}
	return count
}
