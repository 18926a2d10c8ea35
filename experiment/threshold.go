package experiment

import (
	"fmt"
	"time"
)

// Threshold is what an experiment promises of its cells: a quantile of a
// metric lies below a bound, or above it, in each cell that Where matches.
type Threshold struct {
	Name     string        `json:"name"`
	Metric   string        `json:"metric"`
	Where    Rule          `json:"where"`
	Quantile string        `json:"quantile"` // a name of Quantiles
	Above    bool          `json:"above,omitempty"`
	Bound    time.Duration `json:"bound_ns"`
}

// Quantiles are those that a threshold may speak of.
var Quantiles = []struct {
	Name string
	Q    float64
}{{"median", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}

// Q is the threshold's quantile as a share; 0 where there is no such one.
func (t Threshold) Q() float64 {
	for _, q := range Quantiles {
		if q.Name == t.Quantile {
			return q.Q
		}
	}
	return 0
}

// Assert is what must hold, as the file says it.
func (t Threshold) Assert() string {
	op := "<"
	if t.Above {
		op = ">"
	}
	return fmt.Sprintf("%s %s %s", t.Quantile, op, t.Bound)
}
