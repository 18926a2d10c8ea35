package stats

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
)

// Comparison is all that is said of two samples. Everything is of the second
// against the first: above 1, or above 0, the second is the larger.
type Comparison struct {
	Ratio Ratio       // by how much
	Test  MannWhitney // is it real
	Shift Shift       // by how much, in the samples' unit
	Delta Delta       // in how many pairs
}

// Compare holds the second sample against the first.
func Compare(first, second []float64) Comparison {
	first, second = sorted(first), sorted(second)
	return Comparison{
		Ratio: RatioOfMedians(second, first),
		Test:  MannWhitneyTest(first, second),
		Shift: HodgesLehmann(first, second),
		Delta: CliffsDelta(first, second),
	}
}

// Judged is the verdict on one comparison of a family.
type Judged struct {
	Verdict
	// P is the p-value of Mann and Whitney's test, adjusted for the family;
	// NaN where a sample has none.
	P float64
	// Chance: the interval excludes the margin, yet among so many comparisons
	// one that looks like this may come by chance. The state is Unsure.
	Chance bool
}

// JudgeAll gives the verdicts on the comparisons that a reader takes in
// together. A difference must be large: the interval of the ratio excludes
// the margin. And it must be real: Mann and Whitney's test, adjusted for all
// the comparisons by Holm, rejects at 5 %. So where nothing differs, at most
// one family in twenty tells of any difference.
func JudgeAll(cs []Comparison, margin float64) []Judged {
	ps := make([]float64, len(cs))
	tested := 0
	for i, c := range cs {
		if ps[i] = c.Test.P; !math.IsNaN(ps[i]) {
			tested++
		}
	}
	ps = Holm(ps)
	out := make([]Judged, len(cs))
	for i, c := range cs {
		v := Judged{Verdict: c.Ratio.Judge(margin), P: ps[i]}
		if v.State == Differs && !(v.P < 1-Confidence) {
			v.State, v.Chance = Unsure, true
			v.Need = needed(c, tested)
		}
		out[i] = v
	}
	return out
}

// JudgeTogether gives the verdicts on comparisons that one sentence will speak
// of, and whether they hold for every one by its own test. That they all differ
// in one direction is wrong only where one of them does not, and that one would
// have had to pass its own test: such a claim needs no adjustment (R. L.
// Berger, "Multiparameter Hypothesis Testing and Acceptance Sampling",
// Technometrics 24, 1982). Where they do not all, JudgeAll says which do. Both
// ways together reject no more than Hochberg's procedure, which keeps the level
// where samples are independent, as those of inputs are (Biometrika 75, 1988).
func JudgeTogether(cs []Comparison, margin float64) (out []Judged, each bool) {
	for _, c := range cs {
		j := JudgeAll([]Comparison{c}, margin)[0]
		if j.State != Differs || (c.Ratio.Value > 1) != (cs[0].Ratio.Value > 1) {
			return JudgeAll(cs, margin), false
		}
		out = append(out, j)
	}
	return out, len(cs) > 1
}

// needed is about how many trials a difference like this one needs to be real
// among so many comparisons: the test's distance from chance grows with the
// root of n. 0 where that can't be told.
func needed(c Comparison, tested int) int {
	quantile := moremath.InvCDF(moremath.StdNormal)
	has, wants := quantile(1-c.Test.P/2), quantile(1-(1-Confidence)/float64(2*tested))
	n := float64(min(c.Ratio.NA, c.Ratio.NB))
	need := n * math.Max(1.2, math.Pow(wants/has, 2))
	if !(need <= mostTrials) {
		return 0
	}
	return roundUp(need)
}
