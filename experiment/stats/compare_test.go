package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	moremath "github.com/aclements/go-moremath/stats"
)

// some gives samples, with ties where few is not 0.
func some(rng *rand.Rand, n, few int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		if xs[i] = rng.NormFloat64(); few > 0 {
			xs[i] = float64(rng.IntN(few))
		}
	}
	return xs
}

// TestPairs holds what is counted in O(n log n) against all pairs, listed.
func TestPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 400 {
		a, b := some(rng, 1+rng.IntN(20), i%4*3), some(rng, 1+rng.IntN(20), i%4*3)
		n, m := float64(len(a)), float64(len(b))
		u, ahead := 0.0, 0.0
		var all []float64
		d := make([][]float64, len(a))
		for i, x := range a {
			d[i] = make([]float64, len(b))
			for j, y := range b {
				all = append(all, y-x)
				switch {
				case y > x:
					u, d[i][j] = u+1, 1
				case y == x:
					u += 0.5
				default:
					d[i][j] = -1
				}
				ahead += d[i][j]
			}
		}
		slices.Sort(all)
		near(t, "U", MannWhitneyTest(a, b).U, u, 0)
		s := HodgesLehmann(a, b)
		near(t, "shift", s.Value, middle(all), 0)
		if back := HodgesLehmann(b, a); back.Value != -s.Value || back.Low != -s.High {
			t.Errorf("%+v, and turned round %+v", s, back)
		}
		for k := range all {
			if got := difference(sorted(a), sorted(b), k+1); got != all[k] {
				t.Fatalf("difference %d = %v, want %v", k+1, got, all[k])
			}
		}
		delta := CliffsDelta(a, b)
		near(t, "delta", delta.Value, ahead/n/m, 1e-12)
		if !delta.Bounded || math.Abs(delta.Value) == 1 {
			continue
		}
		// The variance by its definition, from the dominance matrix.
		mean := ahead / n / m
		ssr, ssc, ss := 0.0, 0.0, 0.0
		for i := range a {
			row := 0.0
			for j := range b {
				row += d[i][j]
				ss += (d[i][j] - mean) * (d[i][j] - mean)
			}
			ssr += math.Pow(row/m-mean, 2)
		}
		for j := range b {
			column := 0.0
			for i := range a {
				column += d[i][j]
			}
			ssc += math.Pow(column/n-mean, 2)
		}
		v := max((m*m*ssr+n*n*ssc-ss)/(n*m*(n-1)*(m-1)), (1-mean*mean)/(n*m-1))
		q := moremath.InvCDF(moremath.TDist{V: n + m - 2})(0.975)
		half := q * math.Sqrt(v) * math.Sqrt(math.Pow(1-mean*mean, 2)+q*q*v)
		near(t, "low", delta.Low, max(-1, (mean-mean*mean*mean-half)/(1-mean*mean+q*q*v)), 1e-9)
	}
}

// TestUDistribution holds ours, which is quick, against moremath's.
func TestUDistribution(t *testing.T) {
	for _, n := range [][2]int{{1, 1}, {1, 7}, {3, 4}, {6, 6}, {5, 12}, {20, 20}, {30, 17}} {
		d := uDistribution(n[0], n[1])
		for u := 0; u < len(d); u += 1 + len(d)/40 {
			near(t, fmt.Sprintf("P(U ≤ %d) of %v", u, n), d[u], moremath.UDist{N1: n[0], N2: n[1]}.CDF(float64(u)), 1e-12)
		}
	}
	d := uDistribution(49, 49)
	near(t, "the smallest", d[0]*mathChoose(98, 49), 1, 1e-9)
	near(t, "symmetry", d[1199]+d[1201], 1, 1e-12)
}

func mathChoose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}

// TestExactMeetsNormal looks at the seams: P must not jump where one way to
// compute it gives way to the other.
func TestExactMeetsNormal(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 50 {
		a, b := some(rng, 49, 0), some(rng, 49, 0)
		exact := MannWhitneyTest(a, b)
		c := append(slices.Clone(a), middle(sorted(append(slices.Clone(a), b...))))
		normal := MannWhitneyTest(c, b)
		if !exact.Exact || normal.Exact || math.Abs(exact.P-normal.P) > 0.05 {
			t.Errorf("p = %v, with one more sample %v", exact, normal)
		}
	}
	for few, exact := range map[int]bool{0: true, 3: false} {
		if m := MannWhitneyTest(some(rng, 20, few), some(rng, 20, few)); m.Exact != exact {
			t.Errorf("exact = %t with ties from %d values", m.Exact, few)
		}
	}
	if m := MannWhitneyTest([]float64{1, 1, 2}, []float64{1, 2, 2}); !m.Exact || m.P > 1 || m.P < 0.5 {
		t.Errorf("%+v", m)
	}
	same := []float64{7, 7, 7}
	if m := MannWhitneyTest(same, same); m.P != 1 || m.U != 4.5 {
		t.Errorf("all equal: %+v", m)
	}
	if m := MannWhitneyTest(nil, same); !math.IsNaN(m.P) {
		t.Errorf("no sample: %+v", m)
	}
}

func TestShiftAndDeltaCoverage(t *testing.T) {
	const experiments = 2000
	for _, n := range [][2]int{{7, 7}, {20, 30}, {60, 60}} {
		rng := rand.New(rand.NewPCG(uint64(n[0]), 3))
		shifts, deltas := 0, 0
		// X ~ N(0,1), Y ~ N(0.5,1): delta = 2Φ(0.5/√2) - 1.
		truth := 2*moremath.StdNormal.CDF(0.5/math.Sqrt2) - 1
		for range experiments {
			a := draw(rng, n[0], (*rand.Rand).NormFloat64)
			b := draw(rng, n[1], func(r *rand.Rand) float64 { return 0.5 + r.NormFloat64() })
			if s := HodgesLehmann(a, b); s.Low <= 0.5 && 0.5 <= s.High {
				shifts++
			}
			if d := CliffsDelta(a, b); d.Low <= truth && truth <= d.High {
				deltas++
			}
		}
		covers(t, experiments, shifts, 0.94, 0.98)
		covers(t, experiments, deltas, 0.93, 0.985)
	}
	// Wholly apart: no variance, and still an interval with a width.
	if d := CliffsDelta(seq(10), []float64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}); d.Value != 1 || d.High != 1 || !(d.Low > 0.4 && d.Low < 0.5) {
		t.Errorf("%+v", d)
	}
}

// twoRuns draws a cell of two runs, with 3 % noise.
func twoRuns(rng *rand.Rand, n int, slower float64) (a, b []float64) {
	level := math.Exp(5 * rng.Float64())
	one := func(factor float64) []float64 {
		return draw(rng, n, func(r *rand.Rand) float64 { return level * factor * (1 + 0.03*r.NormFloat64()) })
	}
	return one(1), one(slower)
}

// TestFalseAlarms compares runs of the same thing: of 200 whole comparisons at
// most 5 % may find anything. Without a margin the family error is Holm's
// alone.
func TestFalseAlarms(t *testing.T) {
	const cells = 20
	families := 200
	if testing.Short() {
		families = 60
	}
	rng := rand.New(rand.NewPCG(200, 20))
	alarms := 0
	for range families {
		cs := make([]Comparison, cells)
		for i := range cs {
			cs[i] = Compare(twoRuns(rng, 50, 1))
		}
		if slices.ContainsFunc(JudgeAll(cs, DefaultMargin), func(v Judged) bool { return v.State == Differs }) {
			alarms++
		}
	}
	if alarms > families/20 {
		t.Errorf("%d of %d comparisons of equal runs find a difference", alarms, families)
	}
	t.Logf("%d of %d", alarms, families)

	// Holm alone, with the noise of real startup times, at the level itself.
	alarms = 0
	const more = 1000
	for range more {
		ps := make([]float64, cells)
		for i := range ps {
			ps[i] = MannWhitneyTest(draw(rng, 30, populations[0].draw), draw(rng, 30, populations[0].draw)).P
		}
		if slices.Min(Holm(ps)) < 0.05 {
			alarms++
		}
	}
	if alarms < more/50 || alarms > more*7/100 {
		t.Errorf("%d of %d families are rejected at 5 %%", alarms, more)
	}
}

// TestFound injects 5 % into one cell of 20, at n = 50 and 3 % noise: it must be
// found in 95 of 100 comparisons.
func TestFound(t *testing.T) {
	const families = 400
	rng := rand.New(rand.NewPCG(5, 50))
	found := 0
	for range families {
		cs := []Comparison{Compare(twoRuns(rng, 50, 1.05))}
		for range 19 { // of which only the test matters to the first
			cs = append(cs, Comparison{Test: MannWhitneyTest(twoRuns(rng, 50, 1))})
		}
		if JudgeAll(cs, DefaultMargin)[0].State == Differs {
			found++
		}
	}
	if found < families*95/100 {
		t.Errorf("+5 %% is found in %d of %d comparisons", found, families)
	}
	t.Logf("%d of %d", found, families)
}

// TestWithinMargin injects 1 %: never may it count as a difference.
func TestWithinMargin(t *testing.T) {
	const families = 400
	rng := rand.New(rand.NewPCG(1, 2))
	for range families {
		for _, n := range []int{50, 400} {
			if v := JudgeAll([]Comparison{Compare(twoRuns(rng, n, 1.01))}, DefaultMargin)[0]; v.State == Differs {
				t.Fatalf("+1 %% differs at a margin of 2 %%, n = %d: %+v", n, v)
			}
		}
	}
}

// TestChance: what one comparison would call a difference is not one among
// many.
func TestChance(t *testing.T) {
	c := Comparison{Ratio: Ratio{NA: 30, NB: 30, Value: 1.1, Low: 1.03, High: 1.2, Bounded: true}, Test: MannWhitney{P: 0.01}}
	if v := JudgeAll([]Comparison{c}, DefaultMargin)[0]; v.State != Differs || v.P != 0.01 || v.Chance {
		t.Errorf("alone: %+v", v)
	}
	others := slices.Repeat([]Comparison{{Ratio: c.Ratio, Test: MannWhitney{P: 0.9}}}, 19)
	v := JudgeAll(append([]Comparison{c}, others...), DefaultMargin)[0]
	// From z = 2.58 to the 3.02 that 0.05/20 takes: 30·(3.02/2.58)² = 41.
	if v.State != Unsure || !v.Chance || math.Abs(v.P-0.2) > 1e-12 || v.Need < 41 || v.Need > 45 {
		t.Errorf("among twenty: %+v", v)
	}
}

// TestTogether: of families in which nothing differs, with as few members as
// may by chance all look alike, at most one in twenty tells of anything.
func TestTogether(t *testing.T) {
	const families = 2000
	for _, k := range []int{2, 3, 5} {
		rng := rand.New(rand.NewPCG(uint64(k), 7))
		alarms := 0
		for range families {
			cs := make([]Comparison, k)
			for i := range cs {
				p := rng.Float64() // that of a test where nothing differs
				value := 1.1
				if rng.IntN(2) == 0 {
					value = 1 / value
				}
				cs[i] = Comparison{Ratio: Ratio{NA: 30, NB: 30, Value: value, Low: value * 0.99, High: value * 1.01, Bounded: true}, Test: MannWhitney{P: p}}
			}
			vs, _ := JudgeTogether(cs, 0)
			if slices.ContainsFunc(vs, func(v Judged) bool { return v.State == Differs }) {
				alarms++
			}
		}
		if alarms < families*3/100 || alarms > families*65/1000 { // 5 % and three of its standard errors
			t.Errorf("%d members: %d of %d families tell of a difference", k, alarms, families)
		}
	}

	// Six trials can't be surer than 0.002, and a hundred inputs need no more.
	var cs []Comparison
	for range 100 {
		cs = append(cs, Compare([]float64{1, 2, 3, 4, 5, 6}, []float64{101, 102, 103, 104, 105, 106}))
	}
	vs, each := JudgeTogether(cs, DefaultMargin)
	if !each || slices.ContainsFunc(vs, func(v Judged) bool { return v.State != Differs }) {
		t.Errorf("all alike: %v, %+v", each, vs[0])
	}
	// One that differs the other way, and it is no longer one claim.
	cs[50] = Compare([]float64{101, 102, 103, 104, 105, 106}, []float64{1, 2, 3, 4, 5, 6})
	if vs, each = JudgeTogether(cs, DefaultMargin); each || vs[0].State != Unsure {
		t.Errorf("not alike: %v, %+v", each, vs[0])
	}
}

func TestDetectable(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, n := range []int{30, 100} {
		d := Detectable(0.03, n, n, DefaultMargin)
		const tries = 400
		found := 0
		for range tries {
			a := draw(rng, n, func(r *rand.Rand) float64 { return 100 * math.Exp(0.03*r.NormFloat64()) })
			b := draw(rng, n, func(r *rand.Rand) float64 { return 100 * (1 + d) * math.Exp(0.03*r.NormFloat64()) })
			if JudgeAll([]Comparison{Compare(a, b)}, DefaultMargin)[0].State == Differs {
				found++
			}
		}
		covers(t, tries, found, 0.70, 0.90)
	}
	if d := Detectable(0.03, 5, 50, DefaultMargin); !math.IsInf(d, 1) {
		t.Errorf("five trials can detect %v", d)
	}
	near(t, "spread", Summarise(draw(rng, 20000, populations[2].draw)).Spread(), 5.0/300, 0.0005)
}

func TestQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, q := range []float64{0.5, 0.9, 0.95} {
		truth := moremath.InvCDF(moremath.StdNormal)(q)
		hits := 0
		for range 2000 {
			if r := QuantileOf(draw(rng, 100, (*rand.Rand).NormFloat64), q); r.Low <= truth && truth <= r.High {
				hits++
			}
		}
		covers(t, 2000, hits, 0.94, 0.985)
	}
	// 100 trials bound the 99th percentile from below only: 0.99^100 = 37 %.
	r := QuantileOf(seq(100), 0.99)
	if !math.IsInf(r.High, 1) || r.Low < 90 {
		t.Errorf("%+v", r)
	}
	for bound, want := range map[Bound]Holding{
		{101, false}: Undecided, {90, false}: Breached, {90, true}: Holds, {101, true}: Undecided,
	} {
		if got := r.Against(bound); got != want {
			t.Errorf("%+v: %s, want %s", bound, got, want)
		}
	}
	m := QuantileOf(slices.Repeat([]float64{7}, 10), 0.5)
	for bound, want := range map[Bound]Holding{
		{7, false}: Breached, {7, true}: Breached, {7.1, false}: Holds, {6.9, true}: Holds,
	} {
		if got := m.Against(bound); got != want {
			t.Errorf("%+v: %s, want %s", bound, got, want)
		}
	}
	if h := QuantileOf(nil, 0.5).Against(Bound{Value: 1}); h != Undecided {
		t.Errorf("no sample: %s", h)
	}
}

// TestMillion: a million samples a side take seconds, not hours. The limit is
// loose because the machine may be busy; anything quadratic would take days.
func TestMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("a million samples")
	}
	rng := rand.New(rand.NewPCG(6, 6))
	a, b := draw(rng, 1_000_000, populations[0].draw), draw(rng, 1_000_000, populations[0].draw)
	began := time.Now()
	c := Compare(a, b)
	Inspect(a)
	t.Logf("%v", time.Since(began))
	if time.Since(began) > time.Minute || !c.Shift.Bounded || !(math.Abs(c.Shift.Value) < 0.05) {
		t.Errorf("%v, %+v", time.Since(began), c)
	}
}
