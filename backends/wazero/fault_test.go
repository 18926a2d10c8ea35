package wazero

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
)

// ready is a module of testdata as a function.
func ready(t testing.TB, name string) experiment.Function {
	path, err := filepath.Abs(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return experiment.Function{Name: name, Source: name + ".wasm", Path: path}
}

// What keeps a module from ever running is known from its file, and is the
// same when it comes from a compiler.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options Options
		want    []string // nil: it can run
	}{
		"no-memory":       {Options{}, nil},
		"traps":           {Options{}, nil},
		"host-import":     {Options{}, []string{`"begin"`, `"probe"`, "not WASI"}},
		"memory-import":   {Options{}, []string{`memory "memory" of "env"`, "--allow-undefined"}},
		"older-import":    {Options{}, []string{`"fd_seek" of "wasi_unstable"`, "the first snapshot of WASI", "rebuild it"}},
		"unknown-import":  {Options{}, []string{`"fd_levitate"`, "WASI (wasip1) does not have"}},
		"odd-import":      {Options{}, []string{`"proc_exit"`, "parameters or results are not"}},
		"escape-import":   {Options{}, []string{`"\x1b[2Jclear" of "\x1b[31mred"`}},
		"reactor":         {Options{}, []string{"reactor", "_start"}},
		"library":         {Options{}, []string{"_start", "wasip1"}},
		"odd-start":       {Options{}, []string{"_start", "without parameters and results"}},
		"hidden-memory":   {Options{Memory: "2MiB"}, []string{"2560 KiB", "raise memory"}},
		"../no-such-file": {Options{}, nil}, // the loader says so
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.options.Judge(ready(t, name))
			says(t, err, tt.want)
			if strings.HasPrefix(name, "..") {
				return
			}
			b, err := tt.options.Open(t.Context(), backendtest.Session(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(context.Background())
			a, err := b.Prepare(t.Context(), ready(t, name))
			says(t, err, tt.want)
			if err == nil {
				a.Close(context.Background())
			} else if u := (*backends.Unsuitable)(nil); !errors.As(err, &u) {
				t.Errorf("Prepare gives no Unsuitable: %v", err)
			}
		})
	}
	t.Run("larger memory", func(t *testing.T) {
		says(t, (&Options{Memory: "4MiB"}).Judge(ready(t, "hidden-memory")), nil)
	})
}

func says(t *testing.T, err error, want []string) {
	t.Helper()
	if (err != nil) != (want != nil) {
		t.Fatalf("it says %v, want %q", err, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("it says %v, which lacks %q", err, w)
		}
	}
	if err != nil && strings.ContainsAny(err.Error(), "\x1b\a") {
		t.Errorf("it says %q, which reaches the terminal", err)
	}
}

// What only a compiler finds is the module's fault all the same.
func TestInvalidModule(t *testing.T) {
	t.Parallel()
	b, err := (&Options{}).Open(t.Context(), backendtest.Session(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Prepare(t.Context(), ready(t, "invalid"))
	if u := (*backends.Unsuitable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "can't compile the module") {
		t.Errorf("an invalid module: %v", err)
	}
}

// A child does nothing at first but load its module. Where that kills it, the
// module is left out, with one line of what the child said.
func TestModuleThatKillsItsLoader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a script is no program there")
	}
	t.Parallel()
	exe := filepath.Join(t.TempDir(), "nebula")
	script := "#!/bin/sh\nprintf 'runtime: no memory\\nfatal error: runtime: out of memory\\n\\ngoroutine 1 [running]:\\n' >&2\nhead -c 100000 /dev/zero | tr '\\0' x >&2\nexit 2\n"
	if err := os.WriteFile(exe, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	a := &artifact{exe: exe, config: config{Name: "f"}}
	err := a.spawn(t.Context())
	if u := (*backends.Unsuitable)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "out of memory") || len(err.Error()) > 200 {
		t.Errorf("the loader died: %v", err)
	}
}

// A fault of the function is never taken for the engine's, from no start, and
// its last words are on record, however it ends.
func TestFaults(t *testing.T) {
	const words = "lastword-42\n"
	const short = 500 * time.Millisecond
	for name, tt := range map[string]struct {
		err     error
		exit    int
		words   string
		timeout time.Duration
		warm    error
	}{
		"no-memory":       {warm: backends.ErrNoFrames},
		"start-traps":     {err: backends.ErrCantStart, words: words, warm: backends.ErrCantStart},
		"start-exits":     {exit: 3, words: words},
		"start-loops":     {err: context.DeadlineExceeded, words: words, timeout: short, warm: context.DeadlineExceeded},
		"data-outside":    {err: backends.ErrCantStart, warm: backends.ErrCantStart},
		"traps":           {err: backends.ErrCrashed, words: words, warm: backends.ErrCrashed},
		"loops":           {err: context.DeadlineExceeded, words: words, timeout: short, warm: context.DeadlineExceeded},
		"grows":           {err: backends.ErrOutOfMemory, words: words, warm: backends.ErrOutOfMemory},
		"exits-minus-one": {exit: 255, words: words},
		"exits-256":       {exit: 0, words: words, warm: backends.ErrNoFrames},
		"escape-trap":     {err: backends.ErrCrashed, warm: backends.ErrCrashed},
	} {
		t.Run(name, func(t *testing.T) {
			a := backendtest.Prepare(t, &Options{Memory: "16MiB"}, ready(t, name))
			if tt.timeout == 0 {
				tt.timeout = patience
			}
			for _, s := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared, experiment.Warm} {
				want := tt.err
				if s == experiment.Warm {
					want = tt.warm
				}
				r := backendtest.Trial(t, a, s, backends.Request{}, tt.timeout)
				switch {
				case !errors.Is(r.Err, want) || (r.Err == nil) != (want == nil):
					t.Errorf("%s: %v, want %v", s, r.Err, want)
				case r.Err == nil && r.ExitCode != tt.exit:
					t.Errorf("%s: exit code %d, want %d", s, r.ExitCode, tt.exit)
				}
				if r.Err != nil && strings.ContainsRune(r.Err.Error(), '\x1b') {
					t.Errorf("%s: the error reaches the terminal: %q", s, r.Err)
				}
				if string(r.Stderr) != tt.words {
					t.Errorf("%s: its last words are %q, want %q", s, r.Stderr, tt.words)
				}
				// In a window of energy, too.
				if err := a.(backends.Readier).Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				n, err := a.(backends.Repeater).Repeat(ctx, s, backends.Request{}, 2)
				cancel()
				if !errors.Is(err, want) || n.ExitCode != tt.exit && want == nil {
					t.Errorf("%s, repeated: exit code %d, %v, want %v", s, n.ExitCode, err, want)
				}
				if (want != nil || tt.exit != 0) && string(n.Stderr) != tt.words {
					t.Errorf("%s, repeated: its last words are %q, want %q", s, n.Stderr, tt.words)
				}
			}
		})
	}
}

// A panic of the engine's own ends the trial and not the run, and what it may
// have left behind is not used again.
func TestHostPanics(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, ready(t, "traps")).(*artifact)
	c := a.config
	c.Cache = t.TempDir()
	h, err := load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	h.compiled = nil
	r := h.trial(t.Context(), order{Start: experiment.Prepared})
	if r.Kind != crashed || !r.Last || !h.broken || !strings.Contains(r.Err, "wazero panicked") {
		t.Errorf("a panic gave %+v", r)
	}
}

// The ring keeps the end, whatever the sizes of what is written, and leaves
// markers out.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, chunk := range []int{1, 7, 4096, 8192, 8193, 50000} {
		w := openWords(false)
		w.write([]byte("nebula:ready\n"))
		text := strings.Repeat("0123456789abcdef\n", 1+100000/17)
		for rest := text; rest != ""; {
			n := min(chunk, len(rest))
			w.write([]byte(rest[:n]))
			rest = rest[n:]
		}
		w.write([]byte("nebula:done 12\n"))
		got := string(w.last())
		if len(got) != backends.MaxStderr || !strings.HasSuffix(text, got) {
			t.Errorf("in pieces of %d it kept %d bytes: …%q", chunk, len(got), got[max(0, len(got)-40):])
		}
		w.forget()
		if got := w.last(); len(got) != 0 {
			t.Errorf("forgotten, it kept %q", got)
		}
	}
}

// What wazero has behind a switch runs when it is switched on, in both modes
// and from every start, and is refused with what to write when it is not; what
// it does not have no switch helps.
func TestFeatures(t *testing.T) {
	modules := "../../module/testdata/"
	for _, f := range featureNames() {
		for _, mode := range []string{Compiler, Interpreter} {
			t.Run(f+"/"+mode, func(t *testing.T) {
				t.Parallel()
				function := ready(t, modules+f)
				says(t, (&Options{Mode: mode}).Judge(function), []string{fmt.Sprintf("features = [%q]", f), "rebuild it without"})
				a := backendtest.Prepare(t, &Options{Mode: mode, Features: []string{f}}, function)
				for _, s := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared} {
					if mode == Interpreter && s == experiment.Cached {
						continue
					}
					if r := backendtest.Trial(t, a, s, backends.Request{}, patience); r.Err != nil || r.ExitCode != 0 {
						t.Errorf("%s: exit code %d, %v", s, r.ExitCode, r.Err)
					}
				}
			})
		}
	}
	for _, f := range []string{"gc", "legacy-exceptions", "memory64", "multi-memory", "relaxed-simd"} {
		err := (&Options{Features: featureNames()}).Judge(ready(t, modules+f))
		says(t, err, []string{"does not have: rebuild it without"})
	}
	b, err := (&Options{}).Open(t.Context(), backendtest.Session(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Prepare(t.Context(), ready(t, modules+"tail-call")); err == nil || !strings.Contains(err.Error(), `features = ["tail-call"]`) {
		t.Errorf("prepared without its switch: %v", err)
	}
}
