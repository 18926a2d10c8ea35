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
	Others      float64 // share of the windows' CPU time that other programs took
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
// Programs that have no part in it and took the share o of the CPU time that
// the windows took beyond idle are taken to have used the share o of the net
// energy. That is said (Attributed), and half of what they are given is added
// to u in squares. Where net < 2u it is BelowResolution.
//
// Fewer than MinWindows give Unavailable, and so does what is no number.
func PerInvocation(ws []EnergyWindow) Energy {
	nan := math.NaN()
	e := Energy{Status: Unavailable, Windows: len(ws), Gross: nan, Net: nan, GrossU: nan, U: nan, Below: nan, Watts: nan, Idle: nan, Others: nan}
	if len(ws) < MinWindows {
		return e
	}
	var n, gross, net, seconds, idle, grossVar, netVar float64
	for _, w := range ws {
		t, p := w.Work.Seconds, w.power()
		n += float64(w.N)
		seconds += t
		gross += w.Work.Joules
		net += w.Work.Joules - p*t
		idle += p * t
		grossVar += w.Work.U * w.Work.U
		netVar += w.variance()
	}
	e.N, e.Seconds = int(n), seconds/float64(len(ws))
	e.Gross, e.Net, e.Watts, e.Idle = gross/n, net/n, gross/seconds, idle/seconds
	e.GrossU = math.Hypot(math.Sqrt(grossVar)/n, spread(ws, e.Gross, func(w EnergyWindow) float64 { return w.Work.Joules }))
	e.U = math.Hypot(math.Sqrt(netVar)/n, spread(ws, e.Net, func(w EnergyWindow) float64 { return w.Work.Joules - w.power()*w.Work.Seconds }))
	if !(e.Gross > 0) || math.IsNaN(e.Net) || math.IsInf(e.Gross+e.GrossU+e.Net+e.U, 0) || math.IsNaN(e.U) {
		return Energy{Status: Unavailable, Windows: len(ws), Gross: nan, Net: nan, GrossU: nan, U: nan, Below: nan, Watts: nan, Idle: nan, Others: nan}
	}
	e.Status = Measured
	e.attribute(ws)
	if e.Net < 2*e.U {
		e.Status = BelowResolution
		e.Below = max(0, e.Net) + 2*e.U
		e.Net = nan
	}
	return e
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
func spread(ws []EnergyWindow, ratio float64, x func(EnergyWindow) float64) float64 {
	var n, squares float64
	for _, w := range ws {
		n += float64(w.N)
		squares += math.Pow(x(w)-ratio*float64(w.N), 2)
	}
	k := float64(len(ws))
	t := moremath.InvCDF(moremath.TDist{V: k - 1})(1 - (1-Confidence)/2)
	return math.Sqrt(squares*k/(k-1)) / n * t / 2
}

// attribute takes from the net energy what went to other programs.
func (e *Energy) attribute(ws []EnergyWindow) {
	machine, others := 0.0, 0.0
	for _, w := range ws {
		machine += w.beyond(func(s EnergySpan) float64 { return s.Machine })
		others += w.beyond(func(s EnergySpan) float64 { return s.Others })
	}
	if math.IsNaN(machine + others) {
		return // nobody knows
	}
	e.Others = 0
	if machine > 0 {
		e.Others = others / machine
	}
	switch most := 2 * tick * math.Sqrt(float64(len(ws))); {
	case math.Abs(others) <= most || math.Abs(others) <= othersShare*math.Abs(machine):
		return
	case others >= machine:
		// What there was to attribute was theirs, as far as can be told.
		e.Others = 1
	case others < -machine:
		e.Others = -1 // they were busier while we were idle
	}
	e.Status = Attributed
	taken := e.Net * e.Others
	e.Net -= taken
	e.Gross -= taken
	e.U = math.Hypot(e.U, attributionError*taken)
	e.GrossU = math.Hypot(e.GrossU, attributionError*taken)
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
