package build

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// sources are functions that answer "one"; with "two" put in its place they
// answer that.
var sources = []struct {
	name, needs string
	files       map[string]string
	toolchain   map[Target]string // what its description holds
}{
	{"Go", "", map[string]string{
		"main.go":  "package main\n\nimport \"github.com/nebula-bench/nebula/functions/protocol\"\n\nfunc main() {\n\tprotocol.Serve(func([]byte) ([]byte, error) { return []byte(word), nil })\n}\n",
		"other.go": "package main\n\nconst word = \"one\"\n",
	}, map[Target]string{Wasm: " wasip1/wasm", Linux: " linux/"}},
	{"Go module", "", map[string]string{
		"go.mod":        "module example.org/f\n\ngo 1.22\n",
		"main.go":       "package main\n\nimport (\n\t\"os\"\n\n\t\"example.org/f/words\"\n)\n\nfunc main() { os.Stdout.WriteString(words.Word) }\n",
		"words/word.go": "package words\n\nimport _ \"embed\"\n\n//go:embed word.txt\nvar Word string\n", "words/word.txt": "one",
	}, map[Target]string{Wasm: " wasip1/wasm", Linux: " linux/"}},
	{"C", "clang", map[string]string{
		"main.c":         "#include \"nebula.h\"\nextern const char word[];\nstatic int f(const char *r, size_t n, struct nebula_answer *a) {\n\t(void)r, (void)n;\n\tnebula_append(a, word, 3);\n\treturn 0;\n}\nint main(void) { return nebula_serve(f); }\n",
		"-o evil; rm.c":  "#include \"include/word.h\"\nconst char word[] = WORD;\n",
		"include/word.h": "#define WORD \"one\"\n",
	}, map[Target]string{Wasm: " wasm32-wasi", Linux: " static linux/"}},
	{"Rust", "rust", map[string]string{
		"main.rs": "mod word;\nfn main() {\n    nebula::serve(|_| Ok(word::WORD.as_bytes().to_vec()))\n}\n",
		"word.rs": "pub const WORD: &str = \"one\";\n",
	}, map[Target]string{Wasm: " wasm32-wasi", Linux: "-unknown-linux-"}},
	{"Cargo", "rust", map[string]string{
		"Cargo.toml":   "[package]\nname = \"f\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"src/main.rs":  "fn main() {\n    print!(\"{}\", include_str!(\"word.txt\"))\n}\n",
		"src/word.txt": "one", "target/junk": "not a source",
	}, map[Target]string{Wasm: " wasm32-wasi", Linux: "-unknown-linux-"}},
}

var targets = []Target{Wasm, Linux}

// cached makes an own, empty cache for a test.
func cached(t *testing.T) {
	t.Helper()
	t.Setenv("NEBULA_CACHE", t.TempDir())
}

func mustBuild(t *testing.T, f experiment.Function, target Target) Binary {
	t.Helper()
	b, err := Build(t.Context(), f, target)
	var lack *backends.Unavailable
	if errors.As(err, &lack) && strings.Contains(lack.What, "cargo") {
		t.Skip(lack)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answer runs a Linux binary: a test's own look at what was built.
func answer(t *testing.T, b Binary) string {
	t.Helper()
	out, err := exec.Command(b.Path).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// checkStatic: an empty image has no loader that the kernel could start.
func checkStatic(t *testing.T, path string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static")
		}
	}
}

func identity(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestBuild(t *testing.T) {
	for _, s := range sources {
		for _, target := range targets {
			t.Run(s.name+"/"+string(target), func(t *testing.T) {
				if s.needs != "" {
					testenv.Need(t, s.needs)
				}
				cached(t)
				// A folder's name must not matter to any tool.
				dir := filepath.Join(t.TempDir(), "-x 'y' $(z)")
				for name, content := range s.files {
					write(t, filepath.Join(dir, name), content)
				}
				f := experiment.Function{Name: "f", Path: dir}
				first := mustBuild(t, f, target)
				if digest, size, err := hashFile(first.Path); err != nil || digest != first.Digest || size != first.Size {
					t.Errorf("file %s, %d bytes (%v), want %s, %d", digest, size, err, first.Digest, first.Size)
				}
				if !strings.Contains(first.Toolchain, s.toolchain[target]) {
					t.Errorf("toolchain %q, want it to say %q", first.Toolchain, s.toolchain[target])
				}
				if !strings.HasPrefix(first.Source, "sha256:") {
					t.Errorf("source %q is no digest", first.Source)
				}
				content, err := os.ReadFile(first.Path)
				if err != nil {
					t.Fatal(err)
				}
				for _, place := range []string{dir, CacheRoot()} {
					if bytes.Contains(content, []byte(place)) {
						t.Errorf("the binary knows that it was built from %s", place)
					}
				}
				switch target {
				case Wasm:
					if err := checkModule(first.Path); err != nil {
						t.Error(err)
					}
				case Linux:
					checkStatic(t, first.Path)
					if got := answer(t, first); got != "one" {
						t.Errorf("it answers %q, want one", got)
					}
				}

				// Again: from the cache, untouched.
				was := identity(t, first.Path)
				second := mustBuild(t, f, target)
				now := identity(t, second.Path)
				if second != first || !os.SameFile(was, now) || !was.ModTime().Equal(now.ModTime()) {
					t.Errorf("built again: %+v, want %+v", second, first)
				}

				// In another place, with nothing cached: the same bytes.
				cached(t)
				elsewhere := f
				elsewhere.Path = tree(t, s.files)
				if again := mustBuild(t, elsewhere, target); again.Digest != first.Digest || again.Source != first.Source {
					t.Errorf("built elsewhere: %+v, want the digests of %+v", again, first)
				}

				// A change of any file that counts gives another binary.
				for name, content := range s.files {
					if strings.Contains(content, "one") {
						write(t, filepath.Join(dir, name), strings.Replace(content, "one", "two", 1))
					}
				}
				changed := mustBuild(t, f, target)
				if changed.Digest == first.Digest || changed.Source == first.Source {
					t.Errorf("built with a change: %+v, the same as before", changed)
				}
				if target == Linux {
					if got := answer(t, changed); got != "two" {
						t.Errorf("with a change it answers %q, want two", got)
					}
				}

				// Nothing of a build is left, in the cache or at the source.
				if left, _ := filepath.Glob(filepath.Join(CacheDir(), "tmp-*")); len(left) > 0 {
					t.Errorf("left in the cache: %v", left)
				}
				var there []string
				filepath.WalkDir(dir, func(p string, e os.DirEntry, _ error) error {
					if rel, _ := filepath.Rel(dir, p); !e.IsDir() && s.files[rel] == "" {
						there = append(there, rel)
					}
					return nil
				})
				if len(there) > 0 {
					t.Errorf("left in the source's folder: %v", there)
				}
			})
		}
	}
}

// TestHelperPackage: a package of the same module is part of the source, a
// package that the function does not import is not.
func TestHelperPackage(t *testing.T) {
	cached(t)
	dir := tree(t, map[string]string{
		"go.mod":      "module example.org/x\n\ngo 1.22\n",
		"f/main.go":   "package main\n\nimport \"example.org/x/used\"\n\nfunc main() { println(used.A) }\n",
		"used/a.go":   "package used\n\nconst A = 1\n",
		"unused/a.go": "package unused\n",
	})
	f := experiment.Function{Name: "f", Path: filepath.Join(dir, "f")}
	first := mustBuild(t, f, Linux)
	write(t, filepath.Join(dir, "unused/a.go"), "package unused\n\nconst B = 1\n")
	write(t, filepath.Join(dir, "f/main_test.go"), "package main\n")
	if again := mustBuild(t, f, Linux); again != first {
		t.Errorf("a file that does not count changed the build: %+v, was %+v", again, first)
	}
	write(t, filepath.Join(dir, "used/a.go"), "package used\n\nconst A = 2\n")
	if again := mustBuild(t, f, Linux); again.Source == first.Source || again.Digest == first.Digest {
		t.Errorf("a changed helper did not change the build: %+v", again)
	}
}

var trivial = map[string]string{"main.c": "int main(void) { return 0; }\n"}

// TestCacheHit puts a clang on PATH that notes what it is called for.
func TestCacheHit(t *testing.T) {
	testenv.Need(t, "clang")
	cached(t)
	clang, err := exec.LookPath("clang")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	write(t, filepath.Join(bin, "clang"), fmt.Sprintf("#!/bin/sh\necho \"$*\" >>'%s'\nexec '%s' \"$@\"\n", log, clang))
	if err := os.Chmod(filepath.Join(bin, "clang"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	f := experiment.Function{Name: "f", Path: tree(t, trivial)}
	compiled := func() bool {
		b, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(b), "./main.c")
	}
	first := mustBuild(t, f, Wasm)
	if !compiled() {
		t.Fatal("the first build ran no compiler")
	}
	if mustBuild(t, f, Wasm); compiled() {
		t.Error("the second build ran the compiler")
	}

	// A torn or altered file, or a torn entry, is built again.
	entries, err := filepath.Glob(filepath.Join(CacheDir(), "*.json"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("entries of the cache: %v, %v", entries, err)
	}
	content, err := os.ReadFile(first.Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"torn":           func() error { return os.Truncate(first.Path, first.Size/2) },
		"altered":        func() error { return os.WriteFile(first.Path, bytes.ToUpper(content), 0o644) },
		"gone":           func() error { return os.Remove(first.Path) },
		"torn entry":     func() error { return os.Truncate(entries[0], 10) },
		"leading astray": func() error { return os.WriteFile(entries[0], []byte(`{"digest":"sha256:../../x"}`), 0o600) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if again := mustBuild(t, f, Wasm); again != first || !compiled() {
			t.Errorf("%s: %+v, want it built again as %+v", name, again, first)
		}
		if digest, _, err := hashFile(first.Path); err != nil || digest != first.Digest {
			t.Errorf("%s: the file has digest %s (%v), want %s", name, digest, err, first.Digest)
		}
	}
}

func TestConcurrentBuilds(t *testing.T) {
	testenv.Need(t, "clang")
	cached(t)
	f := experiment.Function{Name: "f", Path: tree(t, trivial)}
	var wg sync.WaitGroup
	built := make([]Binary, 6)
	for i := range built {
		wg.Go(func() {
			var err error
			if built[i], err = Build(t.Context(), f, Wasm); err != nil {
				t.Error(err)
			} else if digest, _, err := hashFile(built[i].Path); err != nil || digest != built[i].Digest {
				t.Errorf("digest %s (%v), want %s", digest, err, built[i].Digest)
			}
		})
	}
	wg.Wait()
	for _, b := range built {
		if b != built[0] {
			t.Errorf("%+v, want %+v", b, built[0])
		}
	}
}

func TestReadyModule(t *testing.T) {
	cached(t)
	dir := tree(t, map[string]string{"x.wasm": module + "\x00\x01\x00"})
	f := experiment.Function{Name: "f", Path: filepath.Join(dir, "x.wasm")}
	b := mustBuild(t, f, Wasm)
	if b.Size != 11 || b.Source != b.Digest || b.Toolchain != "ready module" {
		t.Errorf("%+v", b)
	}
	write(t, f.Path, module)
	if digest, _, err := hashFile(b.Path); err != nil || digest != b.Digest {
		t.Errorf("a change of the file reached what was built from it: %s (%v), was %s", digest, err, b.Digest)
	}
	if again := mustBuild(t, f, Wasm); again.Size != 8 {
		t.Errorf("after a change: %+v", again)
	}
}

func TestCompileErrors(t *testing.T) {
	var many strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, "#warning number %d is not shown\n", i)
	}
	for i := range 15 {
		fmt.Fprintf(&many, "#error number %d %s\n", i, strings.Repeat("x", 1000))
	}
	for _, c := range []struct {
		name, needs string
		files       map[string]string
		want        []string
	}{
		{"Go", "", map[string]string{"main.go": "package main\n\nfunc main() { nothing() }\n"}, []string{"go: exit status 1\n", "undefined: nothing"}},
		{"Go syntax", "", map[string]string{"main.go": "package main\n\nfunc main( {\n"}, []string{"main.go:3:"}},
		{"Go import", "", map[string]string{"main.go": "package main\n\nimport _ \"example.org/none\"\n\nfunc main() {}\n"}, []string{"example.org/none"}},
		{"C", "clang", map[string]string{"main.c": "int main(void) { return nothing; }\n"}, []string{"./main.c:1:25: error:", "nothing"}},
		{"C header outside", "clang", map[string]string{"main.c": "#include \"../outside.h\"\n"}, []string{"'../outside.h' file not found"}},
		{"C at length", "clang", map[string]string{"main.c": many.String()}, []string{"./main.c:2001:2: error: number 0 x", "bytes more"}},
		{"Rust", "rust", map[string]string{"main.rs": "fn main() { nothing() }\n"}, []string{"cannot find function `nothing`"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.needs != "" {
				testenv.Need(t, c.needs)
			}
			cached(t)
			f := experiment.Function{Name: "f", Path: tree(t, c.files)}
			_, err := Build(t.Context(), f, Wasm)
			var lack *backends.Unavailable
			if err == nil || errors.As(err, &lack) {
				t.Fatalf("error %v, want the compiler's", err)
			}
			for _, want := range append(c.want, fmt.Sprintf("function \"f\" in %s: ", f.Path)) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
			if n := len(err.Error()); n > maxOutput+1000 {
				t.Errorf("the error has %d bytes", n)
			}
		})
	}
}

func TestMissingTools(t *testing.T) {
	unavailable := func(t *testing.T, files map[string]string, target Target) *backends.Unavailable {
		t.Helper()
		cached(t)
		_, err := Build(t.Context(), experiment.Function{Name: "f", Path: tree(t, files)}, target)
		var lack *backends.Unavailable
		if !errors.As(err, &lack) {
			t.Fatalf("error %v, want that something is not available", err)
		}
		return lack
	}
	c := map[string]string{"main.c": "#include <stdio.h>\nint main(void) { return puts(\"\"); }\n"}
	t.Run("no tool at all", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		t.Setenv("WASI_SDK_PATH", t.TempDir())
		for _, w := range []struct {
			files        map[string]string
			target       Target
			what, remedy string
		}{
			{map[string]string{"main.go": "package main"}, Wasm, `no go command found, needed to build function "f" for WebAssembly`, "apt-get install golang"},
			{c, Wasm, `no clang found, needed to build function "f" for WebAssembly`, "apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32"},
			{c, Linux, `no C compiler found, needed to build function "f" for Linux`, "apt-get install clang libc6-dev"},
		} {
			if lack := unavailable(t, w.files, w.target); lack.What != w.what || !strings.Contains(lack.Remedy, w.remedy) {
				t.Errorf("%q, %q, want %q, %q", lack.What, lack.Remedy, w.what, w.remedy)
			}
		}
	})
	t.Run("no sysroot", func(t *testing.T) {
		testenv.Need(t, "clang")
		t.Setenv("WASI_SYSROOT", t.TempDir())
		lack := unavailable(t, c, Wasm)
		if !strings.HasPrefix(lack.What, "clang but no C library for WASI found") || !strings.Contains(lack.Remedy, "apt-get install wasi-libc") {
			t.Errorf("%v", lack)
		}
	})
	t.Run("no compiler-rt", func(t *testing.T) {
		bin := t.TempDir()
		write(t, filepath.Join(bin, "clang"), "#!/bin/sh\necho /usr/lib/llvm-99/lib/clang/99/lib/wasi/libclang_rt.builtins-wasm32.a\n")
		root := tree(t, map[string]string{"lib/wasm32-wasi/libc.a": ""})
		t.Setenv("WASI_SYSROOT", root)
		t.Setenv("PATH", bin)
		if err := os.Chmod(filepath.Join(bin, "clang"), 0o755); err != nil {
			t.Fatal(err)
		}
		lack := unavailable(t, c, Wasm)
		if !strings.HasPrefix(lack.What, "clang but no libclang_rt.builtins-wasm32.a found") || !strings.Contains(lack.Remedy, "apt-get install libclang-rt-99-dev-wasm32") {
			t.Errorf("%v", lack)
		}
	})
	t.Run("no wasm-ld", func(t *testing.T) {
		testenv.Need(t, "clang")
		clang, err := exec.LookPath("clang")
		if err != nil {
			t.Fatal(err)
		}
		// Where clang is called by another path it looks for its linker
		// there, and on PATH.
		bin := t.TempDir()
		if err := os.Symlink(clang, filepath.Join(bin, "clang")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin)
		lack := unavailable(t, c, Wasm)
		if !strings.HasPrefix(lack.What, "clang but no wasm-ld found") || !strings.Contains(lack.Remedy, "apt-get install lld") {
			t.Errorf("%v", lack)
		}
	})
	t.Run("no wasm target of rustc", func(t *testing.T) {
		j := job{function: experiment.Function{Name: "f"}, target: Wasm, work: tree(t, map[string]string{"src/main.rs": ""})}
		bin := t.TempDir()
		write(t, filepath.Join(bin, "rustc"), "#!/bin/sh\necho /nowhere\n")
		if err := os.Chmod(filepath.Join(bin, "rustc"), 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := j.hasTarget(t.Context(), filepath.Join(bin, "rustc"), wasmTriples)
		if err != nil || got.std != "" {
			t.Errorf("%+v, %v, want that it lacks the target", got, err)
		}
	})
}

// TestFindRustc: a compiler without the target comes first on PATH.
func TestFindRustc(t *testing.T) {
	std := tree(t, map[string]string{"libstd-1234.rlib": ""})
	script := func(body string) string {
		bin := t.TempDir()
		write(t, filepath.Join(bin, "rustc"), "#!/bin/sh\n"+body+"\n")
		if err := os.Chmod(filepath.Join(bin, "rustc"), 0o755); err != nil {
			t.Fatal(err)
		}
		return bin
	}
	newer := script(`case "$2" in --target=wasm32-wasip1) echo /nowhere;; *linux-gnu) echo '` + std + `';; *) exit 1;; esac`)
	older := script(`case "$2" in --target=wasm32-wasi|*linux-gnu) echo '` + std + `';; *) exit 1;; esac`)
	t.Setenv("PATH", newer+":"+newer+":relative:"+older+":/bin")
	for target, triple := range map[Target]string{Wasm: "wasm32-wasi", Linux: "-unknown-linux-gnu"} {
		j := job{function: experiment.Function{Name: "f"}, target: target, work: tree(t, map[string]string{"src/main.rs": ""})}
		got, err := j.findRustc(t.Context())
		if err != nil || got.tool != filepath.Join(older, "rustc") || !strings.HasSuffix(got.triple, triple) {
			t.Errorf("for %s: %+v, %v, want the one in %s", target, got, err, older)
		}
	}
}

// TestCancel: a compiler that hangs, and its children, go with the context.
func TestCancel(t *testing.T) {
	cached(t)
	bin := t.TempDir()
	pid := filepath.Join(bin, "pid")
	write(t, filepath.Join(bin, "go"), "#!/bin/sh\nsleep 300 &\necho $! >'"+pid+".new'\nmv '"+pid+".new' '"+pid+"'\nwait\n")
	if err := os.Chmod(filepath.Join(bin, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin:/usr/bin")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for range 1000 {
			if exists(pid) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	began := time.Now()
	_, err := Build(ctx, experiment.Function{Name: "f", Path: tree(t, map[string]string{"main.go": "package main"})}, Linux)
	if !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Errorf("error %v after %v, want that it was cancelled at once", err, time.Since(began))
	}
	child, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	// Dead, or a corpse that nobody has collected yet.
	for range 200 {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the compiler's child %s lives on", child)
}

func TestCacheRoot(t *testing.T) {
	t.Setenv("NEBULA_CACHE", "/x/y")
	if got := CacheDir(); got != "/x/y/build" {
		t.Errorf("%s, want /x/y/build", got)
	}
	t.Setenv("NEBULA_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/z")
	if got := CacheDir(); got != "/z/nebula/build" {
		t.Errorf("%s, want /z/nebula/build", got)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if got := CacheDir(); !filepath.IsAbs(got) {
		t.Errorf("without HOME: %s, want an absolute path", got)
	}
}
