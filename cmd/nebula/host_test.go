package main

import (
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/machine"
)

// What run.json says of this machine is what doctor finds on it.
func TestFactsHaveOneSource(t *testing.T) {
	h := describeHost(t.Context(), &experiment.Experiment{File: "x.hcl"})
	for _, f := range (machine.Machine{}).Check(t.TempDir()) {
		switch f.Check {
		case "hypervisor":
			if strings.Contains(f.Found, "virtual machine") != (h.Hypervisor != "") || !strings.Contains(f.Found, h.Hypervisor) {
				t.Errorf("doctor: %q; run.json: %q", f.Found, h.Hypervisor)
			}
		case "governor":
			if (f.Severity == experiment.Unknown) != (h.Governor == "") {
				t.Errorf("doctor: %q; run.json: %q", f.Found, h.Governor)
			}
		}
	}
}
