package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fake is a type of backend with one of everything.
type fake struct {
	Mode   string            `hcl:"mode,optional"`
	Memory string            `hcl:"memory,optional"`
	CPUs   float64           `hcl:"cpus,optional"`
	Pinned *int              `hcl:"pinned"`
	Env    map[string]string `hcl:"env,optional"`
	Mounts []fakeMount       `hcl:"mount,block"`
}

type fakeMount struct {
	Path     string `hcl:"path"`
	ReadOnly bool   `hcl:"read_only,optional"`
}

var _ backends.Options = (*fake)(nil)

func (f *fake) Check(string) []backends.Problem {
	var ps []backends.Problem
	if f.Memory == "lots" {
		ps = append(ps, backends.Problem{Attribute: "memory", Summary: "Invalid memory size", Detail: `"lots" is not a size. Write a size such as "64MiB".`})
	}
	if f.CPUs > 1 && f.Mode == "" {
		ps = append(ps, backends.Problem{Attribute: "mode", Summary: "Mode needed", Detail: "More than one processor needs a mode."})
	}
	return ps
}

func (f *fake) Lacks(_ experiment.Function, s experiment.Start) string {
	if s == experiment.Warm {
		return "no warm start"
	}
	return ""
}

func (f *fake) Open(context.Context, backends.Session) (backends.Backend, error) {
	return nil, errors.New("the loader never opens a backend")
}

// strict is a type of backend that cannot do without its one setting.
type strict struct {
	Size int `hcl:"size"`
	*fake
}

func language() Language {
	return Language{
		Backends: map[string]func() backends.Options{
			"docker": func() backends.Options { return &fake{} },
			"wazero": func() backends.Options { return &fake{} },
			"strict": func() backends.Options { return &strict{fake: &fake{}} },
		},
		CheckFunction: func(f experiment.Function) error {
			if strings.HasSuffix(f.Path, ".unknown") {
				return fmt.Errorf("%s is nothing that a function can be made from. Point source at a folder.", filepath.Base(f.Path))
			}
			return nil
		},
	}
}

// load loads a file with the inputs that its first lines name, as in
//
//	# --var n=3
//	# --var-file testdata/values.hcl
func load(file string) (*experiment.Experiment, Problems) {
	src, _ := os.ReadFile(file)
	return language().Load(file, inputsOf(src))
}

func inputsOf(src []byte) Inputs {
	var in Inputs
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSuffix(line, "\n")
		if v, ok := strings.CutPrefix(line, "# --var "); ok {
			in.Vars = append(in.Vars, v)
		} else if v, ok := strings.CutPrefix(line, "# --var-file "); ok {
			in.VarFiles = append(in.VarFiles, v)
		} else {
			break
		}
	}
	return in
}

// print gives problems as the user sees them, below the exact ranges.
func print(t *testing.T, ps Problems) string {
	t.Helper()
	var b bytes.Buffer
	for _, d := range ps.Diagnostics {
		fmt.Fprintln(&b, d.Subject)
	}
	b.WriteString("\n")
	if err := ps.Write(&b, 100, false); err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got, rewrite with -update):\n%s", file, diff)
	}
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	fs, err := filepath.Glob(pattern)
	if err != nil || len(fs) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return fs
}

func TestBad(t *testing.T) {
	for _, file := range files(t, "testdata/bad/*.hcl") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			x, ps := load(file)
			if x != nil || !ps.HasErrors() {
				t.Fatal("it loads")
			}
			golden(t, strings.TrimSuffix(file, "hcl")+"txt", print(t, ps))
			for range 3 { // maps must not show
				if _, again := load(file); print(t, again) != print(t, ps) {
					t.Error("the problems are others the second time")
				}
			}
		})
	}
}

func TestGood(t *testing.T) {
	for _, file := range files(t, "testdata/good/*.hcl") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			x, ps := load(file)
			if len(ps.Diagnostics) > 0 {
				t.Fatal(print(t, ps))
			}
			here, err := filepath.Abs("testdata")
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range x.Functions {
				if f.Path != "" && (!filepath.IsAbs(f.Path) || filepath.Clean(f.Path) != f.Path) {
					t.Errorf("path %s is not absolute and clean", f.Path)
				}
				x.Functions[i].Path = strings.Replace(f.Path, here, "TESTDATA", 1)
				for target, dir := range f.Mounts {
					f.Mounts[target] = strings.Replace(dir, here, "TESTDATA", 1)
				}
			}
			x.Source = nil // the file itself
			b, err := json.MarshalIndent(x, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, "hcl")+"json", string(b)+"\n")
		})
	}
}

const hello = `experiment "x" {}
function "hello" { source = "." }
backend "wazero" "wasm" {}
`

// TestWholeFile has the files that do not belong into a repository.
func TestWholeFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	loop := filepath.Join(dir, "loop.hcl")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe.hcl")
	makePipe(t, pipe)
	secret := write("secret.hcl", hello)
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, file, want string }{
		{"missing", filepath.Join(dir, "missing.hcl"), "missing.hcl:1,1-1: File not found; There is no file missing.hcl. Paths are relative to the folder you are in."},
		{"folder", dir, ":1,1-1: Not a file;  is a folder. Name a file in it."},
		{"empty", write("empty.hcl", ""), "empty.hcl:1,1-1: No experiment; The file has no experiment block. " + minimal},
		{"comment", write("comment.hcl", "# nothing\n"), "comment.hcl:1,1-1: No experiment; The file has no experiment block. " + minimal},
		{"large", write("large.hcl", hello+strings.Repeat("# 10 million\n", 10_000_000/13)), `large.hcl:1,1-1: File too large; large.hcl is larger than 1 MiB, the most that is read. Inputs that large belong into files of their own: file("input.txt").`},
		{"latin1", write("latin1.hcl", hello+"# caf\xe9\n"), "latin1.hcl:4,6-7: Invalid UTF-8; The byte 0xe9 is not part of any character. Save the file as UTF-8; bytes that are not text can't be inputs."},
		{"nul", write("nul.hcl", hello+"# é\x00\n"), `nul.hcl:4,4-5: Control character; The character U+0000 has no place in a text file. Inside a string, write it as "\u0000".`},
		{"escape", write("escape.hcl", "# \x1b[31m\n"), `escape.hcl:1,3-4: Control character; The character U+001B has no place in a text file. Inside a string, write it as "\u001b".`},
		{"link to itself", loop, "loop.hcl:1,1-1: File not readable; loop.hcl can't be read: too many levels of symbolic links."},
		{"pipe that nobody writes", pipe, "pipe.hcl:1,1-1: Not a file; pipe.hcl is a pipe or a device. Name a file, which can be read again when a run is resumed."},
		{"device without end", "/dev/zero", "/dev/zero:1,1-1: Not a file; /dev/zero is a pipe or a device. Name a file, which can be read again when a run is resumed."},
		{"input/output error", "/proc/self/mem", "/proc/self/mem:1,1-1: File not readable; /proc/self/mem can't be read: input/output error."},
		{"in a file", filepath.Join(secret, "x.hcl"), "secret.hcl/x.hcl:1,1-1: File not readable; secret.hcl/x.hcl can't be read: not a directory."},
		{"no permission", secret, "secret.hcl:1,1-1: File not readable; You may not read secret.hcl. Check its permissions with: ls -l."},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "no permission" && os.Getuid() == 0 {
				t.Skip("root may read everything")
			}
			x, ps := language().Load(test.file, Inputs{})
			if x != nil || len(ps.Diagnostics) != 1 {
				t.Fatalf("got %v, %v", x, ps.Diagnostics)
			}
			got := strings.NewReplacer(dir+"/", "", dir, "").Replace(ps.Error())
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if err := ps.Write(&bytes.Buffer{}, 80, true); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBombs has files that ask for far too much. None may take long.
func TestBombs(t *testing.T) {
	doubled := func(first, next string, n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\n  a0 = %s\n", first)
		for i := range n {
			fmt.Fprintf(&b, "  a%d = %s\n", i+1, strings.ReplaceAll(next, "@", fmt.Sprintf("local.a%d", i)))
		}
		return b.String() + "}\n"
	}
	local := func(expr string) string { return "locals {\n  a = " + expr + "\n}\n" }
	times := strings.Repeat
	for _, test := range []struct{ name, src, summary string }{
		{"parentheses", local(times("(", 300_000) + "1" + times(")", 300_000)), "Nested too deeply"},
		{"open brackets", times("[", 1_000_000), "Nested too deeply"},
		{"blocks", times("a {\n", 200_000), "Nested too deeply"},
		{"templates", local(times(`"${`, 100_000) + "1" + times(`}"`, 100_000)), "Nested too deeply"},
		{"not", local(times("!", 900_000) + "true"), "Expression too long"},
		{"minus", local(times("-", 900_000) + "1"), "Expression too long"},
		{"sum", local("1" + times("+1", 400_000)), "Expression too long"},
		{"sum in a for", local("{ for k in [1] : k => 1" + times("+\n1", 300_000) + "}"), "Expression too long"},
		{"conditions", local(times("true ? 1 : ", 80_000) + "1"), "Expression too long"},
		{"indexes", local("local.b" + times("[0]", 300_000)), "Expression too long"},
		{"template ifs", local(`"` + times("%{ if true }", 70_000) + `"`), "Expression too long"},
		{"number", local("1e999999999"), outOfRange},
		{"digits", local(times("9", 1_000_000)), outOfRange},
		{"number in a string", local(`"1e999999999" + 1`), "Value too large"},
		{"index in a string", local(`[1]["1e600000000"]`), outOfRange},
		{"tonumber", local(`tonumber("1e999999999")`), "Value too large"},
		{"floor", local(`floor("1e600000000")`), "Error in function call"},
		{"jsondecode", local(`jsondecode("1e999999999")`), "Value too large"},
		{"deep json", local(`jsondecode("` + times("[", 500_000) + `")`), "Error in function call"},
		{"deep json after a text", local(`jsondecode("[\"]]\\\"\", ` + times("[", 500_000) + `")`), "Error in function call"},
		{"power", local("pow(10, 1000)"), "Error in function call"},
		{"root", local("pow(-1, 0.5)"), "Error in function call"},
		{"squares", doubled("9999", "@ * @", 40), "Value too large"},
		{"laughs", doubled(`"ha"`, `"${@}${@}${@}${@}${@}${@}${@}${@}${@}${@}"`, 12), "Value too large"},
		{"lists", doubled("[1, 2]", "[@, @]", 40), "Value too large"},
		{"deep lists", doubled("[]", "[@]", 200), "Value too large"},
		{"concat", doubled("[1, 2]", "concat(@, @, @, @)", 20), "Error in function call"},
		{"loops", local("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : null if false]]]"), "Too much work"},
		{"loops of trials", local("try([for a in range(1000) : [for b in range(1000) : try(a / 0, 1)]], 1)"), "Too much work"},
		{"splats", local("[for a in range(1000) : range(1000)[*]]"), "Too much work"},
		{"product", local("setproduct(range(1000), range(1000), range(1000))"), "Error in function call"},
		{"width", local(`format("%999999999d", 1)`), "Error in function call"},
		{"join", local(`join(join("", [for i in range(1000) : format("%999d", i)]), range(1000))`), "Error in function call"},
		{"replace", local(`replace(join("", [for i in range(1000) : format("%999d", i)]), "", join("", range(1000)))`), "Error in function call"},
		{"pattern", local(`regexall("(((((a{1000}){0,1}){0,1}){0,1}){0,1})*", join("", [for i in range(1000) : format("%999d", i)]))`), "Error in function call"},
		{"range", local("range(0, 2000)"), "Error in function call"},
		{"blocks of blocks", hello + `matrix {
  dynamic "exclude" {
    for_each = flatten([for i in range(1000) : range(18)])
    content { function = "hello" }
  }
  dynamic "exclude" {
    for_each = flatten([for i in range(1000) : range(18)])
    content { function = "hello" }
  }
  dynamic "exclude" {
    for_each = flatten([for i in range(1000) : range(18)])
    content { function = "hello" }
  }
}
`, "Too much work"},
		{"cells", strings.Replace(hello, "wasm\" {}", "w0\" {}", 1) + `function "many" {
  source = "."
  inputs = { for i in range(1000) : i => i }
}
dynamic "backend" {
  for_each = range(1, 300)
  labels   = ["wazero", "w${backend.value}"]
  content {}
}
`, "Too many cells"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bomb.hcl")
			if err := os.WriteFile(file, []byte(test.src), 0o644); err != nil {
				t.Fatal(err)
			}
			x, ps := language().Load(file, Inputs{})
			if x != nil {
				t.Fatal("it loads")
			}
			var summaries []string
			for _, d := range ps.Diagnostics {
				summaries = append(summaries, d.Summary)
			}
			if !slices.Contains(summaries, test.summary) {
				t.Errorf("got %q, want %q", ps.Errs(), test.summary)
			}
		})
	}
}

func TestManyMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "many.hcl")
	if err := os.WriteFile(file, []byte(hello+strings.Repeat("nothing {}\n", 60)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, ps := language().Load(file, Inputs{})
	last := ps.Diagnostics[len(ps.Diagnostics)-1]
	if len(ps.Diagnostics) != maxProblems+1 || last.Detail != "10 more are not shown. Mend the first ones." || last.Subject.Start.Line != 54 {
		t.Errorf("got %d problems, the last %v", len(ps.Diagnostics), last)
	}
}

func TestNatural(t *testing.T) {
	names := []string{"n=10", "n=2", "", "n=02", "b", "n=2b", "n", "a10b2", "a10b10", "a9b100", "n=99999999999999999999999", "2", "10"}
	slices.SortFunc(names, natural)
	want := []string{"", "2", "10", "a9b100", "a10b2", "a10b10", "b", "n", "n=02", "n=2", "n=2b", "n=10", "n=99999999999999999999999"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestFormat(t *testing.T) {
	got, ps := Format([]byte("run {\nseed=1\n  repetitions   =  2}\n"), "x.hcl")
	if !ps.HasErrors() || got != nil {
		t.Errorf("a syntax error was formatted: %s", got)
	}
	got, ps = Format([]byte("run {\nseed=1\n  repetitions   =  2\n}\n"), "x.hcl")
	if want := "run {\n  seed        = 1\n  repetitions = 2\n}\n"; string(got) != want || ps.HasErrors() {
		t.Errorf("got %s, %v", got, ps.Diagnostics)
	}
	if _, ps := Format([]byte("a = \"\xff\"\n"), "x.hcl"); ps.Error() != "x.hcl:1,6-7: Invalid UTF-8; The byte 0xff is not part of any character. Save the file as UTF-8; bytes that are not text can't be inputs." {
		t.Error(ps.Error())
	}
}

func TestUnreadableVarFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.hcl")
	if err := os.WriteFile(file, []byte(hello), 0o644); err != nil {
		t.Fatal(err)
	}
	_, ps := language().Load(file, Inputs{VarFiles: []string{"testdata/missing.hcl", "testdata"}})
	want := []string{
		"testdata:1,1-1: Not a file; testdata is a folder. Name a file in it.",
		"testdata/missing.hcl:1,1-1: File not found; There is no file testdata/missing.hcl. Paths are relative to the folder you are in.",
	}
	var got []string
	for _, d := range ps.Diagnostics {
		got = append(got, d.Error())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzLoad loads anything. Nothing may panic or hang, every problem has a
// position, and what loads gives one plan.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.hcl", "testdata/good/*.hcl"} {
		for _, file := range files(f, pattern) {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte(hello))
	everything, err := os.ReadFile("testdata/generated/everything.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(everything)
	for _, v := range slices.Concat(unsound, wrongEverywhere, odd) {
		v, more, _ := strings.Cut(v, "|")
		f.Add([]byte(strings.ReplaceAll(hello, `"."`, v) + more))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src []byte) {
		file := filepath.Join(dir, fmt.Sprintf("%d.hcl", os.Getpid()))
		if err := os.WriteFile(file, src, 0o644); err != nil {
			t.Fatal(err)
		}
		x, ps := language().Load(file, inputsOf(src))
		for _, d := range ps.Diagnostics {
			if d.Subject == nil || d.Subject.Filename == "" || d.Subject.Start.Line < 1 {
				t.Errorf("no position: %v", d)
			}
			if d.Severity == hcl.DiagError && (d.Summary == "" || d.Detail == "") {
				t.Errorf("no words: %v", d)
			}
		}
		if err := ps.Write(&bytes.Buffer{}, 80, false); err != nil {
			t.Error(err)
		}
		if (x == nil) != ps.HasErrors() {
			t.Fatalf("experiment %v with problems %v", x, ps.Diagnostics)
		}
		if x == nil {
			return
		}
		plan := func() *experiment.Plan {
			again, _ := language().Load(file, inputsOf(src))
			p, err := experiment.NewPlan(again, nil, func(f experiment.Function, b experiment.Backend, s experiment.Start) experiment.Lack {
				return experiment.Lack{Reason: b.Options.(backends.Options).Lacks(f, s)}
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if a, b := plan(), plan(); !reflect.DeepEqual(a, b) {
			t.Errorf("two plans:\n%v\n%v", a, b)
		}
	})
}
