//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// evil does things to a terminal: it sets its title, clears it, and turns the
// direction of writing.
const evil = "\x1b]0;owned\a\u009b2J\u202eevil"

// evilHCL is how an experiment's text can hold it.
const evilHCL = `\u001b]0;owned\u0007\u009b2J\u202eevil`

// obeyed are the parts of evil that a terminal obeys.
var obeyed = []string{"\x1b]0;", "\a", "\u009b", "\u202e"}

// lastWords is a module that writes evil to standard error and traps.
func lastWords() []byte { return evilModule("wasi_snapshot_preview1", "fd_write", evil+"\n") }

// evilModule imports a function of four numbers, calls it to write a text to
// standard error, and traps.
func evilModule(module, name, text string) []byte {
	size := func(n int) []byte { // LEB128
		var b []byte
		for ; n >= 0x80; n >>= 7 {
			b = append(b, byte(n)|0x80)
		}
		return append(b, byte(n))
	}
	section := func(id byte, body []byte) []byte { return slices.Concat([]byte{id}, size(len(body)), body) }
	word := func(s string) []byte { return append(size(len(s)), s...) }
	code := []byte{0, 0x41, 2, 0x41, 0, 0x41, 1, 0x41, 16, 0x10, 0, 0x1a, 0x00, 0x0b} // fd_write(2, 0, 1, 16), drop, unreachable
	data := slices.Concat([]byte{32, 0, 0, 0, byte(len(text)), 0, 0, 0}, make([]byte, 24), []byte(text))
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0}),
		section(2, slices.Concat([]byte{1}, word(module), word(name), []byte{0, 0})),
		section(3, []byte{1, 1}),
		section(5, []byte{1, 0, 1}),
		section(7, slices.Concat([]byte{2}, word("memory"), []byte{2, 0}, word("_start"), []byte{0, 1})),
		section(10, slices.Concat([]byte{1}, size(len(code)), code)),
		section(11, slices.Concat([]byte{1, 0, 0x41, 0, 0x0b}, word(string(data)))),
	)
}

// evilFiles are experiments, and what they stand on, with evil wherever a
// stranger's files may have it: in names, texts, modules, and the last words
// of a function.
func evilFiles(t *testing.T) (dir string) {
	dir = filepath.Join(t.TempDir(), "in"+evil)
	experiment := func(functions string) string {
		return fmt.Sprintf(`experiment "evil" { description = "%s" }
%s
backend "wazero" "w" { start = ["prepared"] }
energy { source = "none" }
run {
  repetitions = 1
  warmup      = 0
  timeout     = "9s"
}
threshold "soon" {
  metric = "startup"
  assert = median < "1h"
}
`, evilHCL, functions)
	}
	function := func(name, source string) string {
		return fmt.Sprintf("function %q {\n  source = \"%s\"\n  input \"i\" {\n    stdin = \"%s\"\n    args = [\"%s\"]\n  }\n}\n", name, source, evilHCL, evilHCL)
	}
	for name, text := range map[string]string{
		"last.wasm":              string(lastWords()),
		"import.wasm":            string(evilModule("env"+evil, "x"+evil, "")),
		"last" + evil + ".hcl":   experiment(function("last", "last.wasm")),
		"import.hcl":             experiment(function("last", "last.wasm") + function("import", "import.wasm")),
		"missing.hcl":            experiment(function("gone", "gone"+evilHCL+".wasm")),
		"names.hcl":              strings.NewReplacer(`"i"`, `"`+evilHCL+`"`, `"soon"`, `"`+evilHCL+`"`).Replace(experiment(function("f", "last.wasm"))),
		"broken" + evil + ".hcl": "# " + evil + "\nexperiment \"" + evil + "\" {} \n\x1b]0;owned\a = \"" + evil + "\"\nwhat = \"" + evil + "\"\n",
		"unlaid.hcl":             "experiment \"x\" {description=\"" + evil + "\"}\n# " + evil + "\n",
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// evilCommands is each command with what a stranger may have named.
func evilCommands(dir string) (all [][]string) {
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"last" + evil + ".hcl", "import.hcl", "missing.hcl", "names.hcl", "broken" + evil + ".hcl", "unlaid.hcl", "none" + evil + ".hcl"} {
		all = append(all, []string{"validate", in(name)}, []string{"plan", in(name)}, []string{"plan", "--only", evil, in(name)},
			[]string{"plan", "--var", evil + "=" + evil, in(name)}, []string{"plan", "--var-file", in(evil), in(name)}, []string{"fmt", "--check", in(name)},
			[]string{"schedule", in(name)})
	}
	all = append(all,
		[]string{evil}, []string{"plan", "--" + evil}, []string{"list", "--out", in("broken" + evil + ".hcl")}, []string{"help", evil},
		[]string{"run", in("missing.hcl")}, []string{"run", in("last" + evil + ".hcl"), "--progress", "plain"}, []string{"run", in("last" + evil + ".hcl")},
		[]string{"run", in("import.hcl")},
		[]string{"run", in("import.hcl"), "--resume", evil}, []string{"run", in("import.hcl"), "--baseline", evil},
		[]string{"run", in("import.hcl"), "--junit", in(evil + "/x.xml")}, []string{"run", "--progress", evil, in("import.hcl")},
		[]string{"list"}, []string{"report"}, []string{"report", evil}, []string{"report", "latest", "--single-file"},
		[]string{"show", "latest"}, []string{"show", evil}, []string{"show", "latest", "--diff", evil}, []string{"show", "latest", "--diff", "latest"},
		[]string{"compare", "latest", "latest"}, []string{"compare", evil, evil}, []string{"compare", "latest", "latest", "--metric", evil}, []string{"compare", "latest", "latest", "--margin", evil},
		[]string{"export", evil}, []string{"export", "latest", "--format", evil}, []string{"prune", "--keep", evil}, []string{"prune", "--keep-runs", "1"},
		[]string{"baseline", evil}, []string{"baseline", "latest"}, []string{"baseline"},
		[]string{"init", in("made" + evil)}, []string{"init", in("made" + evil)}, []string{"init", "--from", evil, in("made")}, []string{"version"},
	)
	return all
}

// TestEvilNames runs each command with names and texts that do something to a
// terminal: nothing of them arrives, neither in a log nor on a terminal, and
// something that tells of them does.
func TestEvilNames(t *testing.T) {
	t.Setenv("NEBULA_CACHE", t.TempDir())
	t.Setenv("NEBULA_LOCK", filepath.Join(t.TempDir(), "lock"))
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	dir := evilFiles(t)
	out := filepath.Join(t.TempDir(), "out"+evil)
	var all bytes.Buffer
	for _, args := range evilCommands(dir) {
		if !slices.Contains(args, "--out") {
			args = append(args, "--out", out)
		}
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr)
		for _, what := range obeyed {
			// What is written for programs is no text for people.
			if data := args[0] == "fmt" || args[0] == "schedule"; strings.Contains(stderr.String(), what) || !data && strings.Contains(stdout.String(), what) {
				t.Errorf("nebula %q: %q comes through: %q%q", args, what, stdout.String(), stderr.String())
			}
		}
		if code != exitFine && stdout.Len()+stderr.Len() == 0 {
			t.Errorf("nebula %q: exit code %d, and nothing is said", args, code)
		}
		all.Write(stdout.Bytes())
		all.Write(stderr.Bytes())
		onTerminal(t, args)
	}
	if n := strings.Count(all.String(), "evil"); n < 50 {
		t.Errorf("the names stand %d times in what was written: they did not come so far", n)
	}
}
