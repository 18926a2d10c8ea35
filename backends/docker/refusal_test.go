package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// imported gives an image that says itself what to run, or doesn't.
func imported(t *testing.T, ref string, files map[string][]byte, changes ...string) {
	t.Helper()
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true})
		c.Close()
	})
	resp, err := c.ImageImport(t.Context(), image.ImportSource{Source: bytes.NewReader(tarOf(t, files)), SourceName: "-"}, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp)
	resp.Close()
}

// TestWhatAnEngineRefuses holds the classes of an engine's errors against the
// engine itself: what the experiment or the function has wrong is theirs, and
// is said in a sentence that names it.
func TestWhatAnEngineRefuses(t *testing.T) {
	testenv.Need(t, "docker")
	const ref = "nebula-test/refused:1"
	imported(t, ref, map[string][]byte{"text": []byte("x")})
	args := []experiment.Input{{Name: "i", Args: []string{"/text"}}}
	bare := experiment.Function{Name: "f", Image: ref, Inputs: args}
	probe := backendtest.Probe(t)
	for name, tt := range map[string]struct {
		function experiment.Function
		options  Options
		request  backends.Request
		says     string
	}{
		"a program that is not there":              {bare, Options{}, backends.Request{Args: []string{"/nope"}}, `"/nope": stat /nope: no such file or directory`},
		"a program that is nowhere":                {bare, Options{}, backends.Request{Args: []string{"nope"}}, "executable file not found"},
		"a folder":                                 {bare, Options{}, backends.Request{Args: []string{"/"}}, "permission denied"},
		"what lies below a file":                   {bare, Options{}, backends.Request{Args: []string{"/text/x"}}, "not a directory"},
		"no program":                               {bare, Options{}, backends.Request{}, "No command specified"},
		"a path with a NUL":                        {bare, Options{}, backends.Request{Args: []string{"/a\x00b"}}, "invalid argument"},
		"an empty path":                            {bare, Options{}, backends.Request{Args: []string{""}}, "executable file not found"},
		"a variable with a NUL":                    {probe, Options{}, backends.Request{Env: map[string]string{"A": "b\x00c"}}, "environment variable"},
		"a variable without a name":                {probe, Options{}, backends.Request{Env: map[string]string{"": "b"}}, "invalid environment variable"},
		"an unknown user":                          {probe, Options{User: "nosuch"}, backends.Request{}, "unable to find user nosuch"},
		"an unknown group":                         {probe, Options{User: "1:nosuch"}, backends.Request{}, "unable to find group nosuch"},
		"a user beyond all":                        {probe, Options{User: "99999999999"}, backends.Request{}, "must be in range"},
		"more processors than there":               {probe, Options{CPUs: 4000}, backends.Request{}, "Range of CPUs"},
		"a processor that is not here":             {probe, Options{CPUSet: "4000"}, backends.Request{}, "not available"},
		"an unknown runtime":                       {probe, Options{Runtime: "nosuch"}, backends.Request{}, "nknown runtime specified nosuch"},
		"a container that has no network to share": {probe, Options{Network: "container:nosuch"}, backends.Request{}, "No such container: nosuch"},
		"a network that has gone":                  {probe, Options{Network: "nosuch"}, backends.Request{}, "network nosuch not found"},
	} {
		t.Run(name, func(t *testing.T) {
			a := backendtest.Prepare(t, &Options{}, tt.function)
			a.(*artifact).backend.options = &tt.options // past what is found out before
			for _, s := range []experiment.Start{experiment.Cold, experiment.Prepared, experiment.Warm} {
				r := backendtest.Trial(t, a, s, tt.request, patience)
				if !errors.Is(r.Err, backends.ErrCantStart) || !strings.Contains(r.Err.Error(), tt.says) || strings.Contains(r.Err.Error(), "daemon") {
					t.Errorf("%s: %v", s, r.Err)
				}
			}
		})
	}
}

// What is an engine's own failure stays that.
func TestWhatAnEngineFailsAt(t *testing.T) {
	const id = "0123456789abcdef"
	internal := func(s string) error { return fmt.Errorf("%s%w", s, errdefs.ErrInternal) }
	for _, err := range []error{
		internal("failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting cgroup config: no space left on device: unknown"),
		internal("failed to create task for container: context deadline exceeded"),
		internal("error creating overlay mount to /var/lib/docker: no such file or directory"),
		fmt.Errorf("No such container: %s%w", id, errdefs.ErrNotFound),
		fmt.Errorf("No such image: sha256:1%w", errdefs.ErrNotFound),
		fmt.Errorf("removal of container %s is already in progress%w", id, errdefs.ErrConflict),
		errors.New("EOF"),
	} {
		if got := refused(t.Context(), id, "start the container", err); errors.Is(got, backends.ErrCantStart) || !errors.Is(got, err) {
			t.Errorf("%v: taken for %v", err, got)
		}
	}
	low := internal("OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?): unknown")
	if got := refused(t.Context(), id, "start the container", low); !errors.Is(got, backends.ErrOutOfMemory) {
		t.Errorf("a limit that leaves no room to begin: %v", got)
	}
}

// What can be known before a trial leaves cells out, with what mends it.
func TestWhatAnEngineLacks(t *testing.T) {
	testenv.Need(t, "docker")
	imported(t, "nebula-test/nothing:1", map[string][]byte{"text": []byte("x")})
	imported(t, "nebula-test/command:1", map[string][]byte{"text": []byte("x")}, `CMD ["/text"]`)
	nothing := experiment.Function{Name: "f", Image: "nebula-test/nothing:1", Inputs: []experiment.Input{{Name: "a"}, {Name: "b"}}}
	command, some := nothing, nothing
	command.Image = "nebula-test/command:1"
	some.Inputs = []experiment.Input{{Name: "a"}, {Name: "b", Args: []string{"/text"}}}
	for name, tt := range map[string]struct {
		options  Options
		function experiment.Function
		says     string // "": it can run
	}{
		"no command":              {Options{}, nothing, `ENTRYPOINT ["/program"]`},
		"a command":               {Options{}, command, ""},
		"a command in an input":   {Options{}, some, ""},
		"processors":              {Options{CPUs: 4000}, command, "cpus asks for 4000"},
		"network":                 {Options{Network: "nebula-test-nothing"}, command, "docker network create nebula-test-nothing"},
		"network of another":      {Options{Network: "container:nebula-test-nothing"}, command, "docker start nebula-test-nothing"},
		"the engine's own":        {Options{Network: "host"}, command, ""},
		"all processors":          {Options{CPUs: 0.01}, command, ""},
		"an image that is absent": {Options{}, experiment.Function{Name: "f", Image: "nebula-test/absent:1"}, "docker pull"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := tt.options.Open(t.Context(), backendtest.Session(t))
			if err == nil {
				defer b.Close(context.Background())
				_, err = b.Prepare(t.Context(), tt.function)
			}
			u := (*backends.Unavailable)(nil)
			if tt.says == "" && err != nil || tt.says != "" && (!errors.As(err, &u) || u.Remedy == "" || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}
