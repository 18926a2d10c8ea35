// Command dist makes what is given to people who build nothing: the program
// for each platform, with the chart library in it, in an archive with its
// licences, and the digests of all archives. The same commit gives the same
// bytes, wherever its folder lies and whoever builds it.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platform is one that programs are made for.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"linux", "riscv64"},
	{"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"freebsd", "amd64"},
}

// library is what a build must hold: go install leaves it out.
const library = "reports/web/dist/echarts.min.js"

// beside lies in each archive next to the program.
var beside = map[string]string{
	"LICENSE": "LICENSE", "README.md": "README.md", "echarts.LICENSES.txt": "reports/web/echarts.LICENSES.txt",
}

func main() {
	only := flag.String("only", "", "make it for this `platform` alone, such as linux/amd64")
	root := flag.String("root", ".", "the `folder` of the sources")
	out := flag.String("out", "dist", "write to this `folder`; what is there of an earlier one is removed")
	flag.Parse()
	if err := run(*root, *out, *only); err != nil {
		fmt.Fprintf(os.Stderr, "dist: %s\n", err)
		os.Exit(1)
	}
}

// sums is the file of digests, which marks a folder as ours too.
const sums = "SHA256SUMS"

func run(root, out, only string) error {
	wanted := platforms
	if only != "" {
		wanted = slices.DeleteFunc(slices.Clone(platforms), func(p platform) bool { return p.String() != only })
		if len(wanted) == 0 {
			return fmt.Errorf("there is no platform %q: they are %v", only, platforms)
		}
	}
	if _, err := os.Stat(filepath.Join(root, library)); err != nil {
		return fmt.Errorf("the chart library is not there (make charts): %w", err)
	}
	at, err := committed(root)
	if err != nil {
		return err
	}
	if err := empty(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "nebula-dist-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var list strings.Builder
	for _, p := range wanted {
		name, err := build(root, out, work, p, at)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		b, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(b), name)
		fmt.Printf("%s, %d MiB\n", filepath.Join(out, name), len(b)>>20)
	}
	return os.WriteFile(filepath.Join(out, sums), []byte(list.String()), 0o644)
}

// committed is when the commit was made: no archive knows when it was made.
func committed(root string) (time.Time, error) {
	text, err := exec.Command("git", "-C", root, "log", "-1", "--format=%ct").Output()
	if err != nil {
		return time.Time{}, fmt.Errorf("the sources are no git repository, and a program's version comes from it: %w", err)
	}
	s, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return time.Unix(s, 0).UTC(), err
}

// empty makes the folder, without the archives of an earlier time. One that
// holds anything else is not ours to write to.
func empty(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if n := e.Name(); n != sums && !strings.HasPrefix(n, "nebula-") {
			return fmt.Errorf("%s holds %s, which was not made here; name another folder", out, n)
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(out, e.Name())); err != nil {
			return err
		}
	}
	return os.MkdirAll(out, 0o755)
}

// build builds the program for one platform and gives its archive's name.
func build(root, out, work string, p platform, at time.Time) (string, error) {
	program := "nebula"
	if p.os == "windows" {
		program += ".exe"
	}
	binary, err := filepath.Abs(filepath.Join(work, p.os+"-"+p.arch+"-"+program))
	if err != nil {
		return "", err
	}
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w -buildid=", "-o", binary, "./cmd/nebula")
	c.Dir, c.Stderr = root, os.Stderr
	// What a builder has set for himself is no part of the program.
	c.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly",
		"GOAMD64=v1", "GOARM64=v8.0", "GORISCV64=rva20u64", "GOEXPERIMENT=", "GOWORK=off")
	if err := c.Run(); err != nil {
		return "", err
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("nebula-%s-%s-%s", strings.ReplaceAll(info.Main.Version, "+", "-"), p.os, p.arch)
	files := []file{{program, binary, 0o755}}
	for _, n := range slices.Sorted(maps.Keys(beside)) {
		files = append(files, file{n, filepath.Join(root, beside[n]), 0o644})
	}
	if p.os == "windows" {
		return name + ".zip", writeZip(filepath.Join(out, name+".zip"), name, files, at)
	}
	return name + ".tar.gz", writeTar(filepath.Join(out, name+".tar.gz"), name, files, at)
}
