package main

import (
	"testing"

	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestNightly runs scheduled nights with a real service manager.
func TestNightly(t *testing.T) {
	testenv.Need(t, "systemd")
	scripts(t, "testdata/systemd")
}
