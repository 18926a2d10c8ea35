package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/experiment/results"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// TestFunctions runs every function of the project in every language on both
// backends, and asks for every answer that it has: one live module and one
// live container for each. Package functions asks the same of bare programs,
// and for the refusals.
func TestFunctions(t *testing.T) {
	t.Parallel() // it measures nothing
	for _, tool := range []string{"docker", "clang", "rust"} {
		testenv.Need(t, tool)
	}
	dir := t.TempDir()
	writeAll(t, dir)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(exe)
	run.Args = []string{"nebula", "run", "all.hcl"}
	run.Dir = dir
	run.Env = append(os.Environ(), "NEBULA_LOCK="+filepath.Join(dir, "lock"))
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v: %.4000s", err, out)
	}
	f, err := results.Find(filepath.Join(dir, "reports"), "latest")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[experiment.Cell]bool{}
	for r, err := range f.Trials() {
		if err != nil {
			t.Fatal(err)
		}
		seen[r.Cell()] = true
		if r.Outcome != experiment.OK {
			t.Errorf("%s: %s, exit code %v: %s", r.Cell(), r.Outcome, r.ExitCode, r.Error)
		}
		if r.Function == "sleep in go" && r.Input == "n=50" {
			checkSleep(t, r)
		}
	}
	for _, l := range f.Plan.LeftOut {
		t.Errorf("left out: %+v", l)
	}
	if len(seen) != len(f.Plan.Cells) {
		t.Errorf("%d cells of %d", len(seen), len(f.Plan.Cells))
	}
}

// checkSleep: runtime is time on the wall, of which sleeping takes no CPU.
func checkSleep(t *testing.T, r *results.Trial) {
	runtime, ok := r.At.Metric(experiment.Span{From: experiment.Ready, To: experiment.Done})
	if !ok || runtime < int64(50*time.Millisecond) {
		t.Errorf("%s: a sleep of 50 ms has a runtime of %d ns", r.Cell(), runtime)
	}
	if r.CPU > runtime/2 {
		t.Errorf("%s: a sleep of %d ns took %d ns of CPU", r.Cell(), runtime, r.CPU)
	}
}

// writeAll writes the experiment. Its answers are digests, because HCL
// composes the characters of every text (NFC), which an answer need not have.
func writeAll(t *testing.T, dir string) {
	t.Helper()
	root := abs("../../functions")
	files, err := filepath.Glob(filepath.Join(root, "*", "answers.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var hcl strings.Builder
	hcl.WriteString(`experiment "all" {}
backend "wazero" "wasm" { start = ["warm"] }
backend "docker" "scratch" { start = ["warm"] }
run {
  repetitions = 1
  warmup      = 0
  order       = "sequential"
  timeout     = "60s"
}
`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var answers []struct {
			Name, Stdin string
			Expect      *string
		}
		if err := json.Unmarshal(text, &answers); err != nil {
			t.Fatal(err)
		}
		inputs := map[string]any{}
		for _, a := range answers {
			if a.Expect != nil {
				digest := fmt.Sprintf("%x", sha256.Sum256([]byte(*a.Expect)))
				inputs[a.Name] = map[string]any{"stdin": a.Stdin, "expect": map[string]string{"sha256": digest}}
			}
		}
		if text, err = json.Marshal(inputs); err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(filepath.Dir(file))
		write(t, filepath.Join(dir, name+".json"), string(text))
		for _, language := range []string{"go", "c", "rust"} {
			if _, err := os.Stat(filepath.Join(root, name, language)); err != nil {
				continue
			}
			fmt.Fprintf(&hcl, `function "%s in %s" {
  source   = %q
  language = %[2]q
  inputs   = jsondecode(file(%[4]q))
}
`, name, language, filepath.Join(root, name), name+".json")
		}
	}
	write(t, filepath.Join(dir, "all.hcl"), hcl.String())
}

// TestNewcomer adds a function as functions/README.md tells to, in a fresh
// clone: what its example shows is all that changes, and the tests find it.
func TestNewcomer(t *testing.T) {
	t.Parallel() // it measures nothing
	clone := filepath.Join(t.TempDir(), "nebula")
	if out, err := exec.Command("git", "clone", "--quiet", "--no-hardlinks", abs("../.."), clone).CombinedOutput(); err != nil {
		t.Skipf("not a git checkout: %s", out)
	}
	copyTracked(t, abs("../.."), clone)
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", clone}, args...)...).Output()
		if err != nil {
			t.Fatal(args, err)
		}
		return string(out)
	}
	git("add", "--all")

	readme, err := os.ReadFile("../../functions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)`(functions/shout/\\S+)`.*?```\\w+\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(shown) != 2 {
		t.Fatalf("the example has %d files", len(shown))
	}
	for _, file := range shown {
		write(t, filepath.Join(clone, file[1]), file[2])
	}
	test := func(args ...string) (string, error) {
		c := exec.Command("go", append([]string{"test", "-v"}, args...)...)
		c.Dir = clone
		out, err := c.CombinedOutput()
		return string(out), err
	}
	out, err := test("./functions", "-run", "TestFunctions/shout")
	for _, want := range []string{"PASS: TestFunctions/shout/Go/static_linux_binary", "PASS: TestFunctions/shout/Go/wasip1_module"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, want %q: %s", err, want, out)
		}
	}
	if out, err := test(".", "-run", "TestImports"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	want := "functions/shout/answers.json\nfunctions/shout/go/main.go\n"
	if got := git("ls-files", "--others", "--modified", "--exclude-standard"); got != want {
		t.Errorf("what has changed: %q", got)
	}

	// A wrong answer is found.
	write(t, filepath.Join(clone, "functions/shout/answers.json"), strings.ReplaceAll(shown[1][2], "NEBULA", "nebula"))
	if out, err := test("./functions", "-run", "TestFunctions/shout"); err == nil || !strings.Contains(out, `answer "NEBULA", exit code 0, want "nebula"`) {
		t.Errorf("a wrong answer: %v: %s", err, out)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
