package backendtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

// Mounts tests that a function reads the folders that it was given, from every
// start, can't write to them, and finds no way out of them.
func Mounts(t *testing.T, newOptions func() backends.Options) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "data")
	for name, text := range map[string]string{"data/file": "hello", "data/sub/deep": "deep", "other/file": "other", "secret": "secret"} {
		path := filepath.Join(outside, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(outside, "secret")
	for name, to := range map[string]string{
		"inside": "sub/deep", "up": "../secret", "far": secret, "folder": "..", "passwd": "/etc/passwd", "sub/back": "../file",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("symbolic links can't be made here: ", err)
		}
	}
	f := Probe(t)
	f.Mounts = map[string]string{"/data": dir, "/more/below": filepath.Join(outside, "other")}
	o := newOptions()
	a := Prepare(t, o, f)
	for _, s := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared} {
		if o.Lacks(f, s) != "" {
			continue
		}
		t.Run(string(s), func(t *testing.T) {
			ask := func(args ...string) string {
				t.Helper()
				r := Trial(t, a, s, backends.Request{Args: args}, patience)
				if r.Err != nil || r.ExitCode != 0 {
					t.Errorf("%q ended with exit code %d, %v: %s", args, r.ExitCode, r.Err, r.Stderr)
				}
				return string(r.Stdout)
			}
			if got := ask("show", "/data/file"); got != "hello<nil>" {
				t.Errorf("/data/file holds %q", got)
			}
			if s != experiment.Prepared { // what can be reached does not depend on the start
				return
			}
			for name, want := range map[string]string{
				"/data/sub/deep": "deep", "/data/inside": "deep", "/data/sub/back": "hello", "/more/below/file": "other",
			} {
				if got := ask("show", name); got != want+"<nil>" {
					t.Errorf("%s holds %q, want %q", name, got, want)
				}
			}
			if got := ask("list", "/data/sub"); got != "back\ndeep\n" {
				t.Errorf("the folder holds %q", got)
			}
			for _, name := range []string{"/data/up", "/data/far", "/data/folder/secret", "/data/../secret", "/data/sub/../../secret", secret} {
				if got := ask("read", name); got != "false" {
					t.Errorf("it can read %s", name)
				}
			}
			// In a container it may lead to the container's own.
			host, err := os.ReadFile("/etc/passwd")
			if got := ask("show", "/data/passwd"); err == nil && strings.Contains(got, string(host)) {
				t.Errorf("it can read the host's /etc/passwd")
			}
			if got := ask("change", "/data/file"); got != "" {
				t.Errorf("it can %s", got)
			}
			entries, _ := os.ReadDir(dir)
			if b, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(b) != "hello" || len(entries) != 7 {
				t.Errorf("afterwards the file holds %q, %v, and the folder %v", b, err, entries)
			}
		})
	}
}
