package experiment

// Severity is how much a finding takes away from a run's numbers.
type Severity string

// The severities, from the least to the most.
const (
	Fine       Severity = "fine"       // looked at, nothing wrong
	Unknown    Severity = "unknown"    // could not be looked at
	Noted      Severity = "noted"      // may explain a difference between machines
	Disturbing Severity = "disturbing" // disturbs the numbers of this run
)

// Finding is one thing that was looked at on this machine.
type Finding struct {
	Check    string   `json:"check"` // governor, turbo, load, …
	Severity Severity `json:"severity"`
	Found    string   `json:"found"`            // what it is: "powersave on 2 of 2 processors"
	Why      string   `json:"why,omitempty"`    // what that does to numbers
	Remedy   string   `json:"remedy,omitempty"` // the command that mends it
}

// The checks whose findings come and go while the machine stays what it is.
const (
	Load           = "load"
	StolenTime     = "stolen time"
	Throttling     = "throttling"
	Temperature    = "temperature"
	Memory         = "memory"
	MemoryPressure = "memory pressure"
	Swapping       = "swapping"
)

// Disturbed reports whether the machine was disturbed for a while: by what
// others did on it, or by heat. That makes a run slower or quicker than
// another of the same machine. A governor or a clock source disturbs too, but
// two runs have it in common, or differ in it and say so.
func (f Finding) Disturbed() bool { return f.Severity == Disturbing && f.passes() }

// MayExplain reports whether the finding may explain why two runs of one
// machine differ, even if it disturbed too little to make that likely.
func (f Finding) MayExplain() bool {
	return f.Severity == Disturbing || f.Severity == Noted && f.passes()
}

func (f Finding) passes() bool {
	switch f.Check {
	case Load, StolenTime, Throttling, Temperature, Memory, MemoryPressure, Swapping:
		return true
	}
	return false
}
