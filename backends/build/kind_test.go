package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/experiment"
)

// tree makes a folder of files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const module = "\x00asm\x01\x00\x00\x00"

func TestKindOf(t *testing.T) {
	languages := map[string]string{"go/main.go": "package main", "c/main.c": "", "rust/main.rs": "", "README.md": ""}
	for _, c := range []struct {
		name     string
		files    map[string]string
		path     string // under the folder
		language string
		image    string
		want     Kind
		err      string // what the error says
	}{
		{name: "go.mod and Go files", files: map[string]string{"go.mod": "module x", "main.go": "package main"}, want: Go},
		{name: "Go files", files: map[string]string{"a.go": "package main"}, want: Go},
		{name: "Go files after a generator", files: map[string]string{"gen.go": "//go:build ignore\n\npackage gen", "a.go": "// c\npackage main"}, want: Go},
		{name: "Go that does not parse is the compiler's to report", files: map[string]string{"a.go": "pakage main"}, want: Go},
		{name: "a Go library", files: map[string]string{"go.mod": "module x", "a.go": "package lib"}, err: "Go files of package lib, but none of package main"},
		{name: "go.mod alone", files: map[string]string{"go.mod": "module x"}, err: "a go.mod but no Go file beside it"},
		{name: "only a Go test", files: map[string]string{"a_test.go": "package main"}, err: "it has a_test.go"},
		{name: "C", files: map[string]string{"main.c": "", "other.c": ""}, want: C},
		{name: "C without main.c", files: map[string]string{"prog.c": ""}, err: "it has prog.c. What is recognised: "},
		{name: "Rust with Cargo", files: map[string]string{"Cargo.toml": "", "src/main.rs": ""}, want: Rust},
		{name: "Rust", files: map[string]string{"main.rs": ""}, want: Rust},
		{name: "a Dockerfile", files: map[string]string{"Dockerfile": "FROM scratch", "app.py": ""}, want: Dockerfile},
		{name: "source beside a Dockerfile", files: map[string]string{"Dockerfile": "", "main.c": ""}, want: C},
		{name: "a module in a folder", files: map[string]string{"x.wasm": module}, want: Module},
		{name: "two modules", files: map[string]string{"x.wasm": module, "y.wasm": module}, err: "it has x.wasm, y.wasm"},
		{name: "a module", files: map[string]string{"x.wasm": module}, path: "x.wasm", want: Module},
		{name: "no module", files: map[string]string{"x.wasm": "hello"}, path: "x.wasm", err: "x.wasm is not a WebAssembly module"},
		{name: "a component", files: map[string]string{"x.wasm": "\x00asm\x0d\x00\x01\x00"}, path: "x.wasm", err: "component"},
		{name: "a compressed archive", files: map[string]string{"x.tar.gz": ""}, path: "x.tar.gz", want: ImageArchive},
		{name: "an archive", files: map[string]string{"x.tar": ""}, path: "x.tar", want: ImageArchive},
		{name: "another file", files: map[string]string{"x.py": ""}, path: "x.py", err: "x.py is a file of no known kind. What is recognised: "},
		{name: "an image", image: "alpine:3", want: Image},
		{name: "nothing", path: "none", err: "none: no such file or directory"},
		{name: "an empty folder", err: "it has nothing in it"},
		{name: "a full folder", files: map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": ""}, err: "7, 8 and 1 more"},

		{name: "languages: the first", files: languages, want: Go},
		{name: "languages: chosen", files: languages, language: "c", want: C},
		{name: "languages: chosen", files: languages, language: "rust", want: Rust},
		{name: "languages: the first there", files: map[string]string{"rust/main.rs": "", "c/main.c": ""}, want: C},
		{name: "languages: not there", files: map[string]string{"rust/main.rs": "", "c/main.c": ""}, language: "go", err: `has no folder "go"; it has c, rust`},
		{name: "languages: another one inside", files: map[string]string{"go/main.c": ""}, err: "go should hold Go, but it has C source"},
		{name: "languages: nothing inside", files: map[string]string{"go/README.md": ""}, err: "go should hold Go, but it has README.md"},
		{name: "languages: no such one", files: languages, language: "cobol", err: `there is no language "cobol": it can be go, c, rust`},
		{name: "language that agrees", files: map[string]string{"main.c": ""}, language: "c", want: C},
		{name: "language that does not", files: map[string]string{"main.c": ""}, language: "go", err: `language is "go", but `},
		{name: "language of a Dockerfile", files: map[string]string{"Dockerfile": ""}, language: "go", err: "holds a Dockerfile"},
		{name: "language of a module", files: map[string]string{"x.wasm": module}, path: "x.wasm", language: "c", err: "is ready and has none to choose"},
		{name: "language of an image", image: "alpine:3", language: "c", err: "an image has no language to choose"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := experiment.Function{Name: "f", Path: filepath.Join(tree(t, c.files), c.path), Language: c.language, Image: c.image}
			got, err := KindOf(f)
			checked := Check(f)
			if c.err == "" {
				if err != nil || got != c.want || checked != nil {
					t.Errorf("kind %q, error %v, check %v, want %q", got, err, checked, c.want)
				}
				return
			}
			for _, e := range []error{err, checked} {
				if e == nil || !strings.HasPrefix(e.Error(), `function "f": `) || !strings.Contains(e.Error(), c.err) {
					t.Errorf("error %v, want one that says %q", e, c.err)
				}
			}
			if lacks := Lacks(f, Wasm); lacks != err.Error() {
				t.Errorf("lacks %q, want the error", lacks)
			}
		})
	}
}

func TestLacks(t *testing.T) {
	for _, c := range []struct {
		file, content, wasm, linux string
	}{
		{"main.go", "package main", "", ""},
		{"main.c", "", "", ""},
		{"main.rs", "", "", ""},
		{"Dockerfile", "", "a Dockerfile gives no WebAssembly module", "a Dockerfile gives no Linux binary"},
		{"x.wasm", module, "", "a ready WebAssembly module gives no Linux binary"},
		{"x.tar", "", "a ready image gives no WebAssembly module", "a ready image gives no Linux binary"},
	} {
		path := tree(t, map[string]string{c.file: c.content})
		if c.file == "x.tar" {
			path = filepath.Join(path, c.file)
		}
		f := experiment.Function{Name: "f", Path: path}
		if wasm, linux := Lacks(f, Wasm), Lacks(f, Linux); wasm != c.wasm || linux != c.linux {
			t.Errorf("%s lacks %q and %q, want %q and %q", c.file, wasm, linux, c.wasm, c.linux)
		}
		for target, why := range map[Target]string{Wasm: c.wasm, Linux: c.linux} {
			if why == "" {
				continue
			}
			if _, err := Build(t.Context(), f, target); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("building %s: error %v, want one that says %q", c.file, err, why)
			}
		}
	}
}
