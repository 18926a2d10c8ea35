package wazero

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	engine "github.com/tetratelabs/wazero"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/backendtest"
	"github.com/nebula-bench/nebula/experiment"
)

// TestMain lets the test's own program be the child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildCommand {
		if Child(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	for _, o := range []Options{{}, {Mode: Interpreter}} {
		t.Run("mode="+o.Mode, func(t *testing.T) {
			backendtest.Run(t, func() backends.Options { o := o; return &o })
		})
	}
}

func TestMounts(t *testing.T) {
	t.Parallel()
	backendtest.Mounts(t, func() backends.Options { return &Options{} })
}

const patience = time.Minute

func TestOptions(t *testing.T) {
	probe := backendtest.Probe(t)
	t.Run("memory", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{Memory: "32MiB"}, probe)
		r := backendtest.Trial(t, a, experiment.Prepared, backends.Request{Args: []string{"grow"}}, patience)
		if !errors.Is(r.Err, backends.ErrOutOfMemory) {
			t.Errorf("a function that takes memory without end: exit code %d, %v", r.ExitCode, r.Err)
		}
		if r.Usage.PeakMemory == 0 || r.Usage.PeakMemory > 32<<20 {
			t.Errorf("it had %d bytes", r.Usage.PeakMemory)
		}
		r = backendtest.Trial(t, a, experiment.Prepared, backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}, patience)
		if string(r.Stdout) != "x" {
			t.Errorf("afterwards: %q, %v", r.Stdout, r.Err)
		}
		// A failure of another kind is not taken for one of memory.
		if r = backendtest.Trial(t, a, experiment.Prepared, backends.Request{Args: []string{"exit"}}, patience); r.Err != nil || r.ExitCode != 7 {
			t.Errorf("exit code %d, %v", r.ExitCode, r.Err)
		}
		gorge := backends.Request{Stdin: []byte("gorge"), Args: []string{"work"}}
		if r = backendtest.Trial(t, a, experiment.Warm, gorge, patience); !errors.Is(r.Err, backends.ErrOutOfMemory) {
			t.Errorf("a live instance that takes memory without end: exit code %d, %v", r.ExitCode, r.Err)
		}
	})
	t.Run("too little memory", func(t *testing.T) {
		b, err := (&Options{Memory: "64KiB"}).Open(t.Context(), backendtest.Session(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Prepare(t.Context(), probe); err == nil || !strings.Contains(err.Error(), "raise memory") {
			t.Errorf("a module that begins with more than its limit: %v", err)
		}
	})
	t.Run("isolation", func(t *testing.T) {
		last := backends.Processors() - 1
		a := backendtest.Prepare(t, &Options{CPUSet: strconv.Itoa(last), Nice: 5}, probe).(*artifact)
		r := backendtest.Trial(t, a, experiment.Prepared, backends.Request{Args: []string{"spin"}}, patience)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", a.child.cmd.Process.Pid))
		for _, task := range tasks {
			status, _ := os.ReadFile(filepath.Join(task, "status"))
			if want := fmt.Sprintf("Cpus_allowed_list:\t%d\n", last); !strings.Contains(string(status), want) {
				t.Errorf("thread %s is not pinned to %d: %s", task, last, status)
			}
			stat, _ := os.ReadFile(filepath.Join(task, "stat"))
			_, rest, _ := strings.Cut(string(stat), ") ")
			const nice = 19 - 3 // the field's number (proc(5)), without the first two and from 0
			if f := strings.Fields(rest); len(f) <= nice || f[nice] != "5" {
				t.Errorf("thread %s has another niceness: %s", task, stat)
			}
		}
		if len(tasks) == 0 {
			t.Error("the child has no threads")
		}
	})
	t.Run("interruptible", func(t *testing.T) {
		a := backendtest.Prepare(t, &Options{Interruptible: true}, probe)
		r := backendtest.Trial(t, a, experiment.Prepared, backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}, patience)
		if string(r.Stdout) != "x" {
			t.Errorf("answer %q, %v", r.Stdout, r.Err)
		}
	})
}

// A cached start whose cache has gone would be a cold one.
func TestEmptiedCache(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	echo := backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}
	if r := backendtest.Trial(t, a, experiment.Cached, echo, patience); r.Err != nil {
		t.Fatal(r.Err)
	}
	if err := os.RemoveAll(a.config.Cache); err != nil {
		t.Fatal(err)
	}
	if r := backendtest.Trial(t, a, experiment.Cached, echo, patience); !errors.Is(r.Err, backends.ErrContaminated) {
		t.Errorf("with its cache emptied, a cached start ended with %v", r.Err)
	}
}

// A cache that holds another module's code is as good as none: wazero compiles
// again, and a cached start would be a cold one.
func TestStaleCache(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	echo := backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}
	renamed := 0
	filepath.WalkDir(a.config.Cache, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			os.Rename(name, name[:len(name)-1]+"_")
			renamed++
		}
		return nil
	})
	if renamed == 0 {
		t.Fatal("the cache has no files")
	}
	if r := backendtest.Trial(t, a, experiment.Cached, echo, patience); !errors.Is(r.Err, backends.ErrContaminated) {
		t.Errorf("with a stale cache, a cached start ended with %v", r.Err)
	}
	if r := backendtest.Trial(t, a, experiment.Cached, echo, patience); r.Err != nil {
		t.Errorf("the next one: %v", r.Err)
	}
}

// A module that is in memory already is no cold start.
func TestPreloadedModule(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	c := a.config
	c.Cache = t.TempDir()
	h, err := load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	echo := order{Start: experiment.Cold, Args: []string{"echo"}}
	if r := h.trial(t.Context(), echo); r.Err != "" {
		t.Fatal(r.Err)
	}
	h.compile = func(context.Context, engine.RuntimeConfig, []byte) (engine.Runtime, engine.CompiledModule, error) {
		return h.runtime, h.compiled, nil
	}
	for _, s := range []experiment.Start{experiment.Cold, experiment.Cached} {
		echo.Start = s
		if r := h.trial(t.Context(), echo); r.Kind != contaminated || r.Err == "" {
			t.Errorf("%s with a preloaded module: %q", s, r.Err)
		}
	}
}

// A live instance that has not answered before is no warm start.
func TestUnusedInstance(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	c := a.config
	c.Cache = t.TempDir()
	h, err := load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	o := order{Start: experiment.Warm, Stdin: []byte("x"), Args: []string{"echo"}}
	if r := h.trial(t.Context(), o); r.Err != "" {
		t.Fatal(r.Err)
	}
	for _, l := range h.live {
		l.answered = 0
	}
	if r := h.trial(t.Context(), o); r.Kind != contaminated || r.Err == "" {
		t.Errorf("an unused instance: %q", r.Err)
	}
}

// However many arguments there are, few instances live; each answers as if it
// were alone, and one that had to go begins anew.
func TestLiveInstancesAreFew(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	c := a.config
	c.Cache = t.TempDir()
	h, err := load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	count := func(i int) string {
		t.Helper()
		r := h.trial(t.Context(), order{Start: experiment.Warm, Stdin: []byte("x"), Args: []string{"count", strconv.Itoa(i)}})
		if r.Err != "" {
			t.Fatalf("arguments %d: %s", i, r.Err)
		}
		if len(h.live) > backends.MostLive || len(h.recent) != len(h.live) {
			t.Fatalf("after %d arguments %d instances live, of %d", i, len(h.live), len(h.recent))
		}
		return string(r.Response.Stdout)
	}
	for i := range 200 {
		// Each has answered once before; the first is asked all the time.
		if got := count(1 + i); got != "1" {
			t.Fatalf("the instance of arguments %d had answered %s times", i, got)
		}
		if got := count(0); got != strconv.Itoa(1+i) {
			t.Fatalf("the instance in use had answered %s times, and not %d", got, 1+i)
		}
	}
	if got := count(1); got != "1" {
		t.Errorf("an instance that had to go had answered %s times", got)
	}
}

// The starts are what they claim to be: each does less than the one before.
func TestStartsDiffer(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t))
	fastest := map[experiment.Start]time.Duration{}
	for range 3 {
		for _, s := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared} {
			r := backendtest.Trial(t, a, s, backends.Request{Args: []string{"echo"}}, patience)
			if d := r.Metric(t, "startup"); fastest[s] == 0 || d < fastest[s] {
				fastest[s] = d
			}
		}
	}
	if fastest[experiment.Cold] < 3*fastest[experiment.Cached] || fastest[experiment.Cached] < 2*fastest[experiment.Prepared] {
		t.Errorf("startups %v", fastest)
	}
}

// A child that had to be killed is replaced outside of any trial: what that
// takes is nobody's timeout.
func TestShortTimeout(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	a.child.kill()
	a.child = nil
	began := time.Now()
	if err := a.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	short := time.Since(began) * 3 / 4
	if r := backendtest.Trial(t, a, experiment.Prepared, backends.Request{Args: []string{"loop"}}, short); !errors.Is(r.Err, context.DeadlineExceeded) {
		t.Fatalf("a loop ended with %v", r.Err)
	}
	r := backendtest.Trial(t, a, experiment.Prepared, backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}, short)
	if r.Err != nil || string(r.Stdout) != "x" {
		t.Errorf("the next trial, with a timeout shorter than a child takes to begin: %q, %v", r.Stdout, r.Err)
	}
}

func TestChildDies(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	a.child.cmd.Process.Kill()
	echo := backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}
	if r := backendtest.Trial(t, a, experiment.Prepared, echo, patience); r.Err == nil {
		t.Error("a trial in a dead child went well")
	}
	if r := backendtest.Trial(t, a, experiment.Prepared, echo, patience); r.Err != nil || string(r.Stdout) != "x" {
		t.Errorf("the next trial: %q, %v", r.Stdout, r.Err)
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		options   Options
		attribute string
	}{
		"nothing": {Options{}, ""}, "everything": {Options{Mode: Interpreter, Interruptible: true, Memory: "64MiB"}, ""},
		"another mode": {Options{Mode: "jit"}, "mode"}, "odd memory": {Options{Memory: "100kB"}, "memory"},
		"no memory": {Options{Memory: "0"}, "memory"}, "5 GiB": {Options{Memory: "5GiB"}, "memory"},
		"no such processor": {Options{CPUSet: "8000"}, "cpuset"}, "odd processors": {Options{CPUSet: "x"}, "cpuset"}, "too nice": {Options{Nice: 20}, "nice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ps := tt.options.Check("")
			if tt.attribute == "" && len(ps) > 0 || tt.attribute != "" && (len(ps) != 1 || ps[0].Attribute != tt.attribute) {
				t.Errorf("problems %+v", ps)
			}
		})
	}
}

func TestLacks(t *testing.T) {
	probe := backendtest.Probe(t)
	tests := []struct {
		options  Options
		function experiment.Function
		start    experiment.Start
		lacks    bool
	}{
		{Options{}, probe, experiment.Cold, false}, {Options{}, probe, experiment.Warm, false},
		{Options{Mode: Interpreter}, probe, experiment.Cached, true}, {Options{Mode: Interpreter}, probe, experiment.Prepared, false},
		{Options{}, experiment.Function{Name: "f", Image: "an/image"}, experiment.Cold, true},
	}
	for _, tt := range tests {
		if why := tt.options.Lacks(tt.function, tt.start); (why != "") != tt.lacks {
			t.Errorf("%+v from %s: %q", tt.options, tt.start, why)
		}
	}
}

// Many requests on one call: each start serves them all, answers are told
// apart, and a series ends where one goes wrong.
func TestRepeat(t *testing.T) {
	a := backendtest.Prepare(t, &Options{}, backendtest.Probe(t)).(*artifact)
	echo := backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}
	for _, s := range []experiment.Start{experiment.Cold, experiment.Cached, experiment.Prepared, experiment.Warm} {
		n := 3
		if s == experiment.Warm {
			n = 1000
		}
		r, err := a.Repeat(t.Context(), s, echo, n)
		if err != nil || r.N != n || len(r.Answers) != 1 || string(r.Answers[0]) != "x" || r.CPU <= 0 {
			t.Errorf("%s: %+v, %v", s, r, err)
		}
	}
	if r, err := a.Repeat(t.Context(), experiment.Prepared, backends.Request{Args: []string{"exit"}}, 5); err != nil || r.N != 0 || r.ExitCode != 7 {
		t.Errorf("a function that fails: %+v, %v", r, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := a.Repeat(ctx, experiment.Prepared, backends.Request{Args: []string{"loop"}}, 5); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a function without end: %v", err)
	}
	if r, err := a.Repeat(t.Context(), experiment.Cold, echo, 2); err != nil || r.N != 2 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
}

// BenchmarkRepeat is what an invocation costs in a window, with all that
// Nebula and wazero do around the function.
func BenchmarkRepeat(b *testing.B) {
	a := backendtest.Prepare(b, &Options{}, backendtest.Probe(b)).(*artifact)
	echo := backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}
	b.ResetTimer()
	if r, err := a.Repeat(b.Context(), experiment.Warm, echo, b.N); err != nil || r.N != b.N {
		b.Fatal(r.N, err)
	}
}
