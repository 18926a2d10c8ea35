package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	wasmTools = "install it: apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32 (Debian, Ubuntu)"
	cTools    = "install one: apt-get install clang libc6-dev (Debian, Ubuntu)"
)

// cc is a C compiler with what it needs for a target.
type cc struct {
	tool      string
	flags     []string
	libraries []string // files that go into every binary
	target    string   // for people
}

func (j job) planC(ctx context.Context) (plan, error) {
	compiler, err := j.findCC(ctx)
	if err != nil {
		return plan{}, err
	}
	version, err := j.run(ctx, j.work, nil, compiler.tool, "--version")
	if err != nil {
		return plan{}, err
	}
	in := inputs{}
	if err := j.snapshot(ctx, j.in("src"), in); err != nil {
		return plan{}, err
	}
	if err := j.helper(j.in("include"), in, "nebula.h"); err != nil {
		return plan{}, err
	}
	// The sources of the folder itself, by relative names: __FILE__ must not
	// say where they were built, and no name may look like a flag.
	entries, err := os.ReadDir(j.in("src"))
	if err != nil {
		return plan{}, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".c") {
			files = append(files, "./"+e.Name())
		}
	}
	p := plan{
		digest:    in.digest(),
		toolchain: firstLine(version) + " " + compiler.target,
		tools:     slices.Concat([]string{string(version)}, compiler.flags),
	}
	for _, l := range compiler.libraries {
		digest, _, err := hashFile(l)
		if err != nil {
			return plan{}, fmt.Errorf("read a library of %s: %w", filepath.Base(compiler.tool), err)
		}
		p.tools = append(p.tools, digest)
	}
	p.compile = func(ctx context.Context) (string, error) {
		args := slices.Concat(compiler.flags, []string{"-w", "-I../include", "-o", "../function"}, files, []string{"-lm"})
		_, err := j.run(ctx, j.in("src"), nil, compiler.tool, args...)
		return j.in("function"), j.missingForC(err)
	}
	return p, nil
}

// missingForC recognises a compiler that lacks its other half. What can be
// looked for without linking is looked for in findCC.
func (j job) missingForC(err error) error {
	switch {
	case err == nil:
		return nil
	case j.target == Wasm && said(err, "wasm-ld\" doesn't exist", "wasm-ld-", "unable to execute command", "invalid linker name"):
		return j.missing("clang but no wasm-ld", "install it: apt-get install lld (Debian, Ubuntu)")
	case j.target == Linux && said(err, "cannot find -lc", "cannot find -lm", "unable to find library -lc", "'stdio.h' file not found", "crt1.o"):
		return j.missing("a C compiler but no static C library", "install it: apt-get install libc6-dev (Debian, Ubuntu)")
	}
	return err
}

func (j job) findCC(ctx context.Context) (cc, error) {
	if j.target == Wasm {
		return j.findWasmCC(ctx)
	}
	// clang first: it builds the WebAssembly module, and a comparison of two
	// targets should not become one of two compilers.
	for _, name := range []string{"clang", "cc", "gcc"} {
		tool, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		c := cc{tool: tool, flags: []string{"-O2", "-static", "-s"}, target: "static linux/" + runtime.GOARCH}
		out, err := j.run(ctx, j.work, nil, tool, "-print-file-name=libc.a")
		if err != nil {
			return cc{}, err
		}
		if libc := firstLine(out); filepath.IsAbs(libc) && exists(libc) {
			c.libraries = []string{libc}
		}
		return c, nil
	}
	return cc{}, j.missing("no C compiler", cTools)
}

// findWasmCC looks for a clang, a sysroot for it and the compiler's own
// library. The first complete set counts; with none, the nearest miss says
// what is missing. A WASI_SYSROOT in the environment is the only one tried.
func (j job) findWasmCC(ctx context.Context) (cc, error) {
	type pair struct{ tool, sysroot string }
	var pairs []pair
	sdk := os.Getenv("WASI_SDK_PATH")
	if sdk == "" {
		sdk = "/opt/wasi-sdk"
	}
	sdkRoot := filepath.Join(sdk, "share", "wasi-sysroot")
	if tool, err := exec.LookPath("clang"); err == nil {
		// Where Debian, Arch and Fedora put it.
		roots := []string{"/usr", "/usr/share/wasi-sysroot", "/usr/wasm32-wasi", sdkRoot}
		if root := os.Getenv("WASI_SYSROOT"); root != "" {
			roots = []string{root}
		}
		for _, root := range roots {
			pairs = append(pairs, pair{tool, root})
		}
	}
	if tool := filepath.Join(sdk, "bin", "clang"); exists(tool) && os.Getenv("WASI_SYSROOT") == "" {
		pairs = append(pairs, pair{tool, sdkRoot})
	}
	if len(pairs) == 0 {
		return cc{}, j.missing("no clang", wasmTools)
	}
	lack := j.missing("clang but no C library for WASI", "install it: apt-get install wasi-libc (Debian, Ubuntu), or set WASI_SYSROOT")
	for _, p := range pairs {
		for _, triple := range []string{"wasm32-wasi", "wasm32-wasip1"} {
			libc := filepath.Join(p.sysroot, "lib", triple, "libc.a")
			if !exists(libc) {
				continue
			}
			out, err := j.run(ctx, j.work, nil, p.tool, "--target="+triple, "-print-libgcc-file-name")
			if err != nil {
				return cc{}, err
			}
			builtins := firstLine(out)
			if !exists(builtins) {
				lack = j.missing(fmt.Sprintf("clang but no %s", filepath.Base(builtins)),
					fmt.Sprintf("install it: apt-get install %s (Debian, Ubuntu)", builtinsPackage(builtins)))
				continue
			}
			return cc{
				tool:      p.tool,
				flags:     []string{"--target=" + triple, "--sysroot=" + p.sysroot, "-O2", "-Wl,--strip-all"},
				libraries: []string{libc, builtins},
				target:    triple,
			}, nil
		}
	}
	return cc{}, lack
}

// builtinsPackage is Debian's package for a path such as
// /usr/lib/llvm-14/lib/clang/14.0.6/lib/wasi/libclang_rt.builtins-wasm32.a.
func builtinsPackage(path string) string {
	for _, part := range strings.Split(path, "/") {
		if version, ok := strings.CutPrefix(part, "llvm-"); ok {
			return "libclang-rt-" + version + "-dev-wasm32"
		}
	}
	return "libclang-rt-dev-wasm32"
}
