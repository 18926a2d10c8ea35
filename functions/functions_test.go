package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// answer is one line of a function's answers.json.
type answer struct {
	Name   string  `json:"name"`
	Stdin  string  `json:"stdin"`
	Expect *string `json:"expect"`
	Exit   int     `json:"exit"`
}

// program runs a built function.
type program func(t *testing.T, stdin string, frames bool) (stdout, stderr string, exit int)

// TestFunctions builds every function of this folder in every language for
// every target and compares its answers.
func TestFunctions(t *testing.T) {
	files, err := filepath.Glob("*/answers.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no answers.json found: %v", err)
	}
	for _, file := range files {
		dir, err := filepath.Abs(filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		answers := readAnswers(t, file)
		languages := languagesOf(t, dir)
		if len(languages) == 0 {
			t.Errorf("%s has answers, but no source", dir)
		}
		for _, language := range languages {
			f := experiment.Function{Name: filepath.Base(dir), Path: dir, Language: language}
			kind, err := build.KindOf(f)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, target := range []build.Target{build.Linux, build.Wasm} {
				t.Run(fmt.Sprintf("%s/%s/%s", f.Name, kind, target), func(t *testing.T) {
					t.Parallel()
					conform(t, load(t, f, kind, target), target, answers)
				})
			}
		}
	}
}

// TestHelpers sends the helpers more than any function here needs: every
// byte there is, and requests that outgrow their first buffers.
func TestHelpers(t *testing.T) {
	var text strings.Builder
	for i := range 300_000 {
		text.WriteByte(byte(i * i >> 3))
	}
	long := text.String()
	var answers []answer
	for _, n := range []int{0, 1, 511, 512, 4071, 4072, 4073, 4095, 4096, 4097, 65536, len(long), 10} {
		answers = append(answers, answer{Name: strconv.Itoa(n) + " bytes", Stdin: long[:n], Expect: new(long[:n])})
	}
	for _, source := range []string{"echo/go", "echo/c", "echo/rust", "testdata/pieces/c"} {
		dir, err := filepath.Abs(source)
		if err != nil {
			t.Fatal(err)
		}
		f := experiment.Function{Name: "echo", Path: dir}
		kind, err := build.KindOf(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range []build.Target{build.Linux, build.Wasm} {
			t.Run(fmt.Sprintf("%s/%s", source, target), func(t *testing.T) {
				t.Parallel()
				conform(t, load(t, f, kind, target), target, answers)
			})
		}
	}
}

// TestAnswers computes the answers again.
func TestAnswers(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "python3")
	if out, err := exec.Command("python3", "answers.py", "--check").CombinedOutput(); err != nil {
		t.Errorf("answers.py, %v: these answers.json are not as it prints them: %s", err, out)
	}
}

// TestREADME looks for each function that the table of README.md names.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| \[(.+)\]\((.+)\) \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(string(b), -1)
	for _, row := range rows {
		var languages []string
		for _, l := range languagesOf(t, row[2]) {
			languages = append(languages, map[string]string{"go": "Go", "c": "C", "rust": "Rust"}[l])
		}
		// The table has Go first, the folders are in the order of names.
		slices.Sort(languages)
		listed := strings.Split(row[3], ", ")
		slices.Sort(listed)
		if row[1] != row[2] || !slices.Equal(languages, listed) {
			t.Errorf("%q: there is %q in %q", row[0], languages, row[2])
		}
		if _, err := os.Stat(filepath.Join(row[2], "README.md")); err != nil {
			t.Error(err)
		}
	}
	if len(rows) < 19 {
		t.Errorf("found %d functions", len(rows))
	}
}

// load builds a function, or skips the test where a compiler is missing.
func load(t *testing.T, f experiment.Function, kind build.Kind, target build.Target) program {
	t.Helper()
	switch kind {
	case build.C:
		testenv.Need(t, "clang")
	case build.Rust:
		testenv.Need(t, "rust")
	}
	bin, err := build.Build(t.Context(), f, target)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, built by %s", bin.Size, bin.Toolchain)
	if target == build.Wasm {
		return wasm(t, bin.Path)
	}
	return native(bin.Path)
}

func readAnswers(t *testing.T, file string) []answer {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var answers []answer
	if err := dec.Decode(&answers); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	names := map[string]bool{}
	for _, a := range answers {
		if names[a.Name] || (a.Expect == nil) == (a.Exit == 0) {
			t.Fatalf("%s: %q must be a name of its own, with either expect or exit", file, a.Name)
		}
		names[a.Name] = true
	}
	return answers
}

// languagesOf gives what Function.Language can be: the folders of a folder
// of languages, or "" for a folder that is itself a source.
func languagesOf(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var languages []string
	for _, e := range entries {
		if e.IsDir() && (e.Name() == "go" || e.Name() == "c" || e.Name() == "rust") {
			languages = append(languages, e.Name())
		}
	}
	if len(languages) == 0 && build.Check(experiment.Function{Name: dir, Path: dir}) == nil {
		return []string{""}
	}
	return languages
}

// conform asks for some answers one by one, spread over the list, and for all
// of them in frames; every refusal both ways.
func conform(t *testing.T, run program, target build.Target, answers []answer) {
	var requests, replies strings.Builder
	framed := 0
	for i, a := range answers {
		if a.Expect == nil {
			stdout, stderr, exit := run(t, a.Stdin, false)
			if exit != a.Exit {
				t.Errorf("%s: exit code %d, want %d", a.Name, exit, a.Exit)
			}
			if stdout != "" {
				t.Errorf("%s: answer %q along with a refusal", a.Name, stdout)
			}
			if rest := checkMarkers(t, a.Name, stderr, target, "ready"); rest == "" {
				t.Errorf("%s: no message with the refusal", a.Name)
			}
			if stdout, _, exit := run(t, frame(a.Stdin), true); stdout != "" || exit != a.Exit {
				t.Errorf("%s, in frames: answer %q, exit code %d, want none and %d", a.Name, stdout, exit, a.Exit)
			}
			continue
		}
		if i%(1+len(answers)/40) == 0 {
			stdout, stderr, exit := run(t, a.Stdin, false)
			if stdout != *a.Expect || exit != 0 {
				t.Errorf("%s: answer %.1000q, exit code %d, want %.1000q; standard error: %q", a.Name, stdout, exit, *a.Expect, stderr)
			}
			if rest := checkMarkers(t, a.Name, stderr, target, "ready", "done"); rest != "" {
				t.Errorf("%s: %q on standard error", a.Name, rest)
			}
		}
		requests.WriteString(frame(a.Stdin))
		replies.WriteString(frame(*a.Expect))
		framed++
	}

	stdout, stderr, exit := run(t, requests.String(), true)
	if stdout != replies.String() || exit != 0 {
		t.Errorf("frames: answers %.1000q, exit code %d, want %.1000q", stdout, exit, replies.String())
	}
	want := []string{"ready"}
	for range framed {
		want = append(want, "ready", "done")
	}
	if rest := checkMarkers(t, "frames", stderr, target, want...); rest != "" {
		t.Errorf("frames: %q on standard error", rest)
	}

	// No request at all is fine; a torn one is not.
	if stdout, _, exit := run(t, "", true); stdout != "" || exit != 0 {
		t.Errorf("frames without a request: answers %q, exit code %d, want none and 0", stdout, exit)
	}
	for _, torn := range []string{"3", "3\n12", "\n", "x\n", "-1\n", "9999999999\n"} {
		if stdout, _, exit := run(t, torn, true); stdout != "" || exit != 1 {
			t.Errorf("frames with the torn request %q: answers %q, exit code %d, want none and 1", torn, stdout, exit)
		}
	}
}

func frame(s string) string { return strconv.Itoa(len(s)) + "\n" + s }

var markerLine = regexp.MustCompile(`(?m)^nebula:(ready|done)( \d+)?\n`)

// checkMarkers compares the markers and returns the rest of standard error.
func checkMarkers(t *testing.T, name, stderr string, target build.Target, want ...string) string {
	t.Helper()
	var got []string
	last := int64(0)
	for _, m := range markerLine.FindAllStringSubmatch(stderr, -1) {
		got = append(got, m[1])
		if (m[2] != "") != (target == build.Linux) {
			t.Errorf("%s: marker %q: only a native function stamps its markers", name, m[0])
			continue
		}
		if m[2] == "" {
			continue
		}
		ns, err := strconv.ParseInt(m[2][1:], 10, 64)
		if err != nil || ns < last {
			t.Errorf("%s: marker %q comes after one with stamp %d (%v)", name, m[0], last, err)
		}
		last = ns
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: markers %v, want %v", name, got, want)
	}
	return markerLine.ReplaceAllString(stderr, "")
}

func native(path string) program {
	return func(t *testing.T, stdin string, frames bool) (string, string, int) {
		cmd := exec.CommandContext(t.Context(), path)
		cmd.Env = []string{"UNRELATED=NEBULA_FRAMES=1"}
		if frames {
			cmd.Env = append(cmd.Env, "NEBULA_FRAMES=1")
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
		// A function that left with a code, or without reading everything,
		// is an error of Run; one that did not start is ours.
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
}

func wasm(t *testing.T, path string) program {
	ctx := context.Background()
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime := wazero.NewRuntime(ctx)
	t.Cleanup(func() { runtime.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	module, err := runtime.CompileModule(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, stdin string, frames bool) (string, string, int) {
		var stdout, stderr bytes.Buffer
		// A reader that gives little at a time, as pipes may.
		config := wazero.NewModuleConfig().WithName("").WithEnv("UNRELATED", "NEBULA_FRAMES=1").
			WithSysWalltime().WithSysNanotime().WithSysNanosleep().
			WithStdin(iotest.OneByteReader(strings.NewReader(stdin))).WithStdout(&stdout).WithStderr(&stderr)
		if frames {
			config = config.WithEnv("NEBULA_FRAMES", "1")
		}
		instance, err := runtime.InstantiateModule(ctx, module, config)
		if instance != nil {
			defer instance.Close(ctx)
		}
		exit := 0
		if e, ok := errors.AsType[*sys.ExitError](err); ok {
			exit = int(e.ExitCode())
		} else if err != nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), exit
	}
}
