package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/internal/testenv"
)

// engineHolds lists every image with its names, container and volume.
func engineHolds(t *testing.T, c *client.Client) string {
	t.Helper()
	ctx := context.Background()
	images, err := c.ImageList(ctx, image.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	containers, err := c.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	volumes, err := c.VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, i := range images {
		all = append(all, fmt.Sprintf("image %s %q", i.ID, slices.Sorted(slices.Values(i.RepoTags))))
	}
	for _, i := range containers {
		all = append(all, fmt.Sprintf("container %s %q", i.ID, i.Names))
	}
	for _, i := range volumes.Volumes {
		all = append(all, "volume "+i.Name)
	}
	return strings.Join(slices.Sorted(slices.Values(all)), "\n")
}

// cgroupsOf finds a run's control groups, in every hierarchy.
func cgroupsOf(run string) []string {
	name := "*" + run
	above, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", name))
	below, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", name))
	return append(above, below...)
}

// sharedRun writes an experiment whose images are of every kind that Nebula
// gives an engine: packed, built and loaded. The archive has a name that the
// engine has, too, for another image.
func sharedRun(t *testing.T, c *client.Client) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const tag = "nebula-test/shared:1"
	write("built/Dockerfile", "FROM scratch AS one\nCOPY noop /noop\nFROM scratch\nCOPY --from=one /noop /noop\nVOLUME /data\nENTRYPOINT [\"/noop\"]\n")
	compile := exec.Command("go", "build", "-o", filepath.Join(dir, "built/noop"), ".")
	compile.Dir = abs("../../functions/noop/go")
	if _, err := os.Stat(compile.Dir); err != nil {
		compile.Dir = abs("../../functions/noop")
	}
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	binary, err := os.ReadFile(filepath.Join(dir, "built/noop"))
	if err != nil {
		t.Fatal(err)
	}
	importImage(t, c, tag, "noop", binary, `ENTRYPOINT ["/noop"]`)
	saved, err := c.ImageSave(t.Context(), []string{tag})
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	var archive bytes.Buffer
	if _, err := archive.ReadFrom(saved); err != nil {
		t.Fatal(err)
	}
	write("loaded.tar", archive.String())
	if _, err := c.ImageRemove(t.Context(), tag, image.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	importImage(t, c, tag, "file", []byte("another"))
	write("shared.hcl", fmt.Sprintf(`
experiment "shared" {}
variable "repetitions" { default = 2 }
function "packed" { source = %q }
function "built" { source = "built" }
function "loaded" { source = "loaded.tar" }
backend "docker" "scratch" { start = ["cold", "warm"] }
run {
  repetitions = var.repetitions
  warmup      = 0
}
`, abs("../../functions/noop")))
	return dir
}

// TestTwoRunsOnOneEngine: two users' runs, who see neither the other's lock
// nor its folders, and a third who cleans all the while. Nobody loses an
// image, and the engine has afterwards what it had before.
func TestTwoRunsOnOneEngine(t *testing.T) {
	testenv.Need(t, "docker")
	c := dockerClient(t)
	dir := sharedRun(t, c)
	before := engineHolds(t, c)
	long, longOut := nebula(t, dir, t.TempDir(), "run", "--out", filepath.Join(dir, "long"), "--var", "repetitions=6", "shared.hcl")
	short, shortOut := nebula(t, dir, t.TempDir(), "run", "--out", filepath.Join(dir, "short"), "shared.hcl")
	cleaner, stop := t.TempDir(), make(chan struct{})
	cleaned := make(chan string, 1)
	go func() {
		var all string
		defer func() { cleaned <- all }()
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
			clean := exec.Command(os.Args[0], "clean", "--lock", filepath.Join(cleaner, "lock"))
			clean.Args[0] = "nebula"
			clean.Env = append(os.Environ(), "NEBULA_CACHE="+cleaner)
			out, err := clean.CombinedOutput()
			if err != nil {
				all += err.Error()
			}
			all += string(out)
		}
	}()
	shortErr, longErr := short.Wait(), long.Wait()
	close(stop)
	said := <-cleaned
	for name, err := range map[string]error{"the short run: " + shortOut.String(): shortErr, "the long run: " + longOut.String(): longErr} {
		if err != nil {
			t.Errorf("%s: %v; clean said: %s", name, err, said)
		}
	}
	for run, trials := range map[string]int{"short": 12, "long": 36} {
		export := exec.Command(os.Args[0], "export", "--out", filepath.Join(dir, run), "latest")
		export.Args[0] = "nebula"
		out, err := export.CombinedOutput()
		n := strings.Count(string(out), ",docker.scratch,cold,ok,") + strings.Count(string(out), ",docker.scratch,warm,ok,")
		if err != nil || n != trials {
			t.Errorf("of the %s run %d trials of %d are ok, %v: %s", run, n, trials, err, out)
		}
		ids, _ := filepath.Glob(filepath.Join(dir, run, "runs/shared/2*"))
		for _, id := range ids {
			if left := cgroupsOf(filepath.Base(id)); len(left) > 0 {
				t.Errorf("of the %s run's cgroups, %v stay", run, left)
			}
		}
	}
	if after := engineHolds(t, c); after != before {
		t.Errorf("the engine held\n%s\nand holds\n%s\nclean said: %s", before, after, said)
	}
}

// TestKilledRunGivesBack: what a killed run made is gone after the next clean,
// and what was there before is as it was.
func TestKilledRunGivesBack(t *testing.T) {
	testenv.Need(t, "docker")
	c := dockerClient(t)
	dir := sharedRun(t, c)
	before := engineHolds(t, c)
	cache := t.TempDir()
	killed, out := nebula(t, dir, cache, "run", "--out", filepath.Join(dir, "killed"), "--var", "repetitions=1000", "shared.hcl")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if files, _ := filepath.Glob(filepath.Join(dir, "killed/runs/shared/*/trials.jsonl")); len(files) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no record after two minutes: %s", out)
		}
	}
	killed.Process.Kill()
	killed.Wait()
	if held, err := c.ContainerList(t.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", "nebula.holds"))}); err != nil || len(held) != 3 {
		t.Errorf("three images are kept by %d containers, %v", len(held), err)
	}
	// The engine may still be creating a container that nobody waits for.
	var after, said string
	for range 5 {
		clean, out := nebula(t, dir, cache, "clean")
		if err := clean.Wait(); err != nil {
			t.Errorf("clean: %v: %s", err, out)
		}
		said += out.String()
		if after = engineHolds(t, c); after == before {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("the engine held\n%s\nand holds\n%s\nclean said: %s", before, after, said)
}
