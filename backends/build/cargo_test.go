package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// A package that needs others beside its folder is built with them, and anew
// when one of them has changed.
func TestCargoNeighbours(t *testing.T) {
	testenv.Need(t, "rust")
	cached(t)
	const library = "pub fn word() -> &'static str { include_str!(\"word.txt\") }\n"
	manifest := func(name, more string) string {
		return "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" + more
	}
	const program = "fn main() { print!(\"{}\", shared::word()) }\n"
	for name, files := range map[string]map[string]string{
		"a path beside it": {
			"f/Cargo.toml": manifest("f", "[dependencies]\nshared = { path = \"../shared\" }\n"), "f/src/main.rs": program,
			"shared/Cargo.toml": manifest("shared", ""), "shared/src/lib.rs": library,
		},
		"a path of a path": {
			"deep/er/f/Cargo.toml": manifest("f", "[dependencies]\nshared = { path = \"../../../between\", package = \"between\" }\n"), "deep/er/f/src/main.rs": program,
			"between/Cargo.toml": manifest("between", "[dependencies]\nshared = { path = \"../shared\" }\n"), "between/src/lib.rs": "pub use shared::word;\n",
			"shared/Cargo.toml": manifest("shared", ""), "shared/src/lib.rs": library,
		},
		"a workspace": {
			"Cargo.toml":   "[workspace]\nmembers = [\"f\", \"shared\", \"other\"]\nresolver = \"2\"\n[profile.release]\nopt-level = \"s\"\n",
			"Cargo.lock":   "version = 3\n\n[[package]]\nname = \"f\"\nversion = \"0.1.0\"\ndependencies = [\n \"shared\",\n]\n\n[[package]]\nname = \"other\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"shared\"\nversion = \"0.1.0\"\n",
			"f/Cargo.toml": manifest("f", "[dependencies]\nshared = { path = \"../shared\" }\n"), "f/src/main.rs": program,
			"shared/Cargo.toml": manifest("shared", ""), "shared/src/lib.rs": library,
			"other/Cargo.toml": manifest("other", ""), "other/src/main.rs": "fn main() {}\n", "other/target/junk": "x",
			"secret/data": "no package's",
		},
		"a package around it": {
			"Cargo.toml":   "[workspace]\nmembers = [\"f\"]\n" + manifest("top", ""),
			"src/lib.rs":   "",
			"f/Cargo.toml": manifest("f", "[dependencies]\nshared = { path = \"../shared\" }\n"), "f/src/main.rs": program,
			"shared/Cargo.toml": manifest("shared", ""), "shared/src/lib.rs": library,
		},
		// It is a package by itself, whatever lies above it.
		"a stranger's workspace": {
			"Cargo.toml": "[workspace]\nmembers = [\"other\"]\n", "other/Cargo.toml": manifest("other", ""), "other/src/main.rs": "fn main() {}\n",
			"f/Cargo.toml": manifest("f", ""), "f/src/main.rs": "fn main() { print!(\"{}\", include_str!(\"../shared/src/word.txt\")) }\n",
			"f/shared/src/word.txt": "one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, content := range files {
				write(t, filepath.Join(root, file), content)
			}
			var dir string
			for _, d := range []string{"f", "deep/er/f"} {
				if exists(filepath.Join(root, d)) {
					dir = filepath.Join(root, d)
				}
			}
			word := filepath.Join(root, "shared/src/word.txt")
			if name == "a stranger's workspace" {
				word = filepath.Join(dir, "shared/src/word.txt")
			}
			write(t, word, "one")
			f := experiment.Function{Name: "f", Path: dir}
			first := mustBuild(t, f, Linux)
			if got := answer(t, first); got != "one" {
				t.Errorf("it answers %q", got)
			}
			if again := mustBuild(t, f, Linux); again != first {
				t.Errorf("built again: %+v, %+v", again, first)
			}
			write(t, word, "two")
			if got := answer(t, mustBuild(t, f, Linux)); got != "two" {
				t.Errorf("with a neighbour changed, it answers %q", got)
			}
			if name != "a workspace" {
				return
			}
			mustBuild(t, f, Wasm)
			for _, left := range []string{"target", "f/target", "f/Cargo.lock"} {
				if exists(filepath.Join(root, left)) {
					t.Errorf("building left %s in the user's folder", left)
				}
			}
		})
	}
}

// What can't be built says what must lie where, in the user's own places.
func TestCargoNeighboursMissing(t *testing.T) {
	testenv.Need(t, "rust")
	cached(t)
	root := t.TempDir()
	const head = "[package]\nname = \"f\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n"
	write(t, filepath.Join(root, "f/src/main.rs"), "fn main() {}\n")
	write(t, filepath.Join(root, "far/Cargo.toml"), "[package]\nname = \"far\"\nversion = \"0.1.0\"\n")
	write(t, filepath.Join(root, "far/src/lib.rs"), "")
	write(t, filepath.Join(root, "bad/Cargo.toml"), "[package]\nname = \"bad\"\nversion = \"0.1.0\"\n")
	write(t, filepath.Join(root, "bad/src/lib.rs"), "fn f() { nothing() }\n")
	for name, tt := range map[string]struct{ dependency, want string }{
		"nothing there": {"gone = { path = \"../gone\" }\n", "needs the package \"gone\" in " + filepath.Join(root, "gone")},
		"absolute":      {"far = { path = \"" + filepath.Join(root, "far") + "\" }\n", "named by an absolute path"},
		"broken":        {"bad = { path = \"../bad\" }\n", "cannot find function `nothing`"},
		"no manifest":   {"= 3\n", "Cargo.toml:6"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, filepath.Join(root, "f/Cargo.toml"), head+tt.dependency)
			_, err := Build(t.Context(), experiment.Function{Name: "f", Path: filepath.Join(root, "f")}, Linux)
			if u := (*backends.Unsuitable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), CacheRoot()) || strings.Contains(err.Error(), "tmp-")) {
				t.Errorf("the error names a place of the cache: %v", err)
			}
		})
	}
	if entries, err := os.ReadDir(filepath.Join(root, "f")); err != nil || len(entries) != 2 {
		t.Errorf("the user's folder holds %v, %v", entries, err)
	}
}
