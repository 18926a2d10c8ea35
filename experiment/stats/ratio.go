package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
)

// Ratio is the median of one sample over that of another, with its interval.
type Ratio struct {
	NA, NB    int
	Value     float64 // NaN where one of the medians is missing or not above zero
	Low, High float64 // 0 and +Inf where Bounded is false
	Bounded   bool
	Warnings  []Warning
}

// resamples is how often the bootstrap draws. At this number the ends of an
// interval move by about a hundredth of its width from seed to seed.
const resamples = 10000

// RatioOfMedians gives median(a) / median(b) with a bootstrap interval: the
// percentiles of resampled ratios, taken as far out as a small sample needs.
// The same samples always give the same interval.
func RatioOfMedians(a, b []float64) Ratio {
	r := Ratio{NA: len(a), NB: len(b), Value: math.NaN(), High: math.Inf(1)}
	for _, xs := range [][]float64{a, b} {
		if w := unusable(xs); w != nil {
			r.Warnings = append(r.Warnings, *w)
			return r
		}
	}
	a, b = sorted(a), sorted(b)
	ma, mb := middle(a), middle(b)
	if ma <= 0 || mb <= 0 {
		r.Warnings = append(r.Warnings, Warning{Kind: NoRatio, Text: "a median is not above zero, so there is no ratio"})
		return r
	}
	r.Value = ma / mb
	if n := min(len(a), len(b)); n < MinTrials {
		r.Warnings = append(r.Warnings, tooFew(n))
		return r
	}
	rng := rand.New(rand.NewPCG(1, 2))
	ratios := make([]float64, resamples)
	for i := range ratios {
		ratios[i] = resampledMedian(rng, a) / resampledMedian(rng, b)
	}
	slices.Sort(ratios) // 0/0 sorts first
	tail := int(tailShare(min(len(a), len(b))) * resamples)
	low, high := ratios[tail], ratios[resamples-1-tail]
	if !(low > 0) || !(high < math.Inf(1)) {
		r.Warnings = append(r.Warnings, Warning{Kind: Zeros, Text: "too many samples are zero for an interval"})
		return r
	}
	r.Low, r.High, r.Bounded = low, high, true
	return r
}

// tailShare is the share of resamples beyond each end of the interval. Plain
// percentiles are too narrow for small samples by about as much as a normal
// interval is that ignores Student's t: this is Hesterberg's expanded
// percentile interval ("What Teachers Should Know About the Bootstrap",
// 2014). At n = 30 it takes 1.9 % on each side instead of 2.5 %.
func tailShare(n int) float64 {
	t := moremath.InvCDF(moremath.TDist{V: float64(n - 1)})(1 - (1-Confidence)/2)
	return moremath.StdNormal.CDF(-t * math.Sqrt(float64(n)/float64(n-1)))
}

func middle(xs []float64) float64 {
	n := len(xs)
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

// resampledMedian draws len(xs) values from the sorted xs with replacement
// and gives their median, without drawing them: the ranks of the resample's
// middle values are order statistics of uniform numbers, and these are
// ratios of sums of exponential ones. So its cost does not grow with n.
func resampledMedian(rng *rand.Rand, xs []float64) float64 {
	n := len(xs)
	at := func(u float64) float64 { return xs[min(int(u*float64(n)), n-1)] }
	if n%2 == 1 {
		below, above := gamma(rng, n/2+1), gamma(rng, n/2+1)
		return at(below / (below + above))
	}
	below, between, above := gamma(rng, n/2), rng.ExpFloat64(), gamma(rng, n/2)
	sum := below + between + above
	return (at(below/sum) + at((below+between)/sum)) / 2
}

// gamma draws the sum of k exponential numbers (Marsaglia and Tsang 2000).
func gamma(rng *rand.Rand, k int) float64 {
	d := float64(k) - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
