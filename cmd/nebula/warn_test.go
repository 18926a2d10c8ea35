package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/experiment"
)

// TestWarningNamesEachCheckOnce: what one check found within a run and at its
// end stands together.
func TestWarningNamesEachCheckOnce(t *testing.T) {
	var out bytes.Buffer
	warnOf(zerolog.New(&out), []experiment.Finding{
		{Check: experiment.Load, Severity: experiment.Disturbing, Found: "busy"},
		{Check: experiment.Swapping, Severity: experiment.Disturbing, Found: "some"},
		{Check: experiment.Load, Severity: experiment.Disturbing, Found: "2.0"},
	}, "disturbed")
	if !strings.Contains(out.String(), "disturbed: load (busy; 2.0); swapping (some); see") {
		t.Error(out.String())
	}
}
