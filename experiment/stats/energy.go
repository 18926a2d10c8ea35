package stats

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
)

// EnergyStatus says what an energy is worth.
type EnergyStatus string

// The statuses, from best to worst.
const (
	Measured   EnergyStatus = "measured"
	Attributed EnergyStatus = "attributed" // a share went to other programs, by CPU time
	Estimated  EnergyStatus = "estimated"  // a model, and no measurement
	// BelowResolution means that the net energy can't be told from nothing.
	BelowResolution EnergyStatus = "below resolution"
	Unavailable     EnergyStatus = "unavailable"
)

// EnergySpan is the time between two edges, in seconds, joules and seconds of
// CPU time. What it takes beyond a power P is Joules − P·Seconds, with the
// variance U² + (P·SecondsU)².
type EnergySpan struct {
	Seconds, SecondsU float64
	Joules, U         float64
	Machine, Others   float64 // CPU time of all, and of programs that have no part in it; NaN: not measured
}

// EnergyWindow is N invocations between two idle spans.
type EnergyWindow struct {
	N                   int
	Before, Work, After EnergySpan
}

// Energy is that of one invocation, in joules. What does not apply is NaN.
type Energy struct {
	Status      EnergyStatus
	Windows, N  int     // N counts the invocations of all of them
	Seconds     float64 // of work, in the mean window
	Gross, Net  float64 // with and without what the idle machine takes
	GrossU, U   float64 // standard uncertainties, of Gross and of Net
	Below       float64 // the net energy is less; where Status is BelowResolution
	Watts, Idle float64 // gross, and of the idle machine
	Others      float64 // CPU time that other programs took more or less than beside the windows, as a share of that beyond idle
}

// MinWindows is the smallest number of windows that tells how much one
// differs from the next.
const MinWindows = 3

// What counts as another program's doing.
const (
	othersShare = 0.05  // of the CPU time that the windows took beyond idle
	tick        = 0.010 // seconds; the kernel's step of CPU time
	// attributionError is how wrong a share by CPU time may be: models of
	// power by CPU time miss by 31 to 57 % on average.
	attributionError = 0.5
)

// PerInvocation gives the energy of an invocation from windows of many. With
// window i of N invocations, E joules in t seconds, between idle spans of the
// powers P₁ and P₂ and P = (P₁ + P₂)/2, and Σ over the windows:
//
//	gross = ΣE / ΣN
//	net   = Σ(E − P·t) / ΣN
//	u²    = Σu²(E − P·t) / (ΣN)² + (s/√W · t₀.₉₇₅/2)²
//
// The first part of u² is what the counters leave open: quantum and update
// period, in work and in idle. The second is the spread of the windows, and
// with it how idle power varies: s/√W is the standard error of the ratio over
// W windows, and Student's t makes ±2u an interval of 95 % for few of them.
//
// Programs that have no part in it and took the share o of the CPU time that a
// window took beyond idle are taken to have used the share o of its net energy.
// That is said (Attributed), and half of what they are given in all is added
// to u in squares. Where net < 2u it is BelowResolution.
//
// Fewer than MinWindows give Unavailable, and so does what is no number.
func PerInvocation(ws []EnergyWindow) Energy {
	nan := math.NaN()
	e := Energy{Status: Unavailable, Windows: len(ws), Gross: nan, Net: nan, GrossU: nan, U: nan, Below: nan, Watts: nan, Idle: nan, Others: nan}
	if len(ws) < MinWindows {
		return e
	}
	var n, seconds, idle, grossVar, netVar float64
	gross, net := make([]float64, len(ws)), make([]float64, len(ws))
	for i, w := range ws {
		t, p := w.Work.Seconds, w.power()
		n += float64(w.N)
		seconds += t
		gross[i], net[i] = w.Work.Joules, w.Work.Joules-p*t
		idle += p * t
		grossVar += w.Work.U * w.Work.U
		netVar += w.variance()
	}
	others, taken := attribute(ws, gross, net)
	inDoubt := attributionError * taken / n
	e.N, e.Seconds = int(n), seconds/float64(len(ws))
	e.Gross, e.Net, e.Watts, e.Idle, e.Others = sum(gross)/n, sum(net)/n, sum(gross)/seconds, idle/seconds, others
	e.GrossU = norm(math.Sqrt(grossVar)/n, spread(ws, gross), inDoubt)
	e.U = norm(math.Sqrt(netVar)/n, spread(ws, net), inDoubt)
	if !(e.Gross > 0) || math.IsNaN(e.Net) || math.IsNaN(e.U) || math.IsInf(e.Gross+e.GrossU+e.Net+e.U, 0) {
		return Energy{Status: Unavailable, Windows: len(ws), Gross: nan, Net: nan, GrossU: nan, U: nan, Below: nan, Watts: nan, Idle: nan, Others: nan}
	}
	e.Status = Measured
	if taken != 0 {
		e.Status = Attributed
	}
	if e.Net < 2*e.U {
		e.Status = BelowResolution
		e.Below = max(0, e.Net) + 2*e.U
		e.Net = nan
	}
	return e
}

func sum(xs []float64) (s float64) {
	for _, x := range xs {
		s += x
	}
	return s
}

func norm(xs ...float64) (n float64) {
	for _, x := range xs {
		n = math.Hypot(n, x)
	}
	return n
}

// power is that of the idle machine around a window.
func (w EnergyWindow) power() float64 {
	return (w.Before.Joules/w.Before.Seconds + w.After.Joules/w.After.Seconds) / 2
}

// variance is that of E − P·t as far as the counters leave it open.
func (w EnergyWindow) variance() float64 {
	p := w.power()
	v := w.Work.above(p)
	for _, s := range []EnergySpan{w.Before, w.After} {
		v += s.above(s.Joules/s.Seconds) * math.Pow(w.Work.Seconds/2/s.Seconds, 2)
	}
	return v
}

// above is the variance of what a span took beyond a power.
func (s EnergySpan) above(p float64) float64 { return s.U*s.U + p*p*s.SecondsU*s.SecondsU }

// spread is the standard error of Σx/ΣN from the spread of the windows, made
// so much wider that two of it hold in 95 of 100 cases.
func spread(ws []EnergyWindow, xs []float64) float64 {
	n := 0.0
	for _, w := range ws {
		n += float64(w.N)
	}
	ratio, squares := sum(xs)/n, 0.0
	for i, w := range ws {
		squares += math.Pow(xs[i]-ratio*float64(w.N), 2)
	}
	k := float64(len(ws))
	t := moremath.InvCDF(moremath.TDist{V: k - 1})(1 - (1-Confidence)/2)
	return math.Sqrt(squares*k/(k-1)) / n * t / 2
}

// attribute takes from the windows' energies what went to other programs, and
// gives how much that is in all and the share of CPU time that it goes by;
// NaN where nobody knows. Others that were busier while the function was not
// have made the idle machine look hungrier: then energy is given back.
func attribute(ws []EnergyWindow, gross, net []float64) (share, taken float64) {
	var machine, moved float64
	shares := make([]float64, len(ws))
	for i, w := range ws {
		m := w.beyond(func(s EnergySpan) float64 { return s.Machine })
		o := w.beyond(func(s EnergySpan) float64 { return s.Others })
		machine += max(m, 0)
		moved += math.Abs(o)
		switch {
		case m > math.Abs(o):
			shares[i] = o / m
		case o != 0: // more than there was, as far as ticks tell
			shares[i] = math.Copysign(1, o)
		}
	}
	if math.IsNaN(machine + moved) {
		return math.NaN(), 0
	}
	if machine > 0 {
		share = min(1, moved/machine)
	}
	if moved <= othersShare*machine+2*tick*float64(len(ws)) {
		return share, 0
	}
	for i, o := range shares {
		x := net[i] * o
		net[i] -= x
		gross[i] -= x
		taken += x
	}
	return share, math.Abs(taken)
}

// beyond is what a window took of a CPU time beyond what idle spans do.
func (w EnergyWindow) beyond(of func(EnergySpan) float64) float64 {
	idle := (of(w.Before)/w.Before.Seconds + of(w.After)/w.After.Seconds) / 2
	return of(w.Work) - idle*w.Work.Seconds
}

// EstimateEnergy puts a model in the place of counters: a machine takes from
// idle to full watts with the share of its processors that is busy. What it
// gives is Estimated at best, and u is how well the model's own input is
// known; the model itself misses by 31 to 57 % on average.
func EstimateEnergy(ws []EnergyWindow, idle, full float64, processors int) Energy {
	perCPU := (full - idle) / float64(processors)
	model := func(s EnergySpan) EnergySpan {
		s.Joules = idle*s.Seconds + perCPU*s.Machine
		s.U = perCPU * tick * math.Sqrt(float64(processors))
		return s
	}
	out := make([]EnergyWindow, len(ws))
	for i, w := range ws {
		out[i] = EnergyWindow{w.N, model(w.Before), model(w.Work), model(w.After)}
	}
	e := PerInvocation(out)
	if e.Status == Measured || e.Status == Attributed {
		e.Status = Estimated
	}
	return e
}

// SCI is the software carbon intensity of one invocation (ISO/IEC 21031:2024)
// in grams of CO₂ equivalent: (E·I + M)/R with R one invocation, E its gross
// energy in joules and I the grid's intensity in grams per kWh. What making
// the machine took (M) is not known here, and left out.
func SCI(joules, gramsPerKWh float64) float64 { return joules / 3.6e6 * gramsPerKWh }
