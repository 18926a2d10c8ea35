package stats

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
)

// Spread is how much a sample scatters relative to its median, robustly: the
// distance of the quartiles as that of a normal distribution of this
// deviation would be. NaN where the median is not above zero.
func (m Median) Spread() float64 {
	if !(m.Value > 0) {
		return math.NaN()
	}
	return (m.Q3 - m.Q1) / quartiles / m.Value
}

// quartiles is how many standard deviations a normal distribution's quartiles
// lie apart.
const quartiles = 1.3489795

// Power is how often a change of the size that Detectable gives is found.
const Power = 0.8

// Detectable is the smallest change that a comparison of two samples with
// such a spread, of na and nb trials, calls different in 4 of 5 cases: 0.05 for
// 5 %. It must stand out of the margin by as much as chance takes, for medians
// of samples that scatter about as normal ones do. One comparison alone is
// meant; in a family it takes a little more. +Inf where a sample is too small
// for an interval.
func Detectable(spread float64, na, nb int, margin float64) float64 {
	if min(na, nb) < MinTrials {
		return math.Inf(1)
	}
	quantile := moremath.InvCDF(moremath.StdNormal)
	// The variance of a median is π/2 times that of a mean.
	chance := spread * math.Sqrt(math.Pi/2*(1/float64(na)+1/float64(nb)))
	return math.Expm1(math.Log1p(margin) + (quantile(1-(1-Confidence)/2)+quantile(Power))*chance)
}
