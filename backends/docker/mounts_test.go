package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/client"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestMounts: a function of every kind reads its folders, from every start.
// What is mounted inside of them is not there. That nothing can be written is
// the conformance suite's.
func TestMounts(t *testing.T) {
	testenv.Need(t, "docker")
	probe := backendtest.Probe(t)
	dir := folder(t, map[string]string{"file": "said", "inner/hidden": "under it"})
	inner := filepath.Join(dir, "inner")
	mounted := exec.Command("mount", "-t", "tmpfs", "none", inner).Run() == nil
	if mounted {
		defer exec.Command("umount", inner).Run()
		os.WriteFile(filepath.Join(inner, "other"), []byte("on top"), 0o644)
	}
	probe.Mounts = map[string]string{"/data": dir, "/deep/er": dir}
	for name, o := range map[string]*Options{"scratch": {}, "read only, another user": {ReadOnly: true, User: "65534"}} {
		t.Run(name, func(t *testing.T) {
			a := backendtest.Prepare(t, o, probe)
			for _, file := range []string{"/data/file", "/deep/er/file"} {
				if got := answerOf(t, a, "show", file); got != "said<nil>" {
					t.Errorf("%s is %q", file, got)
				}
			}
			if r := backendtest.Trial(t, a, experiment.Warm, backends.Request{Args: []string{"count"}}, patience); r.Err != nil {
				t.Fatal(r.Err)
			}
			for _, l := range a.(*artifact).live {
				there, err := l.backend.client.ContainerInspect(t.Context(), l.id)
				if err != nil || len(there.Mounts) != 2 || there.Mounts[0].RW || there.Mounts[1].RW {
					t.Errorf("a live container has the mounts %+v, %v", there.Mounts, err)
				}
			}
			if got := answerOf(t, a, "list", "/data/inner"); got != "hidden\n" {
				t.Errorf("below what is mounted inside there is %q", got)
			}
			info := a.(*artifact).mounts
			if len(info) != 2 || !info[0].ReadOnly || !info[1].ReadOnly {
				t.Errorf("mounts %+v", info)
			}
		})
	}
}

// TestMountsOnly: what every backend's mounts are, and nothing more.
func TestMountsOnly(t *testing.T) {
	testenv.Need(t, "docker")
	backendtest.Mounts(t, func() backends.Options { return &Options{} })
}

// TestMountsElsewhere: an engine on another machine does not have the folders.
// This one is reached as such an engine would be.
func TestMountsElsewhere(t *testing.T) {
	testenv.Need(t, "docker")
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = client.DefaultDockerHost
	}
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		t.Skip("the engine is not at a socket")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.(*net.UnixConn).CloseWrite() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	t.Setenv("DOCKER_HOST", "tcp://"+l.Addr().String())
	c, err := connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := engineHolds(t, c)
	probe := backendtest.Probe(t)
	probe.Mounts = map[string]string{"/data": t.TempDir()}
	b, err := (&Options{}).Open(t.Context(), backendtest.Session(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Prepare(t.Context(), probe)
	if u := (*backends.Unavailable)(nil); !errors.As(err, &u) || !strings.Contains(u.What, "tcp://127.0.0.1") {
		t.Errorf("mounts in an engine elsewhere: %v", err)
	}
	if err := b.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if after := engineHolds(t, c); after != before {
		t.Errorf("the engine held\n%s\nand holds\n%s", before, after)
	}
}
