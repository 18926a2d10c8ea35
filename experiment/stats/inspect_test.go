package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func kinds(ws []Warning) (out []Kind) {
	for _, w := range ws {
		out = append(out, w.Kind)
		for name, x := range w.Numbers {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				panic(name)
			}
		}
	}
	return out
}

// autoregressive gives numbers each of which is r times the one before, and
// noise.
func autoregressive(rng *rand.Rand, n int, r float64) []float64 {
	xs, x := make([]float64, n), 0.0
	for range 50 {
		x = r*x + rng.NormFloat64()
	}
	for i := range xs {
		x = r*x + rng.NormFloat64()
		xs[i] = 100 + 5*x
	}
	return xs
}

func TestInspect(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	plain := draw(rng, 60, populations[0].draw)
	humps := draw(rng, 60, func(r *rand.Rand) float64 { return 100 + 300*float64(r.IntN(2)) + 5*r.NormFloat64() })
	close := draw(rng, 60, func(r *rand.Rand) float64 { return 100 + float64(r.IntN(2)) + 0.01*r.NormFloat64() })
	drift := draw(rng, 60, populations[2].draw)
	for i := range drift {
		drift[i] *= 1 + 0.002*float64(i)
	}
	tests := []struct {
		name string
		xs   []float64
		want []Kind
	}{
		{"nothing", nil, []Kind{NoSample}},
		{"NaN", []float64{1, math.NaN()}, []Kind{NotFinite}},
		{"few", []float64{1, 2, 3}, []Kind{TooFew}},
		{"a tail", plain, nil},
		{"two humps", humps, []Kind{TwoHumps}},
		{"two humps within the margin", close, nil},
		{"a drift", drift, []Kind{Drift}},
		{"like the one before", autoregressive(rng, 200, 0.8), []Kind{Autocorrelated}},
		{"all equal", slices.Repeat([]float64{5}, 40), nil},
		{"a straight line", seq(40), []Kind{Drift}},
	}
	for _, tt := range tests {
		ws := Inspect(tt.xs)
		if got := kinds(ws); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v: %v", tt.name, got, tt.want, ws)
		}
	}
	h := HumpsOf(humps)
	if math.Abs(h.Lower-100) > 5 || math.Abs(h.Upper-400) > 5 || h.UpperShare < 0.3 || h.UpperShare > 0.7 {
		t.Errorf("%+v", h)
	}
}

// TestQuietWarnings counts how often plain samples are warned of: at a level
// of 1 %, three warnings come on at most 3 %.
func TestQuietWarnings(t *testing.T) {
	const samples = 1000
	for _, p := range populations {
		for _, n := range []int{10, 30, 200} {
			rng := rand.New(rand.NewPCG(uint64(n), 12))
			warned := 0
			for range samples {
				if len(Inspect(draw(rng, n, p.draw))) > 0 {
					warned++
				}
			}
			if warned > samples*3/100 {
				t.Errorf("%s, n = %d: %d of %d samples are warned of", p.name, n, warned, samples)
			}
		}
	}
}

// TestDipIsHonest: of uniform samples, 1 % are above the limit.
func TestDipIsHonest(t *testing.T) {
	const samples = 4000
	for _, n := range []int{7, 12, 40, 300} {
		rng := rand.New(rand.NewPCG(uint64(n), 13))
		above := 0
		for range samples {
			if h := HumpsOf(draw(rng, n, (*rand.Rand).Float64)); h.Dip > h.Limit {
				above++
			}
		}
		covers(t, samples, above, 0.004, 0.017)
	}
}

// TestDipByDefinition holds the dip against a search for the nearest
// distribution function with one hump. For each mode and each distance d, the
// left part must be convex and within d, the right part concave and within
// d, and the left must not end above the right.
func TestDipByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 14))
	for range 300 {
		n := 4 + rng.IntN(9)
		xs := sorted(some(rng, n, 0))
		low, high := 0.0, 1.0
		for range 40 {
			if d := (low + high) / 2; unimodalWithin(xs, d) {
				high = d
			} else {
				low = d
			}
		}
		near(t, "dip", dip(xs), max(high, 1/float64(2*n)), 1e-9)
		mirrored := make([]float64, n)
		for i, x := range xs {
			mirrored[n-1-i] = -x
		}
		near(t, "mirrored", dip(mirrored), dip(xs), 1e-12)
	}
}

func unimodalWithin(xs []float64, d float64) bool {
	for m := range xs {
		left, ok := leastAtMode(xs[:m+1], len(xs), d)
		if !ok {
			continue
		}
		// The right part, turned round, is a left part.
		turned := make([]float64, len(xs)-m)
		for i := range turned {
			turned[i] = -xs[len(xs)-1-i]
		}
		if right, ok := leastAtMode(turned, len(xs), d); ok && left <= 1-right+1e-12 {
			return true
		}
	}
	return false
}

// leastAtMode gives the least value at the last of xs, of which there are n in
// all, that a convex function within d of the distribution function can have.
func leastAtMode(xs []float64, n int, d float64) (float64, bool) {
	upper := func(i int) float64 { return float64(i)/float64(n) + d }
	lower := func(i int) float64 {
		if i == len(xs)-1 { // the mode may jump
			return float64(i)/float64(n) - d
		}
		return float64(i+1)/float64(n) - d
	}
	least := lower(len(xs) - 1)
	for i := range xs {
		for j := i; j < len(xs); j++ {
			for k := j; k < len(xs); k++ {
				// A convex function that is at most upper at i and at least
				// lower at j is at least this at k.
				if i < j {
					at := upper(i) + (lower(j)-upper(i))*(xs[k]-xs[i])/(xs[j]-xs[i])
					if at > upper(k)+1e-12 {
						return 0, false
					}
					if k == len(xs)-1 {
						least = max(least, at)
					}
				}
			}
		}
		if lower(i) > upper(i)+1e-12 {
			return 0, false
		}
	}
	return least, true
}

// TestDriftIsHonest: neighbours that resemble each other are no drift, and a
// drift is found among them.
func TestDriftIsHonest(t *testing.T) {
	const samples = 1000
	for _, r := range []float64{0, 0.5} {
		rng := rand.New(rand.NewPCG(uint64(10*r), 15))
		false5, found := 0, 0
		for range samples {
			xs := autoregressive(rng, 120, r)
			if TrendOf(xs).P < 0.05 {
				false5++
			}
			for i := range xs {
				xs[i] *= 1 + 0.003*float64(i)
			}
			if TrendOf(xs).Warning() != nil {
				found++
			}
		}
		if false5 > samples*8/100 {
			t.Errorf("correlation %v: %d of %d samples without a drift have one at 5 %%", r, false5, samples)
		}
		if found < samples*95/100 {
			t.Errorf("correlation %v: a drift is found in %d of %d", r, found, samples)
		}
	}
}

// TestTiedTrend: with ties, as of a coarse clock, the variance is a smaller one.
// Without its correction too few samples would have a trend.
func TestTiedTrend(t *testing.T) {
	const samples = 4000
	rng := rand.New(rand.NewPCG(8, 17))
	below := 0
	for range samples {
		if TrendOf(some(rng, 60, 2)).P < 0.05 {
			below++
		}
	}
	covers(t, samples, below, 0.03, 0.06)
}

func TestAutocorrelation(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 16))
	tr := TrendOf(autoregressive(rng, 20000, 0.6))
	// Ranks of a normal series with correlation r have (6/π)·asin(r/2).
	near(t, "lag 1", tr.Lag1, 6/math.Pi*math.Asin(0.3), 0.02)
	near(t, "effective share", tr.EffectiveN/20000, (1-tr.Lag1)/(1+tr.Lag1), 0.001)
	if tr := TrendOf(seq(9)); !math.IsNaN(tr.P) || tr.Warning() != nil || tr.AutocorrelationWarning() != nil {
		t.Errorf("%+v", tr)
	}
	// Kendall's S against all pairs, with ties.
	for range 100 {
		xs := some(rng, 10+rng.IntN(20), 6)
		rs, _ := ranks(xs)
		want := 0.0
		for i := range xs {
			for j := range i {
				if xs[j] > xs[i] {
					want++
				}
			}
		}
		near(t, "inversions", inversions(rs), want, 0)
	}
}
