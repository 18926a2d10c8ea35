// Package testenv says which tools of the machine a test can use. A test
// that lacks one is skipped with the reason and the remedy; where
// NEBULA_TEST_REQUIRE names the tool (a list with commas: docker, chromium,
// clang, perf, rust, python3, root, bases, systemd,
// systemd-analyze, qemu-aarch64, qemu-riscv64), the lack is a
// failure, so that a machine that must test everything cannot quietly test less.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// tool is something that a test may need.
type tool struct {
	find    func() error // nil: it is there
	install string
}

var tools = map[string]tool{
	"docker":          {docker, "apt-get install docker.io, then systemctl start docker"},
	"chromium":        {chromium, "apt-get install chromium"},
	"clang":           {clang, "apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32"},
	"quiet":           {quiet, "stop what else runs on this machine"},
	"python3":         {python3, "apt-get install python3"},
	"root":            {root, "run the tests as root, where file systems can be mounted"},
	"bases":           {bases, "apt-get install debootstrap busybox-static, then make bases"},
	"perf":            {perf, "run the tests as root, or sysctl kernel.perf_event_paranoid=0"},
	"systemd":         {systemd, "as root: apt-get install systemd"},
	"systemd-analyze": {systemdAnalyze, "apt-get install systemd"},
	"qemu-aarch64":    {qemu("aarch64"), "as root: apt-get install qemu-user-static"},
	"qemu-riscv64":    {qemu("riscv64"), "as root: apt-get install qemu-user-static"},
	"rust":            {rust, "apt-get install gcc lld rustc libstd-rust-dev-wasm32, or: rustup target add wasm32-wasip1"},
}

// Need skips the test where a tool is missing.
func Need(t testing.TB, name string) {
	t.Helper()
	need, ok := tools[name]
	if !ok {
		panic("testenv: there is no tool " + name)
	}
	Lacks(t, name, need.find())
}

// Lacks is Need for a test that has found out by itself what a tool can't do
// here; with no error it does nothing.
func Lacks(t testing.TB, name string, err error) {
	t.Helper()
	skip, err := lacks(name, err)
	switch {
	case err != nil && skip:
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// Has is Need for a script: whether the tool is there. The error is for one
// that must be.
func Has(name string) (bool, error) {
	need, ok := tools[name]
	if !ok {
		return false, fmt.Errorf("there is no tool %q", name)
	}
	skip, err := lacks(name, need.find())
	if skip {
		return false, nil
	}
	return err == nil, err
}

// lacks says of a missing tool whether its tests are skipped, and notes that.
func lacks(name string, missing error) (skip bool, err error) {
	required := strings.FieldsFunc(os.Getenv("NEBULA_TEST_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, r := range required {
		if _, ok := tools[r]; !ok {
			return false, fmt.Errorf("NEBULA_TEST_REQUIRE names %q, which no test knows", r)
		}
	}
	if missing == nil {
		return false, nil
	}
	need := tools[name]
	if slices.Contains(required, name) {
		return false, fmt.Errorf("needs %s, which NEBULA_TEST_REQUIRE asks for: %w (%s)", name, missing, need.install)
	}
	note(name + ": " + need.install)
	return true, fmt.Errorf("needs %s: %w (%s)", name, missing, need.install)
}

// note adds a line to the file that make test counts at its end, for go test
// does not say what it skipped. One line says what to install, whichever test
// wants it.
func note(line string) {
	name := os.Getenv("NEBULA_TEST_SKIPPED")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		panic(err) // the list would not be complete
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

func root() error {
	if id := os.Geteuid(); id != 0 {
		return fmt.Errorf("this is user %d", id)
	}
	return nil
}

// docker asks the engine at DOCKER_HOST, or at its usual socket, for a sign
// of life.
func docker() error {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	u, err := url.Parse(host)
	if err != nil {
		return fmt.Errorf("DOCKER_HOST: %w", err)
	}
	network, address := u.Scheme, u.Host
	switch u.Scheme {
	case "unix":
		address = u.Path
	case "tcp", "http":
		network = "tcp"
	default:
		return fmt.Errorf("DOCKER_HOST %s is of a kind that the tests do not reach", host)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 5 * time.Second}
	resp, err := client.Get("http://docker/_ping")
	if err != nil {
		return fmt.Errorf("no engine answers at %s: %w", host, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the engine answers at %s with %s", host, resp.Status)
	}
	return nil
}

// bases looks for the root file systems that experiments stand on.
func bases() error {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return errors.New("this program does not know where its source is")
	}
	for _, name := range []string{"debian", "busybox"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "../../experiments/base", name+".tar")); err != nil {
			return err
		}
	}
	return nil
}

func chromium() error {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if _, err := exec.LookPath(name); err == nil {
			return nil
		}
	}
	return errors.New("no chromium or google-chrome on PATH")
}

// quiet leaves it to the test to find out whether too much else runs.
func quiet() error { return nil }

func python3() error {
	_, err := exec.LookPath("python3")
	return err
}

func clang() error {
	for _, name := range []string{"clang", "wasm-ld"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("no %s on PATH", name)
		}
	}
	for _, root := range []string{os.Getenv("WASI_SYSROOT"), "/usr", "/usr/share/wasi-sysroot", "/usr/wasm32-wasi", "/opt/wasi-sdk/share/wasi-sysroot"} {
		if found, _ := fs.Glob(os.DirFS(root), "lib/wasm32-wasi*/libc.a"); len(found) > 0 && root != "" {
			return nil
		}
	}
	return errors.New("no C library for WASI")
}

// rust looks for a compiler and for what links its output: a C compiler for
// Linux, and for WebAssembly a linker that rustup brings along and others do not.
func rust() error {
	if !onPath("cc", "gcc", "clang") {
		return errors.New("no C compiler on PATH to link with")
	}
	found := false
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin") {
		rustc := filepath.Join(dir, "rustc")
		if _, err := os.Stat(rustc); err != nil {
			continue
		}
		found = true
		for _, target := range []string{"wasm32-wasip1", "wasm32-wasi"} {
			out, err := exec.Command(rustc, "--print=target-libdir", "--target="+target).Output()
			if err != nil {
				continue
			}
			lib := strings.TrimSpace(string(out))
			std, _ := fs.Glob(os.DirFS(lib), "libstd-*.rlib")
			own, _ := fs.Glob(os.DirFS(filepath.Join(lib, "../..")), "*/bin/rust-lld")
			if len(std) > 0 && (len(own) > 0 || onPath("rust-lld", "wasm-ld", "lld")) {
				return nil
			}
		}
	}
	if !found {
		return errors.New("no rustc on PATH")
	}
	return errors.New("no rustc with a standard library and a linker for wasm32-wasip1 or wasm32-wasi")
}

// onPath reports whether one of the programs is there.
func onPath(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
}

// qemu looks for the emulator of another processor. That the kernel hands it
// programs is for the test to see to.
func qemu(processor string) func() error {
	return func() error {
		_, err := exec.LookPath("qemu-" + processor + "-static")
		return err
	}
}
