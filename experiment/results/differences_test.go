package results

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nebula-bench/nebula/experiment"
)

func someRun() *Run {
	return &Run{
		ID: "a", Binary: "sha256:1", Nebula: "v1",
		Host:      Host{Name: "lab", Kernel: "6.1", Cores: 2, Memory: 8_000_000_000, Commit: "c1"},
		Backends:  map[string]BackendFacts{"docker.x": {Engine: map[string]string{"runc": "1.1", "containers": "0"}}},
		Artifacts: map[string]map[string]experiment.Identity{"docker.x": {"f": {Digest: "sha256:f", Size: 10}}},
		Variables: map[string]string{"n": "1"},
		Resolved:  json.RawMessage(`{"Functions":[{"Name":"f","Inputs":[{"Name":"i","Stdin":"x"}]}]}`),
	}
}

func TestDifferences(t *testing.T) {
	a, b := someRun(), someRun()
	b.ID = "b"
	if ds, err := Differences(a, b); err != nil || ds != nil {
		t.Fatalf("%v, %v: two equal runs differ", ds, err)
	}
	b.Host.Kernel, b.Host.Memory, b.Host.Commit = "6.2", 8_000_100_000, "c2"
	b.Backends["docker.x"].Engine["runc"] = "1.2"
	b.Backends["docker.x"].Engine["containers"] = "3"
	b.Artifacts["docker.x"]["f"] = experiment.Identity{Digest: "sha256:g", Size: 10}
	b.Variables["m"] = "2"
	b.Resolved = json.RawMessage(`{"Functions":[{"Name":"e"},{"Name":"f","Inputs":[{"Name":"i","Stdin":"` + strings.Repeat("y", 300) + `"}]}]}`)
	got, err := Differences(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var lines, obstacles []string
	for _, d := range got {
		lines = append(lines, d.What+": "+d.A+" → "+d.B)
		if d.Obstacle() {
			obstacles = append(obstacles, d.What)
		}
	}
	want := []string{
		"artifacts.docker.x.f.digest: sha256:f → sha256:g",
		"backends.docker.x.engine.containers: 0 → 3",
		"backends.docker.x.engine.runc: 1.1 → 1.2",
		"host.commit: c1 → c2",
		"host.kernel: 6.1 → 6.2",
		"host.memory_bytes: 8000000000 → 8000100000",
		"resolved.Functions.e.Name:  → e",
		"resolved.Functions.f.Inputs.i.Stdin: x → sha256:…, 300 bytes",
		"variables.m:  → 2",
	}
	for i := range want {
		if strings.HasSuffix(want[i], "300 bytes") {
			want[i], _, _ = strings.Cut(want[i], "sha256:")
			lines[i], _, _ = strings.Cut(lines[i], "sha256:")
		}
	}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"artifacts.docker.x.f.digest", "backends.docker.x.engine.runc", "host.kernel"}, obstacles); d != "" {
		t.Errorf("obstacles, -want +got:\n%s", d)
	}
	b = someRun()
	b.Host.Memory = 4_000_000_000
	if ds, _ := Differences(a, b); len(ds) != 1 || !ds[0].Obstacle() {
		t.Errorf("half the memory: %v", ds)
	}
}
