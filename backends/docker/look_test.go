package docker

import (
	"context"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

func look(t *testing.T, check string) experiment.Finding {
	t.Helper()
	for _, f := range Look(t.Context()) {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("nothing was said of %s", check)
	return experiment.Finding{}
}

func TestLook(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	c := a.backend.client
	if f := look(t, "Docker's storage driver"); f.Found != a.backend.info.Driver {
		t.Errorf("%+v", f)
	}
	if f := look(t, "Docker's cgroups"); !strings.HasPrefix(f.Found, "v"+a.backend.info.CgroupVersion) {
		t.Errorf("%+v", f)
	}
	theirs, err := c.ContainerCreate(t.Context(), &container.Config{Image: a.image, Cmd: []string{"sleep"}}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.ContainerRemove(context.Background(), theirs.ID, container.RemoveOptions{Force: true})
	})
	if err := c.ContainerStart(t.Context(), theirs.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if f := look(t, "other containers"); f.Severity != experiment.Noted || !strings.HasSuffix(f.Found, " running") || f.Remedy == "" {
		t.Errorf("beside another container: %+v", f)
	}
}
