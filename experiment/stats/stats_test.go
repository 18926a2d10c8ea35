package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func seq(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = float64(i + 1)
	}
	return xs
}

func TestSummarise(t *testing.T) {
	tests := []struct {
		name              string
		xs                []float64
		value, low, high  float64
		q1, q3, min, max  float64
		bounded, warnings bool
	}{
		// Ranks from the binomial distribution: 6 → 1, 6; 10 → 2, 9; 30 → 10, 21.
		{name: "six", xs: []float64{5, 1, 6, 2, 4, 3}, value: 3.5, low: 1, high: 6, q1: 1.9167, q3: 5.0833, min: 1, max: 6, bounded: true},
		{name: "ten", xs: seq(10), value: 5.5, low: 2, high: 9, q1: 2.9167, q3: 8.0833, min: 1, max: 10, bounded: true},
		{name: "thirty", xs: seq(30), value: 15.5, low: 10, high: 21, q1: 7.9167, q3: 23.0833, min: 1, max: 30, bounded: true},
		{name: "all the same", xs: []float64{7, 7, 7, 7, 7, 7}, value: 7, low: 7, high: 7, q1: 7, q3: 7, min: 7, max: 7, bounded: true},
		{name: "five", xs: seq(5), value: 3, low: math.Inf(-1), high: math.Inf(1), q1: 1.6667, q3: 4.3333, min: 1, max: 5, warnings: true},
		{name: "one", xs: []float64{4}, value: 4, low: math.Inf(-1), high: math.Inf(1), q1: 4, q3: 4, min: 4, max: 4, warnings: true},
		{name: "none", value: math.NaN(), low: math.Inf(-1), high: math.Inf(1), q1: math.NaN(), q3: math.NaN(), min: math.NaN(), max: math.NaN(), warnings: true},
		{name: "NaN", xs: []float64{1, math.NaN(), 2}, value: math.NaN(), low: math.Inf(-1), high: math.Inf(1), q1: math.NaN(), q3: math.NaN(), min: math.NaN(), max: math.NaN(), warnings: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.xs)
			m := Summarise(test.xs)
			for _, v := range []struct {
				name      string
				got, want float64
			}{
				{"median", m.Value, test.value}, {"low", m.Low, test.low}, {"high", m.High, test.high},
				{"q1", m.Q1, test.q1}, {"q3", m.Q3, test.q3}, {"min", m.Min, test.min}, {"max", m.Max, test.max},
			} {
				if math.IsNaN(v.got) && math.IsNaN(v.want) || v.got == v.want || math.Abs(v.got-v.want) < 1e-4 {
					continue
				}
				t.Errorf("%s = %v, want %v", v.name, v.got, v.want)
			}
			if m.N != len(test.xs) || m.Bounded != test.bounded || (len(m.Warnings) > 0) != test.warnings {
				t.Errorf("n = %d, bounded = %t, warnings = %q", m.N, m.Bounded, m.Warnings)
			}
			if !slices.EqualFunc(before, test.xs, func(a, b float64) bool { return a == b || math.IsNaN(a) }) {
				t.Errorf("the sample was changed: %v, was %v", test.xs, before)
			}
		})
	}
	if m := Summarise(seq(MinTrials - 1)); m.Bounded {
		t.Errorf("MinTrials is too large")
	}
	if m := Summarise(seq(MinTrials)); !m.Bounded {
		t.Errorf("MinTrials is too small")
	}
}

// populations have the tails and humps of real startup times.
var populations = []struct {
	name   string
	median float64
	draw   func(*rand.Rand) float64
}{
	{"lognormal", math.Exp(2), func(r *rand.Rand) float64 { return math.Exp(2 + 0.5*r.NormFloat64()) }},
	{"exponential", math.Ln2, func(r *rand.Rand) float64 { return r.ExpFloat64() }},
	{"narrow", 300, func(r *rand.Rand) float64 { return 300 + 5*r.NormFloat64() }},
}

func draw(r *rand.Rand, n int, one func(*rand.Rand) float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = one(r)
	}
	return xs
}

// covers checks that a share of the intervals between least and most holds
// the truth.
func covers(t *testing.T, experiments, hits int, least, most float64) {
	t.Helper()
	if share := float64(hits) / float64(experiments); share < least || share > most {
		t.Errorf("%d of %d intervals hold the truth (%.1f %%), want %g to %g %%", hits, experiments, 100*share, 100*least, 100*most)
	}
}

func TestMedianCoverage(t *testing.T) {
	const experiments = 2000
	for _, p := range populations {
		for _, n := range []int{6, 20, 30, 60, 200} {
			rng := rand.New(rand.NewPCG(uint64(n), 7))
			hits := 0
			for range experiments {
				m := Summarise(draw(rng, n, p.draw))
				if m.Low <= p.median && p.median <= m.High {
					hits++
				}
			}
			covers(t, experiments, hits, 0.92, 0.98)
		}
	}
}

// TestRatioCoverage holds the bootstrap to at least 95 % (less what chance
// takes in so few experiments). Small samples may have more: between too
// wide and too narrow, too wide is the honest side. Plain percentiles cover
// 89 % at n = 7.
func TestRatioCoverage(t *testing.T) {
	experiments := 300
	if testing.Short() {
		experiments = 200
	}
	a := populations[0]
	for _, b := range populations {
		for _, n := range [][2]int{{7, 7}, {10, 10}, {30, 30}, {31, 60}} {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(n[0]), 11))
				hits := 0
				for range experiments {
					r := RatioOfMedians(draw(rng, n[0], a.draw), draw(rng, n[1], b.draw))
					if truth := a.median / b.median; r.Low <= truth && truth <= r.High {
						hits++
					}
				}
				most := 0.99
				if n[0] < 30 {
					most = 1
				}
				covers(t, experiments, hits, 0.93, most)
			})
		}
	}
}

func TestRatioOfMedians(t *testing.T) {
	a, b := seq(30), seq(30)
	for i := range a {
		a[i] = 1000 + a[i]
		b[i] = 100 + b[i]/10
	}
	slices.Reverse(a)
	r := RatioOfMedians(a, b)
	if r.Value != 10 || r.NA != 30 || r.NB != 30 || !r.Bounded || !(r.Low > 9.8 && r.Low < 10 && r.High > 10 && r.High < 10.2) {
		t.Errorf("got %+v", r)
	}
	if again := RatioOfMedians(a, b); again.Low != r.Low || again.High != r.High {
		t.Errorf("not deterministic: %+v, then %+v", r, again)
	}

	for name, x := range map[string][2][]float64{
		"empty": {nil, b}, "NaN": {{math.NaN()}, b}, "zero": {a, make([]float64, 30)},
	} {
		if r := RatioOfMedians(x[0], x[1]); !math.IsNaN(r.Value) || r.Bounded || len(r.Warnings) != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := RatioOfMedians([]float64{4}, []float64{2}); r.Value != 2 || r.Bounded || len(r.Warnings) != 1 {
		t.Errorf("one trial each: %+v", r)
	}
	// So many zeros that the interval would reach them.
	zeros := append(make([]float64, 14), seq(16)...)
	if r := RatioOfMedians(a, zeros); r.Bounded || len(r.Warnings) != 1 {
		t.Errorf("zeros: %+v", r)
	}
}

// TestResampledMedian holds the short way against the long one.
func TestResampledMedian(t *testing.T) {
	const draws = 40000
	for _, n := range []int{6, 7, 30, 31} {
		xs := seq(n)
		rng := rand.New(rand.NewPCG(3, uint64(n)))
		short, long := make([]float64, draws), make([]float64, draws)
		resample := make([]float64, n)
		for i := range draws {
			short[i] = resampledMedian(rng, xs)
			for j := range resample {
				resample[j] = xs[rng.IntN(n)]
			}
			slices.Sort(resample)
			long[i] = middle(resample)
		}
		// Kolmogorov and Smirnov's distance, at the level of 0.1 %.
		d := 0.0
		for x := 0.5; x <= float64(n); x += 0.5 {
			d = math.Max(d, math.Abs(share(short, x)-share(long, x)))
		}
		if limit := 1.95 * math.Sqrt(2.0/draws); d > limit {
			t.Errorf("n = %d: the distributions are %.4f apart, want at most %.4f", n, d, limit)
		}
	}
}

func share(xs []float64, limit float64) float64 {
	n := 0
	for _, x := range xs {
		if x <= limit {
			n++
		}
	}
	return float64(n) / float64(len(xs))
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name             string
		n                int
		value, low, high float64
		want             State
		min, max         int // of Need
	}{
		{"far above", 30, 46, 44, 49, Differs, 0, 0},
		{"far below", 30, 0.5, 0.4, 0.6, Differs, 0, 0},
		{"above the margin by a hair", 30, 1.03, 1.021, 1.04, Differs, 0, 0},
		{"inside", 30, 1.01, 0.99, 1.015, Same, 0, 0},
		{"significant, yet inside", 30, 1.01, 1.005, 1.015, Same, 0, 0},
		{"over the edge", 30, 1.01, 0.99, 1.03, Unsure, 100, 140},
		{"wide", 30, 1.2, 0.9, 1.6, Unsure, 88, 100},
		{"on the edge", 30, 1.02, 1.01, 1.03, Unsure, 0, 0},
	}
	for _, test := range tests {
		r := Ratio{NA: test.n, NB: test.n + 5, Value: test.value, Low: test.low, High: test.high, Bounded: true}
		v := r.Judge(DefaultMargin)
		if v.State != test.want || v.Need < test.min || v.Need > test.max {
			t.Errorf("%s: %+v, want %s and %d to %d trials", test.name, v, test.want, test.min, test.max)
		}
	}
	if v := RatioOfMedians([]float64{1}, []float64{2}).Judge(DefaultMargin); v != (Verdict{Unsure, MinTrials}) {
		t.Errorf("one trial each: %+v", v)
	}
	if v := RatioOfMedians(make([]float64, 30), seq(30)).Judge(DefaultMargin); v != (Verdict{State: Unsure}) {
		t.Errorf("zeros: %+v", v)
	}
}

// TestNeed runs as many trials as an unsure verdict asks for, and expects
// most of them to settle it.
func TestNeed(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	fast := func(r *rand.Rand) float64 { return 100 + 20*r.NormFloat64() }
	slow := func(r *rand.Rand) float64 { return 110 + 20*r.NormFloat64() }
	asked, settled := 0, 0
	for range 200 {
		v := RatioOfMedians(draw(rng, 20, slow), draw(rng, 20, fast)).Judge(DefaultMargin)
		if v.State != Unsure || v.Need == 0 || v.Need > 2000 {
			continue
		}
		asked++
		if RatioOfMedians(draw(rng, v.Need, slow), draw(rng, v.Need, fast)).Judge(DefaultMargin).State != Unsure {
			settled++
		}
	}
	if asked < 50 || settled*2 < asked {
		t.Errorf("%d of %d verdicts were settled by the number of trials they asked for", settled, asked)
	}
}

func BenchmarkRatio(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 5))
	x, y := draw(rng, 500, populations[0].draw), draw(rng, 500, populations[1].draw)
	for b.Loop() {
		RatioOfMedians(x, y)
	}
}
