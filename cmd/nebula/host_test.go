package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
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

// Every system can tell which program measured.
func TestOwnDigest(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if got, err := ownDigest(); err != nil || got != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("got %s, %v", got, err)
	}
}
