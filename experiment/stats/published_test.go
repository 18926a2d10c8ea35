package stats

import (
	"math"
	"testing"
)

// Worked examples, each with the place it is from. Those of R and SciPy were
// run again with R 4.2.2, its diptest 0.76, SciPy 1.10.1 and statsmodels 0.13.5,
// which give these values; only effsize was not at hand.
var (
	// Permeability of a membrane at term and at 12 to 26 weeks (M. Hollander
	// and D. Wolfe, Nonparametric Statistical Methods, 1973, p. 69 f.; the
	// example of R's wilcox.test).
	term  = []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	weeks = []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	// real-statistics.com, Mann-Whitney test, example 1, and Cliff's delta,
	// examples 1 and 2.
	control = []float64{11, 15, 9, 4, 34, 17, 18, 14, 12, 13, 26, 31}
	drug    = []float64{34, 31, 35, 29, 28, 12, 18, 30, 14, 22, 10}
	// The example of R's effsize::cliff.delta.
	treatment = []float64{10, 10, 20, 20, 20, 30, 30, 30, 40, 50}
	without   = []float64{10, 20, 30, 40, 40, 50}
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s = %.10g, want %.10g", what, got, want)
	}
}

func TestPublishedMannWhitney(t *testing.T) {
	// R: W = 35, one-sided p-value = 0.1272; SAS NPAR1WAY: exact 0.2544.
	m := MannWhitneyTest(weeks, term)
	near(t, "U", m.U, 35, 0)
	near(t, "p", m.P, 0.2544, 0.00005)
	if !m.Exact {
		t.Error("not exact")
	}
	// scipy.stats.mannwhitneyu's example: males and females, U1 = 17,
	// exact p = 0.1111.
	m = MannWhitneyTest([]float64{20, 11, 17, 12}, []float64{19, 22, 16, 29, 24})
	near(t, "U", m.U, 17, 0)
	near(t, "p", m.P, 0.1111, 0.0001)
}

func TestPublishedHodgesLehmann(t *testing.T) {
	// SAS NPAR1WAY gives the shift -0.3050 for the other direction; R's
	// wilcox.test(conf.int = TRUE), which is exact here, -0.15 to 0.76.
	s := HodgesLehmann(weeks, term)
	near(t, "shift", s.Value, 0.305, 1e-9)
	near(t, "low", s.Low, -0.15, 1e-9)
	near(t, "high", s.High, 0.76, 1e-9)
}

func TestPublishedCliffsDelta(t *testing.T) {
	// effsize: delta estimate -0.25; 95 % interval -0.7265846 to 0.3890062,
	// unbiased, Student's t.
	d := CliffsDelta(without, treatment)
	near(t, "delta", d.Value, -0.25, 1e-12)
	near(t, "low", d.Low, -0.7265846, 1e-7)
	near(t, "high", d.High, 0.3890062, 1e-7)
	// Published with normal instead of Student's quantiles: -0.730 to 0.0778,
	// standard error 0.225. With Student's it is a little wider.
	d = CliffsDelta(drug, control)
	near(t, "delta", d.Value, -0.40152, 5e-6)
	if !(d.Low < -0.730 && d.Low > -0.76 && d.High > 0.0778 && d.High < 0.11) {
		t.Errorf("interval %v to %v", d.Low, d.High)
	}
}

func TestPublishedHolm(t *testing.T) {
	// Wikipedia, Holm-Bonferroni method, example: 0.01, 0.04, 0.03 and 0.005;
	// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
	got := Holm([]float64{0.01, 0.04, math.NaN(), 0.03, 0.005})
	want := []float64{0.03, 0.06, math.NaN(), 0.06, 0.02}
	for i := range want {
		if math.IsNaN(want[i]) {
			if !math.IsNaN(got[i]) {
				t.Errorf("a NaN became %v", got[i])
			}
			continue
		}
		near(t, "p", got[i], want[i], 1e-12)
	}
	near(t, "p", Holm([]float64{0.4, 0.9})[0], 0.8, 1e-12)
	near(t, "p", Holm([]float64{0.4, 0.9})[1], 0.9, 1e-12)
}

func TestPublishedDip(t *testing.T) {
	// The tests of R's diptest.
	near(t, "two points", dip([]float64{1, 1, 2, 2}), 1.0/4, 1e-12)
	near(t, "one hump", dip([]float64{0, 1, 3, 6}), 1.0/8, 1e-12)
	one := []float64{1, 2, 2, 2, 2, 2, 2, 2, 2, 2}
	other := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 2}
	near(t, "mirrored", dip(one), dip(other), 1e-12)
	// Quality of 63 departments of statistics (the authors' own example;
	// diptest's statfaculty): 0.05952381.
	near(t, "faculty", dip(faculty), 0.05952381, 5e-9)
}

// faculty is data/statfaculty.R of diptest.
var faculty = []float64{
	30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47,
	48, 48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61, 61, 61, 62, 62,
	62, 62, 63, 66, 70, 72, 72,
}

// TestDipLimit holds our quantiles against those of diptest's qDiptab, from
// 1,000,001 samples each.
func TestDipLimit(t *testing.T) {
	for n, q := range map[int]float64{
		6: 0.19186, 10: 0.15968, 20: 0.12062, 50: 0.08120, 100: 0.05902, 200: 0.04269, 500: 0.02745, 1000: 0.01961,
	} {
		near(t, "limit", dipLimit(n)/q, 1, 0.01)
	}
}

func TestTrendByHand(t *testing.T) {
	// Of 45 pairs in 1 to 10 with 3, 4 and 8, 9 exchanged, two are reversed.
	tr := TrendOf([]float64{1, 2, 4, 3, 5, 6, 7, 9, 8, 10})
	near(t, "tau", tr.Tau, 41.0/45, 1e-12)
	// Var S = 10·9·25/18 = 125, z = 40/√125; neighbours do not resemble each
	// other once the trend is gone.
	near(t, "p", tr.P, math.Erfc(40/math.Sqrt(125)/math.Sqrt2), 1e-9)
}
