package stats

import "math"

// State is what can be said of two medians.
type State string

// The states.
const (
	Differs State = "differs" // the interval excludes everything within the margin
	Same    State = "same"    // the interval lies within the margin
	Unsure  State = "unsure"  // neither: more trials are needed
)

// DefaultMargin is how far apart two medians may be and still count as the
// same: 2 %.
const DefaultMargin = 0.02

// Verdict is a ratio held against a margin.
type Verdict struct {
	State State
	// Need is about how many trials of each side would settle an unsure
	// verdict; 0 where that can't be told, or where the ratio lies so close
	// to the margin that no reasonable number would.
	Need int
}

// mostTrials is where "about n trials would settle it" stops being advice.
const mostTrials = 100_000

// Judge holds the ratio against a margin: with 0.02, everything from 1/1.02
// to 1.02 counts as the same.
func (r Ratio) Judge(margin float64) Verdict {
	edge := math.Log1p(margin)
	low, high := math.Log(r.Low), math.Log(r.High)
	switch {
	case !r.Bounded:
		v := Verdict{State: Unsure}
		if r.NA < MinTrials || r.NB < MinTrials {
			v.Need = MinTrials
		}
		return v
	case low > edge || high < -edge:
		return Verdict{State: Differs}
	case low >= -edge && high <= edge:
		return Verdict{State: Same}
	}
	// An interval's width shrinks with the root of n. It settles the matter
	// when its half is shorter than the way from the ratio to the nearer
	// edge of the margin.
	way := math.Abs(math.Abs(math.Log(r.Value)) - edge)
	need := float64(min(r.NA, r.NB)) * math.Pow((high-low)/2/way, 2)
	// A skewed interval can leave the half-width rule satisfied already;
	// then some more than now is all that can be said.
	need = max(need, float64(min(r.NA, r.NB))*1.2)
	if !(need <= mostTrials) {
		return Verdict{State: Unsure}
	}
	return Verdict{State: Unsure, Need: roundUp(need)}
}

// roundUp keeps two digits, because more would promise too much.
func roundUp(x float64) int {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(x))-1))
	return int(math.Ceil(x/unit) * unit)
}
