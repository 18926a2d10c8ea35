package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestDist makes the archive for this platform: its digest is on the list, it
// holds what it should, and the program in it runs, says which commit it is of
// and holds the chart library.
func TestDist(t *testing.T) {
	root := "../.."
	if os.Getenv("NEBULA_TEST_DIST") == "" {
		t.Skip("it compiles everything once more: make dist runs it (NEBULA_TEST_DIST=1)")
	}
	if _, err := os.Stat(filepath.Join(root, library)); err != nil {
		t.Skip("the chart library is not here (make charts)")
	}
	if _, err := committed(root); err != nil {
		t.Skip(err)
	}
	if runtime.GOOS != "linux" {
		t.Skip("archives are made on Linux")
	}
	head, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "dist")
	if err := run(root, out, runtime.GOOS+"/"+runtime.GOARCH); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(out, sums))
	if err != nil {
		t.Fatal(err)
	}
	sum, name, _ := strings.Cut(strings.TrimSpace(string(list)), "  ")
	b, err := os.ReadFile(filepath.Join(out, name))
	if err != nil || fmt.Sprintf("%x", sha256.Sum256(b)) != sum {
		t.Fatalf("the digest of %s is not %s: %v", name, sum, err)
	}
	files := untar(t, b)
	dir := strings.TrimSuffix(name, ".tar.gz")
	for _, n := range []string{"nebula", "LICENSE", "README.md", "echarts.LICENSES.txt"} {
		if len(files[dir+"/"+n]) == 0 {
			t.Errorf("no %s in %s", n, name)
		}
	}
	program := filepath.Join(t.TempDir(), "nebula")
	if err := os.WriteFile(program, files[dir+"/nebula"], 0o755); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["vcs.revision"] != strings.TrimSpace(string(head)) || settings["-trimpath"] != "true" || settings["CGO_ENABLED"] != "0" {
		t.Errorf("built with %v", settings)
	}
	here, _ := filepath.Abs(root)
	if bytes.Contains(files[dir+"/nebula"], []byte(here)) {
		t.Errorf("the program holds the path %s of where it was built", here)
	}
	version, err := exec.Command(program, "version").Output()
	if err != nil || !strings.Contains(string(version), settings["vcs.revision"][:12]) {
		t.Errorf("%s, %v: it does not say its commit", version, err)
	}
	charts, err := os.ReadFile(filepath.Join(root, library))
	if err != nil || !bytes.Contains(files[dir+"/nebula"], charts[:4096]) {
		t.Errorf("the program does not hold the chart library: %v", err)
	}
}

func untar(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// The same files give the same archive at another time, by another user, from
// another folder.
func TestSameBytes(t *testing.T) {
	at := time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC)
	for name, write := range map[string]func(string, string, []file, time.Time) error{"a.tar.gz": writeTar, "a.zip": writeZip} {
		var archives [2][]byte
		for i := range archives {
			from := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(from, []byte("a program"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(from, at, at.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), name)
			if err := write(to, "nebula-v1", []file{{"nebula", from, 0o755}}, at); err != nil {
				t.Fatal(err)
			}
			var err error
			if archives[i], err = os.ReadFile(to); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(archives[0], archives[1]) {
			t.Errorf("%s is not the same twice", name)
		}
		if name == "a.zip" {
			r, err := zip.NewReader(bytes.NewReader(archives[0]), int64(len(archives[0])))
			if err != nil || len(r.File) != 1 || r.File[0].Mode() != 0o755 || r.File[0].Name != "nebula-v1/nebula" {
				t.Error(r, err)
			}
		}
	}
}

// A folder that holds anything else is left alone.
func TestForeignFolder(t *testing.T) {
	out := t.TempDir()
	mine := filepath.Join(out, "thesis.tex")
	if err := os.WriteFile(mine, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := empty(out); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Error(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}
