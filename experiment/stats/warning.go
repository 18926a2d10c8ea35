package stats

// Kind names what a warning is about.
type Kind string

// The kinds of warnings.
const (
	NoSample       Kind = "no_sample"
	NotFinite      Kind = "not_finite"     // a sample is NaN or infinite
	TooFew         Kind = "too_few"        // n, needed
	NoRatio        Kind = "no_ratio"       // a median is not above zero
	Zeros          Kind = "zeros"          // so many that a ratio has no interval
	AllEqual       Kind = "all_equal"      // there is nothing to rank
	TwoHumps       Kind = "two_humps"      // dip, limit, lower, upper, upper_share
	Drift          Kind = "drift"          // tau, p, change
	Autocorrelated Kind = "autocorrelated" // lag1, n, effective_n
)

// Warning is something a reader must know of a result. It is part of the
// result, and whoever prints the result prints it too.
type Warning struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"` // a clause that stands alone, without a full stop
	// Numbers are those that the text rests on, finite all of them. Values
	// of samples are in the samples' unit.
	Numbers map[string]float64 `json:"numbers,omitempty"`
}

func (w Warning) String() string { return w.Text }

// Inspect warns of what makes a sample less than it seems. The samples are
// in the order in which they were taken.
func Inspect(xs []float64) (ws []Warning) {
	if w := unusable(xs); w != nil {
		return append(ws, *w)
	}
	if len(xs) < MinTrials {
		ws = append(ws, tooFew(len(xs)))
	}
	if w := HumpsOf(xs).Warning(); w != nil {
		ws = append(ws, *w)
	}
	t := TrendOf(xs)
	if w := t.Warning(); w != nil {
		ws = append(ws, *w)
	}
	if w := t.AutocorrelationWarning(); w != nil {
		ws = append(ws, *w)
	}
	return ws
}
