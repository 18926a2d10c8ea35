package wazero

import (
	"os"
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
)

// TestMain lets the test's own program be the child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildCommand {
		if Child(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	for _, o := range []Options{{}, {Mode: Interpreter}} {
		t.Run("mode="+o.Mode, func(t *testing.T) {
			backendtest.Run(t, func() backends.Options { o := o; return &o })
		})
	}
}
