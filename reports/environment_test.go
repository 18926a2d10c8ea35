package reports

import (
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
)

// What the page says of a hypervisor is what doctor found on the same machine.
func TestHypervisorHasOneSource(t *testing.T) {
	looked := func(s experiment.Severity, found string) []results.Session {
		return []results.Session{{Before: []experiment.Finding{{Check: "governor", Severity: experiment.Noted}, {Check: "hypervisor", Severity: s, Found: found}}}}
	}
	for _, tt := range []struct {
		name string
		run  results.Run
		want string
		is   bool
	}{
		{"named", results.Run{Host: results.Host{Hypervisor: "kvm"}, Sessions: looked(experiment.Noted, "this is a virtual machine (kvm)")}, "kvm", true},
		{"an older run: found, and not named", results.Run{Sessions: looked(experiment.Noted, "this is a virtual machine")}, "this is a virtual machine", true},
		{"none", results.Run{Sessions: looked(experiment.Fine, "none found")}, "none found", false},
		{"nobody can tell", results.Run{Sessions: looked(experiment.Unknown, "these processors do not say")}, "these processors do not say", false},
		{"nobody looked", results.Run{}, "unknown", false},
	} {
		if got := hypervisor(&tt.run); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if _, is := guest(&tt.run); is != tt.is {
			t.Errorf("%s: a virtual machine: %v", tt.name, is)
		}
	}
}
