package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

func TestConformance(t *testing.T) {
	testenv.Need(t, "docker")
	t.Cleanup(func() { nothingLeft(t) }) // after those of the suite
	backendtest.Run(t, func() backends.Options { return &Options{} })
}

// nothingLeft fails where a container or image of this test's is still there.
func nothingLeft(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	c, err := connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	left, err := c.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", fmt.Sprintf("%s=%d", backends.LabelPID, os.Getpid())))})
	if err != nil || len(left) > 0 {
		t.Errorf("containers left behind: %v %v", left, err)
	}
}

const patience = time.Minute

func do(t *testing.T, a backends.Artifact, args ...string) backendtest.Result {
	t.Helper()
	return backendtest.Trial(t, a, experiment.Cold, backends.Request{Trial: 1, Args: args}, patience)
}

func answerOf(t *testing.T, a backends.Artifact, args ...string) string {
	t.Helper()
	r := do(t, a, args...)
	if r.Err != nil || r.ExitCode != 0 {
		t.Fatalf("%v: exit code %d, %v: %s", args, r.ExitCode, r.Err, r.Stderr)
	}
	return string(r.Stdout)
}

func TestOptions(t *testing.T) {
	testenv.Need(t, "docker")
	probe := backendtest.Probe(t)
	t.Run("defaults", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{}, probe)
		if got := answerOf(t, a, "list", "/sys/class/net"); got != "lo\n" {
			t.Errorf("networks without one being granted: %q", got)
		}
		if got := answerOf(t, a, "write"); got != "true" {
			t.Errorf("writing to a file system that is not read-only: %q", got)
		}
	})
	t.Run("granted", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{Network: "bridge", ReadOnly: true, User: "65534:65533", Env: map[string]string{"A": "b=c"}}, probe)
		if got := answerOf(t, a, "list", "/sys/class/net"); !strings.Contains(got, "eth0") {
			t.Errorf("networks with a bridge: %q", got)
		}
		if got := answerOf(t, a, "write"); got != "false" {
			t.Errorf("writing to a read-only file system: %q", got)
		}
		if got := answerOf(t, a, "who"); got != "65534:65533" {
			t.Errorf("user %q", got)
		}
		if got := answerOf(t, a, "environ"); !strings.Contains(got, "A=b=c") {
			t.Errorf("environment %q", got)
		}
	})
	t.Run("host's network", func(t *testing.T) {
		// That the suite's functions reach nothing means something only if
		// they would reach it otherwise.
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		a := backendtest.Prepare(t, &Options{Network: "host"}, probe)
		if got := answerOf(t, a, "reach", l.Addr().String()); got != "true" {
			t.Errorf("can it reach the host? %q", got)
		}
	})
	t.Run("isolation", func(t *testing.T) {
		last := strconv.Itoa(backends.Processors() - 1)
		a := backendtest.Prepare(t, &Options{CPUSet: last, PIDs: 40}, probe)
		if got := answerOf(t, a, "show", "/proc/self/status"); !strings.Contains(got, "Cpus_allowed_list:\t"+last+"\n") {
			t.Errorf("it is not pinned to %s: %s", last, got)
		}
		_, host, err := (&Options{PIDs: 40}).containerConfig("image", backends.Request{}, backends.Owner{})
		if err != nil || *host.PidsLimit != 40 {
			t.Errorf("40 processes are %d, %v", *host.PidsLimit, err)
		}
	})
	t.Run("memory", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{Memory: "32MiB"}, probe)
		before := oomKills()
		if r := do(t, a, "grow"); !errors.Is(r.Err, backends.ErrOutOfMemory) {
			t.Errorf("a function that takes memory without end: exit code %d, %v", r.ExitCode, r.Err)
		}
		if oomKills() <= before {
			t.Errorf("the kernel says that it has killed %d times, before and after", before)
		}
	})
	t.Run("no memory limit", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{}, probe).(*artifact)
		id, err := a.backend.create(t.Context(), a.image, backends.Request{}, func(*container.Config, *container.HostConfig) {})
		if err != nil {
			t.Fatal(err)
		}
		info, err := a.backend.client.ContainerInspect(t.Context(), id)
		if err != nil || info.HostConfig.Memory != a.backend.info.MemTotal/4 || info.HostConfig.Memory < 6<<20 {
			t.Errorf("without a limit a container has %d bytes, %v", info.HostConfig.Memory, err)
		}
	})
	t.Run("cpus", func(t *testing.T) {
		_, host, err := (&Options{CPUs: 0.5}).containerConfig("image", backends.Request{}, backends.Owner{})
		if err != nil || host.NanoCPUs != 5e8 {
			t.Errorf("half a processor is %d, %v", host.NanoCPUs, err)
		}
		a := backendtest.Prepare(t, &Options{CPUs: 0.5}, probe)
		answerOf(t, a, "echo")
	})
	t.Run("missing", func(t *testing.T) {
		for name, o := range map[string]*Options{
			"runtime": {Runtime: "no-such-runtime"},
			"base":    {Base: "nebula-test/no-such-base:1"},
			"image":   {Image: "nebula-test/no-such-image:1"},
		} {
			b, err := o.Open(t.Context(), backendtest.Session(t))
			if err == nil {
				_, err = b.Prepare(t.Context(), probe)
				b.Close(context.Background())
			}
			if u := (*backends.Unavailable)(nil); !errors.As(err, &u) || u.Remedy == "" {
				t.Errorf("no such %s: %v", name, err)
			}
		}
	})
}

// probeProgram is the conformance suite's function, built.
func probeProgram(t *testing.T) []byte {
	t.Helper()
	bin, err := build.Build(t.Context(), backendtest.Probe(t), build.Linux)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(bin.Path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestImages runs the same binary from every kind of image.
func TestImages(t *testing.T) {
	testenv.Need(t, "docker")
	probe := backendtest.Probe(t)
	binary := probeProgram(t)
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := imagesMade(t, c)

	dir := t.TempDir()
	rootfs := tarOf(t, map[string][]byte{"etc/release": []byte("base")})
	if err := os.WriteFile(filepath.Join(dir, "rootfs.tar"), rootfs, 0o644); err != nil {
		t.Fatal(err)
	}
	// Images that are there before Nebula comes, and must stay.
	imported := func(ref string, content []byte, changes ...string) {
		resp, err := c.ImageImport(t.Context(), image.ImportSource{Source: bytes.NewReader(content), SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp)
		resp.Close()
		t.Cleanup(func() {
			if _, err := c.ImageRemove(context.Background(), ref, image.RemoveOptions{}); err != nil {
				t.Errorf("an image that was not Nebula's: %v", err)
			}
		})
	}
	const base, ready = "nebula-test/base:1", "nebula-test/ready:1"
	imported(base, rootfs)
	imported(ready, tarOf(t, map[string][]byte{"function": binary}), `ENTRYPOINT ["/function"]`)

	saved, err := c.ImageSave(t.Context(), []string{ready})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := io.ReadAll(saved)
	saved.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ready.tar"), archive, 0o644); err != nil {
		t.Fatal(err)
	}
	context := filepath.Join(dir, "context")
	os.Mkdir(context, 0o755)
	os.WriteFile(filepath.Join(context, "Dockerfile"), []byte("FROM scratch\nCOPY probe /probe\nENTRYPOINT [\"/probe\"]\n"), 0o644)
	os.WriteFile(filepath.Join(context, "probe"), binary, 0o755)

	tests := map[string]struct {
		options  Options
		function experiment.Function
		etc      string // what the base brings
	}{
		"scratch":                    {Options{}, probe, ""},
		"root file system":           {Options{Base: "./rootfs.tar", dir: dir}, probe, "release\n"},
		"local image as base":        {Options{Base: base}, probe, "release\n"},
		"ready image":                {Options{}, experiment.Function{Name: "f", Image: ready}, ""},
		"ready image of the backend": {Options{Image: ready}, probe, ""},
		"image archive":              {Options{}, experiment.Function{Name: "f", Source: "ready.tar", Path: filepath.Join(dir, "ready.tar")}, ""},
		"Dockerfile":                 {Options{}, experiment.Function{Name: `</script>"$(id)`, Source: "context", Path: context}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := tt.options
			if why := o.Lacks(tt.function, experiment.Cold); why != "" {
				t.Fatal(why)
			}
			b, err := o.Open(t.Context(), backendtest.Session(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(t.Context())
			a, err := b.Prepare(t.Context(), tt.function)
			if err != nil {
				t.Fatal(err)
			}
			r := backendtest.Trial(t, a, experiment.Cold, backends.Request{Stdin: []byte("hello"), Args: []string{"echo"}}, patience)
			if r.Err != nil || string(r.Stdout) != "hello" {
				t.Errorf("answer %q, %v, %s", r.Stdout, r.Err, r.Stderr)
			}
			if tt.etc != "" {
				if got := answerOf(t, a, "list", "/etc"); !strings.Contains(got, tt.etc) {
					t.Errorf("/etc holds %q", got)
				}
			}
			if err := a.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for _, ref := range []string{base, ready} {
		if _, err := c.ImageInspect(t.Context(), ref); err != nil {
			t.Errorf("%s is gone, and it was not Nebula's: %v", ref, err)
		}
	}
	for _, id := range imagesMade(t, c) {
		if !slices.Contains(before, id) {
			t.Errorf("image left behind: %s", id)
		}
	}
}

// madeImages lists the images that Nebula has made, in this test or elsewhere.
func imagesMade(t *testing.T, c *client.Client) (ids []string) {
	t.Helper()
	list, err := c.ImageList(t.Context(), image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelImage))})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	return ids
}

func tarOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, body := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		w.Write(body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestNoEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "nothing.sock"))
	_, err := (&Options{}).Open(t.Context(), backends.Session{})
	if u := (*backends.Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(u.Remedy, "DOCKER_HOST") {
		t.Errorf("without an engine: %v", err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct {
		options   Options
		attribute string // of the problem; "" for none
	}{
		"nothing":            {Options{}, ""},
		"everything":         {Options{Network: "bridge", Memory: "256MiB", CPUs: 1.5, User: "1:1", Env: map[string]string{"A": ""}, Runtime: "runc", Base: "debian:12"}, ""},
		"too little memory":  {Options{Memory: "1MiB"}, "memory"},
		"memory of words":    {Options{Memory: "plenty"}, "memory"},
		"negative cpus":      {Options{CPUs: -1}, "cpus"},
		"too few cpus":       {Options{CPUs: 0.001}, "cpus"},
		"a bad name":         {Options{Env: map[string]string{"A=B": ""}}, "env"},
		"a NUL in a value":   {Options{Env: map[string]string{"A": "b\x00"}}, "env"},
		"a NUL in a user":    {Options{User: "b\x00"}, "user"},
		"a NUL in a network": {Options{Network: "b\x00"}, "network"},
		"base and image":     {Options{Base: "a", Image: "b"}, "image"},
		"no such archive":    {Options{Base: "./nothing.tar"}, "base"},
		"a folder as a base": {Options{Base: dir}, "base"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ps := tt.options.Check(dir)
			if tt.attribute == "" && len(ps) > 0 || tt.attribute != "" && (len(ps) != 1 || ps[0].Attribute != tt.attribute || ps[0].Detail == "") {
				t.Errorf("problems %+v", ps)
			}
		})
	}
}

// TestMakeBase: a base that is not there, beside a script that makes it, is
// no mistake of the file.
func TestMakeBase(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "rootfs.sh")
	if err := os.WriteFile(script, []byte("exit\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{"rootfs.tar", "./rootfs.tar.gz", "rootfs.tgz"} {
		o := Options{Base: base}
		if ps := o.Check(dir); len(ps) > 0 {
			t.Errorf("%s: problems %+v", base, ps)
		}
		_, err := o.Open(t.Context(), backends.Session{})
		var lack *backends.Unavailable
		if !errors.As(err, &lack) || !strings.Contains(lack.What, base) || lack.Remedy != "make it: sh "+script {
			t.Errorf("%s: %v", base, err)
		}
	}
	if ps := (&Options{Base: "other.tar"}).Check(dir); len(ps) != 1 {
		t.Errorf("a base that nothing makes: problems %+v", ps)
	}
}

func TestReference(t *testing.T) {
	for name, want := range map[string]string{
		"fibonacci": "nebula/fibonacci:0123456789ab", "../../etc $(id)": "nebula/etc-id:0123456789ab", "日本": "nebula/function:0123456789ab",
		strings.Repeat("a", 300): "nebula/" + strings.Repeat("a", 60) + ":0123456789ab",
	} {
		if got := reference(name, "0123456789abcdef"); got != want {
			t.Errorf("reference(%q) = %s", name, got)
		}
	}
}

// reuse is a transport that answers every creation with the first one's.
type reuse struct {
	http.RoundTripper
	first []byte
}

func (r *reuse) RoundTrip(req *http.Request) (*http.Response, error) {
	create := strings.HasSuffix(req.URL.Path, "/containers/create")
	if create && r.first != nil {
		return &http.Response{
			StatusCode: http.StatusCreated, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader(r.first)), Request: req,
		}, nil
	}
	resp, err := r.RoundTripper.RoundTrip(req)
	if err == nil && create {
		r.first, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(r.first))
	}
	return resp, err
}

// Whatever asks whether the engine answers, live containers go on: one that
// was removed behind its function's back would look like the function's crash.
func TestSweepKeepsLiveContainers(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	count := func() string {
		t.Helper()
		r := backendtest.Trial(t, a, experiment.Warm, backends.Request{Args: []string{"count"}}, patience)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return string(r.Stdout)
	}
	if got := count(); got != "1" {
		t.Fatalf("it had answered %s requests", got)
	}
	none := func(*container.Config, *container.HostConfig) {}
	left, err := a.backend.create(t.Context(), a.image, backends.Request{}, none)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.backend.Check(t.Context()), a.backend.Sweep(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := a.backend.client.ContainerInspect(t.Context(), left); err == nil {
		t.Error("a container of a trial that has ended is still there")
	}
	if got := count(); got != "2" {
		t.Errorf("after that it had answered %s requests", got)
	}
	// One that was killed between two trials is replaced, and no trial fails.
	for _, l := range a.live {
		if err := a.backend.client.ContainerKill(t.Context(), l.id, "KILL"); err != nil {
			t.Fatal(err)
		}
		for open := true; open; { // until the engine has heard of it
			_, open = <-l.signals
		}
	}
	if got := count(); got != "1" {
		t.Errorf("after a kill it had answered %s requests", got)
	}
	// A creation that was cut short leaves nothing either.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := a.backend.create(ctx, a.image, backends.Request{}, none); !errors.Is(err, backends.ErrUnanswered) || len(a.backend.late) != 1 {
		t.Errorf("a creation that was cut short: %v", err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t)
}

// A container that has run before is no cold start.
func TestReusedContainer(t *testing.T) {
	testenv.Need(t, "docker")
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	plain := a.backend.client
	defer func() { a.backend.client = plain }()
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation(),
		client.WithHTTPClient(&http.Client{Transport: &reuse{RoundTripper: plain.HTTPClient().Transport}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a.backend.client = c
	for _, s := range []experiment.Start{experiment.Cold, experiment.Prepared} {
		if s == experiment.Cold {
			if r := do(t, a, "echo"); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		r := backendtest.Trial(t, a, s, backends.Request{Args: []string{"echo"}}, patience)
		if !errors.Is(r.Err, backends.ErrContaminated) {
			t.Errorf("%s with a reused container ended with %v", s, r.Err)
		}
	}
}
