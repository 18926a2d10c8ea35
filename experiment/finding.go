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
