package docker

import (
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/internal/testenv"
)

func TestConformance(t *testing.T) {
	testenv.Need(t, "docker")
	backendtest.Run(t, func() backends.Options { return &Options{} })
}
