package experiment

import (
	"iter"
	"time"
)

// Energy says how the energy of an invocation is measured: over windows of
// many identical invocations, because one is mostly too short for a counter.
type Energy struct {
	// Window is how long a window lasts at least. The runner makes it longer
	// where a counter's steps ask for it.
	Window time.Duration `json:"window_ns"`
	// Idle is how long the machine is left alone before and after each
	// window; 0: as long as the window.
	Idle    time.Duration `json:"idle_ns,omitempty"`
	Windows int           `json:"windows"` // of each cell
	// TargetError is the share of a window's energy by which its edges may be
	// off: a counter's update period over the window.
	TargetError float64  `json:"target_error"`
	Domains     []string `json:"domains,omitempty"` // empty: every one
	Source      string   `json:"source"`
	Command     []string `json:"command,omitempty"`
	// CarbonIntensity is that of the electricity, in grams of CO₂ equivalent
	// per kWh; 0: not given, and then nothing is said of carbon.
	CarbonIntensity float64   `json:"carbon_intensity_g_per_kwh,omitempty"`
	Estimate        *Estimate `json:"estimate,omitempty"`
	// Asked is true where the experiment has an energy block. Without one
	// energy is measured where the machine has counters, and nobody misses
	// it where it has none.
	Asked bool `json:"asked,omitempty"`
}

// Estimate stands in for counters where a machine has none. It is a model and
// no measurement, and whatever comes from it says so.
type Estimate struct {
	Model     string  `json:"model"`
	WattsIdle float64 `json:"watts_idle"` // of the whole machine, doing nothing
	WattsFull float64 `json:"watts_full"` // with every processor busy
}

// CPUTime is the model that goes from idle to full power with the share of
// the machine's CPU time that is in use.
const CPUTime = "cpu-time"

// The sources of energy.
const (
	AutoSource    = "auto" // the first that works
	CommandSource = "command"
	NoSource      = "none"
)

// EnergySources lists what an experiment may name as its source.
var EnergySources = []string{AutoSource, "perf", "powercap", "hwmon", CommandSource, NoSource}

// What statistics need at least. experiment/stats knows no experiment and has
// these numbers too; experiment/runner, which knows both, does not compile
// where they differ.
const (
	MinTrials  = 6 // of a cell, for its median to have an interval
	MinWindows = 3 // of a cell, to tell how much one differs from the next
)

// DefaultEnergy is what an experiment without an energy block gets.
func DefaultEnergy() Energy {
	return Energy{Window: 200 * time.Millisecond, Windows: 5, TargetError: 0.01, Source: AutoSource}
}

// Least is how long the windows of so many cells last at least, with the idle
// time between them. A window of a function that takes longer is longer.
func (e *Energy) Least(cells int) time.Duration {
	idle := e.Idle
	if idle == 0 {
		idle = e.Window
	}
	// Neighbours share the idle time between them.
	block := time.Duration(cells)*(e.Window+idle) + idle
	return time.Duration(e.Windows) * block
}

// Window is one energy window of a plan.
type Window struct {
	Window int `json:"window"` // counts from 1
	Block  int `json:"block"`  // counts from 1
	Cell   int `json:"cell"`   // index into the plan's cells
}

// EnergyWindows yields the plan's energy windows in order: blocks that hold
// every cell once, like those of trials. They come after the trials.
func (p *Plan) EnergyWindows() iter.Seq[Window] {
	return func(yield func(Window) bool) {
		if p.Energy == nil {
			return
		}
		n := 0
		order := make([]int, len(p.Cells))
		for block := range p.Energy.Windows {
			for i := range order {
				order[i] = i
			}
			if p.Order == Shuffled {
				// Streams of their own: the trials' count from 0.
				shuffle(order, p.Seed, ^uint64(block))
			}
			for _, cell := range order {
				n++
				if !yield(Window{Window: n, Block: block + 1, Cell: cell}) {
					return
				}
			}
		}
	}
}
