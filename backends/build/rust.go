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
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/nebula-bench/nebula/backends"
)

const rustTools = "install it: apt-get install rustc libstd-rust-dev-wasm32 (Debian, Ubuntu), or: rustup target add wasm32-wasip1"

// wasmTriples are the names of the target, the newer one first.
var wasmTriples = []string{"wasm32-wasip1", "wasm32-wasi"}

// rustArch are the processors' names in Rust where they differ from Go's.
var rustArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "riscv64": "riscv64gc", "ppc64le": "powerpc64le"}

// rustc is a compiler with a target that it has a standard library for.
type rustc struct {
	tool   string
	triple string
	std    string // file name of the library: it holds a digest
}

func (j *job) planRust(ctx context.Context) (plan, error) {
	in := inputs{}
	misread, err := j.copyRust(ctx, in)
	if err != nil {
		return plan{}, err
	}
	compiler, err := j.findRustc(ctx)
	if err != nil {
		return plan{}, err
	}
	version, err := j.run(ctx, j.src(), nil, compiler.tool, "-vV")
	if err != nil {
		return plan{}, err
	}
	flags := []string{"-C", "strip=symbols"}
	if j.target == Linux {
		flags = append(flags, "-C", "target-feature=+crt-static")
	}
	p := plan{
		toolchain: firstLine(version) + " " + compiler.triple,
		tools:     slices.Concat([]string{string(version), compiler.std}, flags),
	}
	if exists(j.src("Cargo.toml")) {
		cargo, err := j.findCargo(compiler)
		if err != nil {
			return plan{}, err
		}
		p.tools = append(p.tools, "cargo")
		if j.inside != "" {
			p.tools = append(p.tools, "in "+filepath.ToSlash(j.inside))
		}
		p.compile = func(ctx context.Context) (string, error) {
			file, err := j.cargo(ctx, cargo, compiler, flags)
			if err != nil && misread != nil && ctx.Err() == nil {
				err = misread // in the user's words for places
			}
			return file, j.missingForRust(err)
		}
	} else {
		if err := j.helper(j.in("helper"), in, "nebula.rs"); err != nil {
			return plan{}, err
		}
		p.compile = func(ctx context.Context) (string, error) {
			return j.in("function"), j.missingForRust(j.rustc(ctx, compiler, flags))
		}
	}
	p.digest = in.digest()
	return p, nil
}

// copyRust copies the function, and with it what a Cargo package needs beside
// its folder. misread is why Cargo does not understand where it lies.
func (j *job) copyRust(ctx context.Context, in inputs) (misread, err error) {
	if !exists(filepath.Join(j.source.path, "Cargo.toml")) {
		return nil, j.snapshot(ctx, j.in("src"), in)
	}
	c, misread, err := j.crates(ctx)
	if err != nil {
		return nil, err
	}
	if len(c.folders) == 1 && c.folders[0] == c.own && len(c.files) == 0 {
		return misread, j.snapshot(ctx, j.in("src"), in)
	}
	j.base = c.base
	if j.inside, err = filepath.Rel(c.base, c.own); err != nil {
		return nil, err
	}
	if j.locks, err = filepath.Rel(c.base, c.root); err != nil {
		return nil, err
	}
	return misread, j.copyCrates(ctx, c, j.in("src"), in)
}

// rustc builds main.rs with the helper as crate nebula.
func (j job) rustc(ctx context.Context, c rustc, flags []string) error {
	common := []string{"--edition=2021", "-O", "--target=" + c.triple, "--remap-path-prefix=" + j.work + "=.", "--cap-lints=allow"}
	helper := slices.Concat(common, []string{"--crate-type=rlib", "--crate-name=nebula", "-o", "../libnebula.rlib", "../helper/nebula.rs"})
	if _, err := j.run(ctx, j.src(), nil, c.tool, helper...); err != nil {
		return err
	}
	main := slices.Concat(common, flags, []string{"--crate-name=main", "--extern=nebula=../libnebula.rlib", "-o", "../function", "main.rs"})
	_, err := j.run(ctx, j.src(), nil, c.tool, main...)
	return err
}

// cargo builds the package and returns its one program.
func (j job) cargo(ctx context.Context, tool string, c rustc, flags []string) (string, error) {
	flags = append(slices.Clone(flags), "--remap-path-prefix="+j.work+"=.")
	env := []string{
		"RUSTC=" + c.tool,
		"CARGO_TARGET_DIR=" + j.in("target"),
		"CARGO_ENCODED_RUSTFLAGS=" + strings.Join(flags, "\x1f"),
	}
	args := []string{"build", "--release", "--target=" + c.triple, "--message-format=json-render-diagnostics"}
	if exists(j.in("src", j.locks, "Cargo.lock")) {
		args = append(args, "--locked")
	}
	out, err := j.run(ctx, j.src(), env, tool, args...)
	if err != nil {
		return "", err
	}
	var programs []string
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var message struct {
			Executable string
			Manifest   string `json:"manifest_path"`
			Package    string `json:"package_id"`
		}
		if err := dec.Decode(&message); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", fmt.Errorf("read the output of cargo: %w", err)
		}
		if err := j.strays(message.Manifest, message.Package); err != nil {
			return "", err
		}
		if message.Executable != "" {
			programs = append(programs, message.Executable)
		}
	}
	if len(programs) != 1 {
		return "", &backends.Unsuitable{Err: fmt.Errorf("function %q in %s: its Cargo.toml gives %d programs; a function is one",
			j.function.Name, j.source.path, len(programs))}
	}
	return programs[0], nil
}

// missingForRust recognises that the compiler lacks a linker or C library.
func (j job) missingForRust(err error) error {
	switch {
	case err == nil:
		return nil
	case j.target == Wasm && said(err, "linker `rust-lld` not found", "linker `wasm-ld` not found", "linker `lld` not found"):
		return j.missing("rustc but no linker for WebAssembly", "install it: apt-get install lld (Debian, Ubuntu)")
	case j.target == Linux && said(err, "linker `cc` not found", "cannot find -lc:", "cannot find -lc\n"):
		return j.missing("rustc but no linker with a static C library", "install it: apt-get install gcc libc6-dev (Debian, Ubuntu)")
	}
	return err
}

// findRustc asks every rustc of this machine for which targets it holds a
// standard library: the first on PATH is often one without WebAssembly. A
// compiler that has it is taken for Linux too, where there is one, so that a
// comparison of two targets does not become one of two compilers.
func (j job) findRustc(ctx context.Context) (rustc, error) {
	arch := runtime.GOARCH
	if name, ok := rustArch[arch]; ok {
		arch = name
	}
	// musl is made for static binaries; with the other the machine's libc
	// is linked in.
	linuxTriples := []string{arch + "-unknown-linux-musl", arch + "-unknown-linux-gnu"}
	tools := programs("rustc")
	var wasm, both, linux []rustc
	for _, tool := range tools {
		w, err := j.hasTarget(ctx, tool, wasmTriples)
		if err != nil {
			return rustc{}, err
		}
		if w.std != "" {
			wasm = append(wasm, w)
		}
		if j.target == Wasm {
			continue
		}
		l, err := j.hasTarget(ctx, tool, linuxTriples)
		if err != nil {
			return rustc{}, err
		}
		switch {
		case l.std != "" && w.std != "":
			both = append(both, l)
		case l.std != "":
			linux = append(linux, l)
		}
	}
	found := wasm
	if j.target == Linux {
		found = append(both, linux...)
	}
	switch {
	case len(found) > 0:
		return found[0], nil
	case len(tools) == 0:
		return rustc{}, j.missing("no rustc", rustTools)
	case j.target == Linux:
		return rustc{}, j.missing("no rustc with a standard library for "+linuxTriples[1], "install it: apt-get install rustc (Debian, Ubuntu)")
	}
	return rustc{}, j.missing("no rustc with a standard library for "+strings.Join(wasmTriples, " or "), rustTools)
}

func (j job) hasTarget(ctx context.Context, tool string, triples []string) (rustc, error) {
	for _, triple := range triples {
		// Asked in the source's folder: a rust-toolchain.toml there has a say.
		out, err := j.run(ctx, j.src(), nil, tool, "--print=target-libdir", "--target="+triple)
		if ctx.Err() != nil {
			return rustc{}, ctx.Err()
		}
		if err != nil {
			continue // it does not know the target
		}
		if std, _ := fs.Glob(os.DirFS(firstLine(out)), "libstd-*.rlib"); len(std) > 0 {
			return rustc{tool, triple, filepath.Base(std[0])}, nil
		}
	}
	return rustc{}, nil
}

// findCargo takes the cargo that came with the compiler: a newer one passes
// flags that an older compiler does not know.
func (j job) findCargo(c rustc) (string, error) {
	tool := filepath.Join(filepath.Dir(c.tool), "cargo")
	if exists(tool) {
		return tool, nil
	}
	return "", j.missing("no cargo beside "+c.tool, "install it: apt-get install cargo (Debian, Ubuntu), or: rustup target add wasm32-wasip1")
}

// programs finds every program of a name on PATH, and in /usr/bin.
func programs(name string) []string {
	var found []string
	var seen []os.FileInfo
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin") {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		// One may be a link to the other. rustup's programs are all one
		// file, but here they have one name, so that is right for them too.
		if slices.ContainsFunc(seen, func(i os.FileInfo) bool { return os.SameFile(i, info) }) {
			continue
		}
		seen = append(seen, info)
		found = append(found, path)
	}
	return found
}
