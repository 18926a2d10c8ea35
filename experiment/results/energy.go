package results

import (
	"iter"
	"path/filepath"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// EnergyFile holds one record per energy window, whole with the idle time
// around it: a window that a kill cut short never was.
const EnergyFile = "energy.jsonl"

// EnergyWindow is one record: many invocations of a cell, back to back,
// between two spans in which nothing was asked for.
type EnergyWindow struct {
	Window  int `json:"window"`
	Block   int `json:"block"`
	Attempt int `json:"attempt"` // counts from 1
	// Again says that the window is invalid and that another attempt follows.
	Again bool `json:"again,omitempty"`
	experiment.Cell
	Invocations int    `json:"invocations"`
	Source      string `json:"source,omitempty"` // absent: no counter was read
	Simulated   bool   `json:"simulated,omitempty"`
	// Before, Work and After are absent where the window did not come so far.
	// Neighbours may share one: the After of a window is then the Before of
	// the next.
	Before *EnergySpan `json:"before,omitempty"`
	Work   *EnergySpan `json:"work,omitempty"`
	After  *EnergySpan `json:"after,omitempty"`
	// Invalid says why the window counts for nothing.
	Invalid string `json:"invalid,omitempty"`
}

// EnergySpan is the time between two edges. What was not measured is absent.
type EnergySpan struct {
	From    time.Time      `json:"from"` // for the reader
	NS      int64          `json:"ns"`   // on the monotonic clock
	Total   *EnergyAmount  `json:"total,omitempty"`
	Domains []EnergyDomain `json:"domains,omitempty"`
	CPU     EnergyCPU      `json:"cpu"`
}

// EnergyAmount is what counters showed. Joules − P·Seconds, what was taken
// beyond a power P, has the variance U² + (P·SecondsU)².
type EnergyAmount struct {
	Joules   float64 `json:"joules"`
	U        float64 `json:"u_j"`
	Seconds  float64 `json:"seconds"` // between the counters' own updates
	SecondsU float64 `json:"u_s"`
}

// EnergyDomain is one counter in a span.
type EnergyDomain struct {
	Name          string `json:"name"`
	InTotal       bool   `json:"in_total,omitempty"`
	First         uint64 `json:"first"` // raw
	Last          uint64 `json:"last"`
	Wraps         int    `json:"wraps,omitempty"`
	*EnergyAmount        // absent where Invalid
	Invalid       string `json:"invalid,omitempty"`
}

// EnergyCPU is CPU time in nanoseconds.
type EnergyCPU struct {
	Function *int64 `json:"function_ns,omitempty"` // the function and its runtime
	Harness  *int64 `json:"harness_ns,omitempty"`  // Nebula itself
	// Others is that of programs that are neither Nebula's, nor an engine's,
	// nor the kernel's own threads.
	Others  *int64 `json:"others_ns,omitempty"`
	Machine *int64 `json:"machine_ns,omitempty"` // all processors together
}

// Final reports whether no other attempt at the window follows.
func (w *EnergyWindow) Final() bool { return !w.Again }

// EnergyFacts says in run.json where energy came from, or why there is none.
type EnergyFacts struct {
	Source     string       `json:"source,omitempty"` // empty: no counter can be read
	Simulated  bool         `json:"simulated,omitempty"`
	Domains    []DomainFact `json:"domains,omitempty"`
	Notes      []string     `json:"notes,omitempty"`
	Doors      []Door       `json:"doors,omitempty"` // that were tried, where there is no source
	Processors int          `json:"processors"`      // what the estimate's full power stands for
	// Without says which starts no window can be filled with.
	Without []WithoutWindow `json:"without,omitempty"`
}

// DomainFact is one counter of the source.
type DomainFact struct {
	Name     string  `json:"name"`
	InTotal  bool    `json:"in_total,omitempty"`
	Quantum  float64 `json:"quantum_j,omitempty"` // watts where the source shows power
	PeriodNS int64   `json:"period_ns,omitempty"`
}

// Door is a source of energy that is closed.
type Door struct {
	Name   string `json:"name"`
	Why    string `json:"why"`
	Remedy string `json:"remedy,omitempty"`
}

// WithoutWindow is a start of a backend whose energy can't be told apart.
type WithoutWindow struct {
	Backend string           `json:"backend"`
	Start   experiment.Start `json:"start"`
	Reason  string           `json:"reason"`
}

// Energy appends one record of an energy window.
func (w *Writer) Energy(e *EnergyWindow) error { return w.later(&w.energy, EnergyFile, e) }

// Energy yields the records of energy windows in the order in which they were
// written; none where the run has not come so far. It stops at the first that
// cannot be read.
func (f *Folder) Energy() iter.Seq2[*EnergyWindow, error] {
	return readFile(filepath.Join(f.Dir, EnergyFile), aWindow, true, newWindow)
}

const aWindow = "a record of an energy window"

func newWindow() *EnergyWindow { return &EnergyWindow{} }
