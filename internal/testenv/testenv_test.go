package testenv

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that notes how Need ended it.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestRecorded" }
func (r *recorder) Skip(args ...any) {
	r.ended = "skipped: " + fmt.Sprint(args...)
	panic(r)
}
func (r *recorder) Fatal(args ...any) {
	r.ended = "failed: " + fmt.Sprint(args...)
	panic(r)
}

func need(name string) string {
	r := &recorder{}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		Need(r, name)
	}()
	return r.ended
}

func TestNeed(t *testing.T) {
	list := filepath.Join(t.TempDir(), "skipped.txt")
	t.Setenv("NEBULA_TEST_SKIPPED", list)
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct{ require, want string }{
		{"", "skipped: needs chromium: no chromium"},
		{"docker", "skipped: needs chromium: no chromium"},
		{"docker, chromium", "failed: needs chromium, which NEBULA_TEST_REQUIRE asks for: no chromium"},
		{"chrome", `failed: NEBULA_TEST_REQUIRE names "chrome"`},
	} {
		t.Setenv("NEBULA_TEST_REQUIRE", c.require)
		if got := need("chromium"); !strings.HasPrefix(got, c.want) {
			t.Errorf("with %q required: %q, want it to begin with %q", c.require, got, c.want)
		}
	}
	const line = "chromium: apt-get install chromium\n"
	if b, err := os.ReadFile(list); string(b) != line+line {
		t.Errorf("the list of what was skipped holds %q, %v", b, err)
	}
}

func TestDocker(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	t.Setenv("NEBULA_TEST_REQUIRE", "")
	t.Setenv("NEBULA_TEST_SKIPPED", "")
	if got := need("docker"); !strings.Contains(got, "no engine answers at unix://"+socket) {
		t.Errorf("without an engine: %q", got)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	defer server.Close()
	if got := need("docker"); got != "" {
		t.Errorf("with an engine: %q", got)
	}
}
