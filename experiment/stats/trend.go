package stats

import (
	"fmt"
	"math"
)

// Trend is what the order of a sample tells: whether it drifts, and how much
// each value says about the next.
type Trend struct {
	N int
	// Tau is Kendall's rank correlation with the order, -1 to 1.
	Tau float64
	// P is Mann and Kendall's test that nothing drifts.
	P float64
	// Change is the median of the second half over that of the first, less 1.
	// NaN where the first is not above zero.
	Change float64
	// Lag1 is the correlation of neighbours, of ranks, so that a tail does
	// not decide it, and without the trend.
	Lag1 float64
	// EffectiveN is how many independent values would say as much.
	EffectiveN float64
}

// leastInOrder is the smallest sample whose order is looked at.
const leastInOrder = 10

// TrendOf looks at a sample in the order in which it was taken, in
// O(n log n). Neighbours that resemble each other look like a trend where
// there is none, so the variance of Mann and Kendall's statistic is multiplied
// by what such a sample is short of independent values (S. Yue and C. Wang,
// "The Mann-Kendall Test Modified by Effective Sample Size", Water Resources
// Management 18, 2004, with the correlation that lag 1 implies for the others).
// A sample of fewer than 10, or with a number that is not finite, gives
// neither: P is NaN.
func TrendOf(xs []float64) Trend {
	n := len(xs)
	t := Trend{N: n, Tau: math.NaN(), P: math.NaN(), Change: math.NaN(), Lag1: math.NaN(), EffectiveN: float64(n)}
	if n < leastInOrder || unusable(xs) != nil {
		return t
	}
	rs, ties := ranks(xs)
	if len(ties) == 1 {
		t.Tau, t.P, t.Lag1, t.Change = 0, 1, 0, 0
		return t
	}
	fn := float64(n)
	pairs, tiedPairs := fn*(fn-1)/2, 0.0
	variance := fn * (fn - 1) * (2*fn + 5)
	for _, k := range ties {
		k := float64(k)
		tiedPairs += k * (k - 1) / 2
		variance -= k * (k - 1) * (2*k + 5)
	}
	variance /= 18
	s := pairs - tiedPairs - 2*inversions(rs)
	t.Tau = s / math.Sqrt(pairs*(pairs-tiedPairs))

	t.Lag1 = lag1(rs)
	if r := math.Min(t.Lag1, 1-1/fn); r > 0 {
		// n/n* = 1 + 2 Σ (1-k/n) r^k, for k from 1 to n-1.
		short := 1 + 2*(math.Pow(r, fn+1)-fn*r*r+(fn-1)*r)/(fn*(r-1)*(r-1))
		variance *= math.Max(1, short)
		t.EffectiveN = math.Max(1, fn/math.Max(1, short))
	}
	z := math.Max(0, math.Abs(s)-1) / math.Sqrt(variance)
	t.P = math.Erfc(z / math.Sqrt2)

	if first := middle(sorted(xs[:n/2])); first > 0 {
		t.Change = middle(sorted(xs[n/2:]))/first - 1
	}
	return t
}

// lag1 is the correlation of ranks with the next ones, after the straight
// line through them is taken away.
func lag1(rs []float64) float64 {
	n := float64(len(rs))
	mean, slope := (n+1)/2, 0.0
	for i, r := range rs {
		slope += (float64(i+1) - mean) * (r - mean)
	}
	slope /= n * (n*n - 1) / 12
	rest := func(i int) float64 { return rs[i] - mean - slope*(float64(i+1)-mean) }
	squares, products := 0.0, 0.0
	for i := range rs {
		x := rest(i)
		squares += x * x
		if i > 0 {
			products += x * rest(i-1)
		}
	}
	if squares <= 1e-9*n*n*n { // a straight line, up to rounding
		return 0
	}
	return products / squares
}

// inversions counts the pairs in which the later value is the smaller.
func inversions(xs []float64) float64 {
	xs = append([]float64(nil), xs...)
	other := make([]float64, len(xs))
	count := 0.0
	for width := 1; width < len(xs); width *= 2 {
		for from := 0; from < len(xs); from += 2 * width {
			mid, to := min(from+width, len(xs)), min(from+2*width, len(xs))
			i, j := from, mid
			for k := from; k < to; k++ {
				if j == to || i < mid && xs[i] <= xs[j] {
					other[k] = xs[i]
					i++
				} else {
					other[k] = xs[j]
					j++
					count += float64(mid - i)
				}
			}
		}
		xs, other = other, xs
	}
	return count
}

// warnLevel is the level of the tests behind warnings. A run has many cells,
// and a warning that comes by chance is soon read by nobody.
const warnLevel = 0.01

// Warning tells of a drift that chance does not explain and that could turn a
// verdict; nil where there is none.
func (t Trend) Warning() *Warning {
	if !(t.P < warnLevel) || !(math.Abs(math.Log1p(t.Change)) > math.Log1p(DefaultMargin)) {
		return nil
	}
	direction := "above"
	if t.Change < 0 {
		direction = "below"
	}
	return &Warning{
		Kind: Drift,
		Text: fmt.Sprintf("it drifts: the median of the second half lies %.2g %% %s that of the first (Mann-Kendall, %s, corrected for autocorrelation)",
			100*math.Abs(t.Change), direction, pText(t.P)),
		Numbers: map[string]float64{"tau": t.Tau, "p": t.P, "change": t.Change},
	}
}

// AutocorrelationWarning tells that neighbours resemble each other so much
// that intervals are too narrow by more than a tenth; nil where they do not.
func (t Trend) AutocorrelationWarning() *Warning {
	significant := t.Lag1*math.Sqrt(float64(t.N)) > -math.Sqrt2*math.Erfinv(warnLevel-1)
	if !significant || t.EffectiveN > float64(t.N)/1.21 {
		return nil
	}
	return &Warning{
		Kind: Autocorrelated,
		Text: fmt.Sprintf("each trial resembles the one before (correlation %.2f): %d trials say as much as %.0f independent ones, so its intervals are too narrow by a factor of about %.2g",
			t.Lag1, t.N, t.EffectiveN, math.Sqrt(float64(t.N)/t.EffectiveN)),
		Numbers: map[string]float64{"lag1": t.Lag1, "n": float64(t.N), "effective_n": t.EffectiveN},
	}
}

func pText(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p = %.3f", p)
}
