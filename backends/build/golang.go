package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"

	"github.com/nebula-bench/nebula/functions"
)

// goOwn are the variables that the user's environment has no say in. GOWORK
// is off because a workspace above the folder is somebody's state of editing,
// and because a function need not be listed in it. GOFLAGS holds something,
// because an empty one gives way to `go env -w`.
var goOwn = []string{"GOOS", "GOARCH", "GOWORK", "GOFLAGS", "GODEBUG", "GO111MODULE"}

// goFacts are the settings that change what the compiler makes.
var goFacts = []string{"GOVERSION", "GOAMD64", "GOARM", "GOARM64", "GORISCV64", "GOPPC64", "GOWASM", "GOEXPERIMENT", "GOFIPS140"}

var goFlags = []string{"-trimpath", "-ldflags=-s -w"}

func (j job) planGo(ctx context.Context) (plan, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return plan{}, j.missing("no go command", "install Go: apt-get install golang (Debian, Ubuntu), or see https://go.dev/dl")
	}
	dir := j.source.path
	goos, goarch := "linux", runtime.GOARCH
	if j.target == Wasm {
		goos, goarch = "wasip1", "wasm"
	}
	env := []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false"}
	out, err := j.run(ctx, dir, env, tool, append([]string{"env", "-json"}, goFacts...)...)
	if err != nil {
		return plan{}, err
	}
	facts := map[string]string{}
	if err := json.Unmarshal(out, &facts); err != nil {
		return plan{}, fmt.Errorf("read the output of go env: %w", err)
	}
	p := plan{toolchain: fmt.Sprintf("%s %s/%s", facts["GOVERSION"], goos, goarch), tools: slices.Clone(goFlags)}
	for _, name := range goFacts {
		p.tools = append(p.tools, name+"="+facts[name])
	}

	var overlay map[string]string
	flags := goFlags
	if !inGoModule(dir) {
		if overlay, err = j.goModuleAround(dir, facts["GOVERSION"]); err != nil {
			return plan{}, err
		}
		flags = slices.Concat(goFlags, []string{"-overlay=" + j.in("overlay.json")})
	}
	out, err = j.run(ctx, dir, env, tool, slices.Concat([]string{"list", "-deps",
		"-json=Dir,ImportPath,Standard,GoFiles,SFiles,HFiles,SysoFiles,EmbedFiles,DefaultGODEBUG,Module"}, flags, []string{"."})...)
	if err != nil {
		return plan{}, err
	}
	in := inputs{}
	if err := in.addGoPackages(out, overlay); err != nil {
		return plan{}, err
	}
	p.digest = in.digest()
	p.compile = func(ctx context.Context) (string, error) {
		file := j.in("function")
		_, err := j.run(ctx, dir, env, tool, slices.Concat([]string{"build", "-o", file}, flags, []string{"."})...)
		return file, err
	}
	return p, nil
}

// addGoPackages adds the files of every package that is not in the standard
// library, which the compiler's version stands for. Of go.mod it takes what
// decides how the packages are compiled, not the file: a module holds more
// than one function.
func (in inputs) addGoPackages(list []byte, overlay map[string]string) error {
	dec := json.NewDecoder(bytes.NewReader(list))
	for {
		var p struct {
			Dir, ImportPath, DefaultGODEBUG                string
			Standard                                       bool
			GoFiles, SFiles, HFiles, SysoFiles, EmbedFiles []string
			Module                                         *struct{ Path, Version, GoVersion string }
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the output of go list: %w", err)
		}
		if p.Standard {
			continue
		}
		facts := []string{p.DefaultGODEBUG}
		if p.Module != nil {
			facts = append(facts, p.Module.Path, p.Module.Version, p.Module.GoVersion)
		}
		in[p.ImportPath] = hashStrings(facts)
		for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.HFiles, p.SysoFiles, p.EmbedFiles) {
			file := filepath.Join(p.Dir, name)
			if real, ok := overlay[file]; ok {
				file = real
			}
			if err := in.add(p.ImportPath+"/"+filepath.ToSlash(name), file); err != nil {
				return err
			}
		}
	}
}

// inGoModule reports whether a folder or one above it holds a go.mod.
func inGoModule(dir string) bool {
	for {
		if info, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil && !info.IsDir() {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return false
		}
		dir = up
	}
}

var goRelease = regexp.MustCompile(`^go(\d+\.\d+)`)

// goModuleAround makes a module of a folder that lies in none, by an overlay
// that only the compiler sees: a go.mod, and this module with nothing but
// the protocol helper. So a function is one file of Go, anywhere, without
// network. The helper seems to lie in the function's own folder because its
// place is written into the binary.
func (j job) goModuleAround(dir, version string) (map[string]string, error) {
	const module, helper = "github.com/nebula-bench/nebula", ".nebula"
	release := "1.22"
	if m := goRelease.FindStringSubmatch(version); m != nil {
		release = m[1]
	}
	// Every file of the helper: each system has its own, and the compiler
	// chooses.
	names, err := fs.Glob(functions.Helpers, "protocol/*.go")
	if err != nil {
		return nil, err
	}
	for i := range names {
		names[i] = path.Base(names[i])
	}
	err = errors.Join(
		j.helper(j.in("helper"), nil, names...),
		os.WriteFile(j.in("helper.mod"), fmt.Appendf(nil, "module %s\n\ngo %s\n", module, release), 0o600),
		os.WriteFile(j.in("function.mod"), fmt.Appendf(nil,
			"module function\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %[2]s => ./%[3]s\n", release, module, helper), 0o600),
	)
	replace := map[string]string{
		filepath.Join(dir, "go.mod"):         j.in("function.mod"),
		filepath.Join(dir, helper, "go.mod"): j.in("helper.mod"),
	}
	for _, name := range names {
		replace[filepath.Join(dir, helper, "functions", "protocol", name)] = j.in("helper", name)
	}
	text, jerr := json.Marshal(map[string]any{"Replace": replace})
	err = errors.Join(err, jerr, os.WriteFile(j.in("overlay.json"), text, 0o600))
	return replace, err
}
