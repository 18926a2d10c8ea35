package docker

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestCleanTouchesOnlyWhatIsOurs: an owner that can't be read may be alive, and
// anybody may use a label with our label's name.
func TestCleanTouchesOnlyWhatIsOurs(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	c := a.backend.client
	changed := func(change func(map[string]string)) map[string]string {
		dead := backends.NewOwner("20260101T000000Z-dead")
		dead.Started++ // another process had this number
		labels := dead.Labels()
		change(labels)
		return labels
	}
	stay := map[string]map[string]string{
		"a stranger's":            {backends.LabelRun: "true"},
		"one without a process":   changed(func(l map[string]string) { delete(l, backends.LabelPID) }),
		"one of an odd process":   changed(func(l map[string]string) { l[backends.LabelPID] = "none" }),
		"one without a begin":     changed(func(l map[string]string) { delete(l, backends.LabelStarted) }),
		"one of a living process": backends.NewOwner("20260101T000000Z-live").Labels(),
	}
	created := func(labels map[string]string) string {
		t.Helper()
		made, err := c.ContainerCreate(t.Context(), &container.Config{Image: a.image, Cmd: []string{"busy", "60000"}, Labels: labels}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true}) })
		return made.ID
	}
	ids := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(stay)) {
		ids[name] = created(stay[name])
	}
	if err := c.ContainerStart(t.Context(), ids["a stranger's"], container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	dead := created(changed(func(map[string]string) {}))
	removed, err := Clean(t.Context())
	if err != nil {
		t.Error(err)
	}
	if !slices.Contains(removed, "container "+dead[:12]+" of run 20260101T000000Z-dead") {
		t.Errorf("of a dead run's container, nothing is said: %v", removed)
	}
	if _, err := c.ContainerInspect(t.Context(), dead); err == nil {
		t.Error("a dead run's container is still there")
	}
	if r := backendtest.Trial(t, a, experiment.Warm, backends.Request{Args: []string{"echo"}}, patience); r.Err != nil {
		t.Error(r.Err)
	}
	if err := a.backend.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	for name, id := range ids {
		info, err := c.ContainerInspect(t.Context(), id)
		if err != nil || name == "a stranger's" && !info.State.Running {
			t.Errorf("%s is gone, or was stopped: %v", name, err)
		}
	}
}
