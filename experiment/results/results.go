// Package results is the run folder: it writes records as they happen, reads
// them back and checks them. The files are the seam between running and
// reporting, so every sample is kept and nothing is summarised here.
//
// It refuses to guess: a torn last line, which a killed writer leaves, is
// dropped; anything else that cannot be read is an error with file and line.
package results

import (
	"encoding/json"
	"time"

	"github.com/nebula-bench/nebula/experiment"
)

// The files of a run folder.
const (
	PlanFile   = "plan.json"
	RunFile    = "run.json"
	TrialsFile = "trials.jsonl"
	StopsFile  = "stops.jsonl"
)

// Trial is one record: one request and what became of it.
type Trial struct {
	Trial   int `json:"trial"`
	Block   int `json:"block"`
	Attempt int `json:"attempt"` // counts from 1
	// Again says that the engine failed and not the function, so that
	// another attempt follows.
	Again    bool               `json:"again,omitempty"`
	Warmup   bool               `json:"warmup,omitempty"`
	Function string             `json:"function"`
	Input    string             `json:"input"`
	Backend  string             `json:"backend"`
	Start    experiment.Start   `json:"start"`
	Outcome  experiment.Outcome `json:"outcome"`
	Error    string             `json:"error,omitempty"`
	// Stderr is the end of what the function wrote to standard error, in a
	// trial that did not end well: its last words.
	Stderr      string `json:"stderr,omitempty"`
	ExitCode    *int   `json:"exit_code,omitempty"` // absent: it never exited
	ReadySource string `json:"ready_source,omitempty"`
	// Requested is the wall-clock time of the request, for the reader; every
	// duration comes from At, whose clock does not jump.
	Requested time.Time `json:"requested"`
	// At holds the events in nanoseconds since the request.
	At         experiment.Stamps `json:"at"`
	CPU        int64             `json:"cpu_ns,omitempty"`            // absent: not measured
	PeakMemory int64             `json:"peak_memory_bytes,omitempty"` // absent: not measured
	Answer     string            `json:"answer,omitempty"`            // sha256 of the answer
}

// Cell gives the cell that the trial belongs to.
func (t *Trial) Cell() experiment.Cell {
	return experiment.Cell{Function: t.Function, Input: t.Input, Backend: t.Backend, Start: t.Start}
}

// Why says why the trial did not end well: what Nebula saw, then the
// function's last words.
func (t *Trial) Why() string {
	if t.Error == "" || t.Stderr == "" {
		return t.Error + t.Stderr
	}
	return t.Error + ": " + t.Stderr
}

// Final reports whether the record is the trial's last: an attempt that is
// made again, or that the user cut short, is followed by another.
func (t *Trial) Final() bool { return !t.Again && t.Outcome != experiment.Interrupted }

// Counts reports whether the trial enters statistics.
func (t *Trial) Counts() bool { return t.Outcome == experiment.OK && !t.Warmup }

// Run is run.json: everything about a run that may explain its numbers.
type Run struct {
	ID         string    `json:"id"`
	Experiment string    `json:"experiment"`
	Title      string    `json:"description,omitempty"`
	File       string    `json:"file"`
	Source     string    `json:"source"` // text of the experiment
	Command    []string  `json:"command"`
	Started    time.Time `json:"started"`
	// Ended is absent while the run goes on, and for ever after a kill.
	Ended     *time.Time                                `json:"ended,omitempty"`
	State     State                                     `json:"state"`
	Nebula    string                                    `json:"nebula"` // version
	Host      Host                                      `json:"host"`
	Variables map[string]string                         `json:"variables,omitempty"`
	Asked     Asked                                     `json:"asked"`
	Binary    string                                    `json:"binary,omitempty"`   // digest of Nebula itself
	Resolved  json.RawMessage                           `json:"resolved,omitempty"` // the experiment with every value worked out
	Sessions  []Session                                 `json:"sessions"`
	Backends  map[string]BackendFacts                   `json:"backends"`
	Artifacts map[string]map[string]experiment.Identity `json:"artifacts"` // by backend, by function
	// Mounts are the digests of the folders that functions may read, by
	// function and by where it finds them.
	Mounts map[string]map[string]string `json:"mounts,omitempty"`
	Energy *EnergyFacts                 `json:"energy,omitempty"`
	// Confirms is the run whose cells this one ran again, because they seemed
	// worse there; empty: it is a run of its own. Readers ask Confirming.
	Confirms string `json:"confirms,omitempty"`
	// Thresholds are what the experiment promises; reports check them.
	Thresholds []experiment.Threshold `json:"thresholds,omitempty"`
}

// Asked is what the command line chose of the experiment. A resumed run uses
// it again.
type Asked struct {
	File        string   `json:"file,omitempty"` // where the experiment lay, absolute
	Vars        []string `json:"vars,omitempty"`
	VarFiles    []string `json:"var_files,omitempty"`
	Only        []string `json:"only,omitempty"`
	Repetitions int      `json:"repetitions,omitempty"`
	Quick       bool     `json:"quick,omitempty"`
	Sysfs       string   `json:"path.sysfs,omitempty"`
}

// Session is one stretch of a run, from its begin or resumption to its end.
type Session struct {
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"` // absent after a kill
	// Before and During are what disturbs numbers on this machine: how it
	// stood at the begin, and what happened until the end.
	Before []experiment.Finding `json:"before,omitempty"`
	During []experiment.Finding `json:"during,omitempty"`
}

// Stop is why a cell has no more trials: one line of stops.jsonl, written at
// the end of the block after which it was decided.
type Stop struct {
	experiment.Cell
	Block    int        `json:"block"`
	N        int        `json:"n"` // trials that count
	Reason   StopReason `json:"reason"`
	Relative *float64   `json:"relative,omitempty"` // half the interval over the median, of the metric where it is widest; absent: no interval
}

// Planned is how many trials a run has, or will have at most, when these
// cells have stopped.
func Planned(p *experiment.Plan, stops []Stop) int {
	n := p.Len()
	for _, s := range stops {
		n -= p.Warmup + p.Repetitions - s.Block
	}
	return n
}

// StopReason is why a cell stopped.
type StopReason string

// The reasons.
const (
	Precise     StopReason = "precise"     // as narrow as was asked for
	Repetitions StopReason = "repetitions" // the most that was asked for
	OutOfTime   StopReason = "time"        // the run's time is spent
)

// State is how far a run has come.
type State string

// The states. A run that was killed stays Running; readers tell it from the
// number of its records.
const (
	Running     State = "running"
	Complete    State = "complete"
	Interrupted State = "interrupted"
	Broken      State = "broken" // Nebula itself could not go on: a full disk
)

// BackendFacts is what a backend says of itself.
type BackendFacts struct {
	Options any               `json:"options"`
	Engine  map[string]string `json:"engine,omitempty"`
	// Missing says why the backend could not be used at all, and what mends it.
	Missing string `json:"missing,omitempty"`
	// ControlOf names the backend of which this one is a second copy.
	ControlOf string `json:"control_of,omitempty"`
}

// Host is the machine, as far as it may explain a number.
type Host struct {
	Name       string `json:"name"`
	OS         string `json:"os"`
	Kernel     string `json:"kernel"`
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     uint64 `json:"memory_bytes"`
	Governor   string `json:"governor,omitempty"`
	Hypervisor string `json:"hypervisor,omitempty"`
	Go         string `json:"go"`
	Commit     string `json:"commit,omitempty"` // of the folder the experiment lies in
	Dirty      bool   `json:"dirty,omitempty"`
	// Facts are what else may explain a difference: microcode, mitigations.
	Facts map[string]string `json:"facts,omitempty"`
}
