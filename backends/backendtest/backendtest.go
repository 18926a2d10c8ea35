// Package backendtest is the conformance suite that every backend passes: the
// same function, the same requests, the same answers, the same events in the
// same order, and the same ends of a function that misbehaves.
//
// It says nothing about how fast a backend is. Where it looks at times, it
// compares them with a truth that the function itself makes.
package backendtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/testenv"
)

// Probe is the function that the suite runs.
func Probe(t testing.TB) experiment.Function {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "testdata", "probe")
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	return experiment.Function{Name: "probe", Source: "testdata/probe", Path: dir}
}

// Session gives a session that ends with the test.
func Session(t testing.TB) backends.Session {
	return backends.Session{
		Owner:   backends.NewOwner(backends.NewRunID(time.Now())),
		Scratch: t.TempDir(),
		Log:     zerolog.New(zerolog.NewTestWriter(t)),
	}
}

// Prepare opens a backend and makes a function ready, until the test ends.
func Prepare(t testing.TB, o backends.Options, f experiment.Function) backends.Artifact {
	t.Helper()
	if ps := o.Check("."); len(ps) > 0 {
		t.Fatalf("options: %v", ps)
	}
	b, err := o.Open(t.Context(), Session(t))
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Prepare(t.Context(), f)
	if err != nil {
		b.Close(context.Background())
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(a.Close(context.Background()), b.Close(context.Background())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a
}

// Result is one trial's end.
type Result struct {
	backends.Response
	Err    error
	Stamps experiment.Stamps
	Ready  backends.ReadySource
	Took   time.Duration
}

// Metric gives the length of a metric in the trial.
func (r Result) Metric(t testing.TB, name string) time.Duration {
	t.Helper()
	for _, m := range experiment.Metrics {
		if m.Name == name {
			ns, ok := r.Stamps.Metric(m)
			if !ok {
				t.Fatalf("no %s in %v", name, r.Stamps)
			}
			return time.Duration(ns)
		}
	}
	t.Fatalf("no metric %q", name)
	return 0
}

// Trial serves one request as the runner does.
func Trial(t testing.TB, a backends.Artifact, s experiment.Start, r backends.Request, timeout time.Duration) Result {
	t.Helper()
	if r, ok := a.(backends.Readier); ok {
		if err := r.Ready(context.Background()); err != nil {
			t.Errorf("make ready: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	began := time.Now()
	line := backends.NewTimeline(backends.Now)
	line.Mark(experiment.Requested)
	var res Result
	i, err := a.Start(ctx, s, r, line)
	if err == nil {
		res.Response, err = i.Invoke(ctx, r, line)
	}
	res.Err = err
	if i != nil {
		if err := i.Close(context.Background(), line); err != nil {
			t.Errorf("close the instance: %v", err)
		}
	}
	res.Took = time.Since(began)
	res.Stamps, res.Ready = line.Stamps()
	return res
}

const patience = time.Minute

// Run runs the suite. Each call of options gives the backend's settings anew.
func Run(t *testing.T, options func() backends.Options) {
	o := options()
	f := Probe(t)
	a := Prepare(t, o, f)
	var starts []experiment.Start
	for _, s := range experiment.Starts {
		if o.Lacks(f, s) == "" {
			starts = append(starts, s)
		}
	}
	if len(starts) == 0 {
		t.Fatal("the backend has no start")
	}
	for _, s := range starts {
		t.Run(string(s), func(t *testing.T) {
			if s == experiment.Warm {
				testWarm(t, a)
				return
			}
			testStart(t, a, s)
		})
	}
	t.Run("identity", func(t *testing.T) {
		id := a.Describe()
		if id.Kind == "" || !strings.HasPrefix(id.Digest, "sha256:") || id.Size <= 0 {
			t.Errorf("identity %+v", id)
		}
		if id.Compressed <= 0 || id.Compressed >= id.Size {
			t.Errorf("%d bytes are %d compressed", id.Size, id.Compressed)
		}
		b := Prepare(t, options(), f)
		if other := b.Describe(); other.Digest != id.Digest {
			t.Errorf("prepared twice, the digests differ: %s, %s", id.Digest, other.Digest)
		}
	})
}

func testStart(t *testing.T, a backends.Artifact, s experiment.Start) {
	act := func(args ...string) backends.Request { return backends.Request{Trial: 1, Args: args} }

	t.Run("answers", func(t *testing.T) {
		t.Setenv("NEBULA_TEST_SECRET", "host only")
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		tests := map[string]struct {
			req    backends.Request
			stdout string
			exit   int
		}{
			"echo":                {backends.Request{Stdin: []byte("hello\x00\n"), Args: []string{"echo"}}, "hello\x00\n", 0},
			"echo of nothing":     {act("echo"), "", 0},
			"echo of 1 MiB":       {backends.Request{Stdin: big, Args: []string{"echo"}}, string(big), 0},
			"without markers":     {backends.Request{Stdin: []byte("quiet"), Args: []string{"silent"}}, "quiet", 0},
			"arguments":           {act("args", "a b", `"`, "$HOME", ""), `["a b" "\"" "$HOME" ""]`, 0},
			"exit code":           {act("exit"), "", 7},
			"input is never read": {backends.Request{Stdin: big, Args: []string{"deaf"}}, "deaf", 0},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				r := Trial(t, a, s, tt.req, patience)
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if r.ExitCode != tt.exit || string(r.Stdout) != tt.stdout {
					t.Errorf("exit code %d and %.80q, want %d and %.80q; stderr %q", r.ExitCode, r.Stdout, tt.exit, tt.stdout, r.Stderr)
				}
			})
		}
	})

	t.Run("events", func(t *testing.T) {
		r := Trial(t, a, s, backends.Request{Stdin: []byte("x"), Args: []string{"echo"}}, patience)
		last := int64(0)
		for e := experiment.Requested; e <= experiment.Removed; e++ {
			ns, ok := r.Stamps.Get(e)
			if !ok {
				if e != experiment.Started { // it may come too late to be of use
					t.Errorf("%s was not marked", e)
				}
				continue
			}
			if ns < last {
				t.Errorf("%s was marked before its predecessor", e)
			}
			last = ns
		}
		if r.Ready != backends.ReadyStamp && r.Ready != backends.ReadyMarker {
			t.Errorf("ready comes from %q", r.Ready)
		}
		if len(r.Stderr) != 0 {
			t.Errorf("the markers are in stderr: %q", r.Stderr)
		}
	})

	t.Run("markers", func(t *testing.T) {
		r := Trial(t, a, s, backends.Request{Stdin: []byte("x"), Args: []string{"silent"}}, patience)
		if r.Ready == backends.ReadyStamp || r.Ready == backends.ReadyMarker {
			t.Errorf("without a marker, ready comes from %q", r.Ready)
		}
		if _, ok := r.Stamps.Get(experiment.Done); ok {
			t.Error("done was marked though the function never said so")
		}
		r = Trial(t, a, s, act("lie"), patience)
		requested, _ := r.Stamps.Get(experiment.Requested)
		if ready, ok := r.Stamps.Get(experiment.Ready); !ok || ready < requested || r.Ready != backends.ReadyMarker {
			t.Errorf("a lying stamp gave %v from %q", ready-requested, r.Ready)
		}
		r = Trial(t, a, s, act("again"), patience)
		if d := r.Metric(t, "runtime"); d < 25*time.Millisecond {
			t.Errorf("the second marker counted: runtime %v", d)
		}
		r = Trial(t, a, s, act("exit"), patience)
		if string(r.Stderr) != "leaving with 7\n" {
			t.Errorf("stderr %q", r.Stderr)
		}
	})

	t.Run("truth", func(t *testing.T) {
		n := 7
		if testenv.Race { // a cold start takes nine seconds
			n = 3
		}
		var spin []float64
		late, plain, ran := time.Hour, time.Hour, time.Hour
		for range n {
			// A busy machine takes the function off the processor, which
			// the function's own clock sees too.
			r := Trial(t, a, s, act("spin"), patience)
			took, err := strconv.ParseInt(string(r.Stdout), 10, 64)
			if err != nil || took < 10e6 {
				t.Fatalf("the function says that it took %q ns", r.Stdout)
			}
			spin = append(spin, float64(r.Metric(t, "runtime"))/float64(took))
			r = Trial(t, a, s, act("late"), patience)
			late, ran = min(late, r.Metric(t, "startup")), min(ran, r.Metric(t, "runtime"))
			r = Trial(t, a, s, act("echo"), patience)
			plain = min(plain, r.Metric(t, "startup"))
		}
		slices.Sort(spin)
		if m := spin[n/2]; m < 0.99 || m > 1.05 {
			t.Errorf("10 ms of work measure %.3f times that (%.3f)", m, spin)
		}
		// What comes before the marker belongs to startup. Beside seconds of
		// compiling, 50 ms do not show.
		if late < 50*time.Millisecond || late < plain+20*time.Millisecond && !testenv.Race {
			t.Errorf("startup takes %v with 50 ms before the marker, %v without", late, plain)
		}
		if ran > 25*time.Millisecond {
			t.Errorf("50 ms before the marker show in the runtime: %v", ran)
		}
	})

	t.Run("isolation", func(t *testing.T) {
		t.Setenv("NEBULA_TEST_SECRET", "host only")
		r := Trial(t, a, s, backends.Request{Args: []string{"environ"}, Env: map[string]string{"GRANTED": "a=b\nc"}}, patience)
		if !strings.Contains(string(r.Stdout), "GRANTED=a=b\nc") {
			t.Errorf("the input's environment is not there: %q", r.Stdout)
		}
		if strings.Contains(string(r.Stdout), "SECRET") {
			t.Errorf("the host's environment is there: %q", r.Stdout)
		}
		r = Trial(t, a, s, act("files"), patience)
		if !strings.HasSuffix(string(r.Stdout), "true") {
			t.Errorf("the host's files are there: %q", r.Stdout)
		}
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if r = Trial(t, a, s, act("read", file), patience); string(r.Stdout) != "false" {
			t.Errorf("can it read a host's file? %q, %v", r.Stdout, r.Err)
		}
		listener, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		port := listener.Addr().(*net.TCPAddr).Port
		addrs, err := net.InterfaceAddrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range addrs {
			ip, ok := addr.(*net.IPNet)
			if !ok || ip.IP.To4() == nil {
				continue
			}
			to := fmt.Sprintf("%s:%d", ip.IP, port)
			if r = Trial(t, a, s, act("reach", to), patience); string(r.Stdout) != "false" {
				t.Errorf("can it reach the host at %s? %q, %v", to, r.Stdout, r.Err)
			}
		}
	})

	t.Run("misbehaviour", func(t *testing.T) {
		r := Trial(t, a, s, act("panic"), patience)
		if r.Err == nil && r.ExitCode == 0 || r.Err != nil && !errors.Is(r.Err, backends.ErrCrashed) {
			t.Errorf("a panic gave exit code %d, error %v", r.ExitCode, r.Err)
		}
		const short = 3 * time.Second
		acts := []string{"loop", "sleep"}
		if s == experiment.Prepared { // what they try does not hang on the start
			acts = append(acts, "fork", "stubborn")
		}
		for _, act := range acts {
			r := Trial(t, a, s, backends.Request{Args: []string{act}}, short)
			if !errors.Is(r.Err, context.DeadlineExceeded) {
				t.Errorf("%s ended with %v", act, r.Err)
			}
			if r.Took > short+2*time.Second {
				t.Errorf("%s took %v to be stopped after %v", act, r.Took, short)
			}
		}
		if s == experiment.Prepared {
			if r := Trial(t, a, s, act("shout"), patience); r.Err != nil || string(r.Stdout) != "hoarse" || len(r.Stderr) > backends.MaxStderr {
				t.Errorf("after 1 GB of standard error: %.20q and %d bytes of it, %v", r.Stdout, len(r.Stderr), r.Err)
			}
		}
		r = Trial(t, a, s, act("flood"), patience)
		if !errors.Is(r.Err, backends.ErrAnswerTooLong) {
			t.Errorf("an answer without end gave %v", r.Err)
		}
		// None of it may harm the next trial.
		r = Trial(t, a, s, backends.Request{Stdin: []byte("still here"), Args: []string{"echo"}}, patience)
		if r.Err != nil || string(r.Stdout) != "still here" {
			t.Errorf("afterwards: %q, %v", r.Stdout, r.Err)
		}
	})
}

// testWarm tests the start in which one instance answers many requests.
func testWarm(t *testing.T, a backends.Artifact) {
	const s = experiment.Warm
	ask := func(request, act string) backends.Request {
		return backends.Request{Trial: 1, Stdin: []byte(request), Args: []string{act}}
	}

	t.Run("frames", func(t *testing.T) {
		f, ok := a.(backends.Framer)
		if !ok {
			t.Fatal("a backend with a warm start must be able to tell whether a function has one")
		}
		for act, want := range map[string]error{"echo": nil, "args": backends.ErrNoFrames, "deaf": backends.ErrNoFrames, "exit": backends.ErrUntried} {
			if err := f.Frames(t.Context(), ask("35", act)); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", act, err, want)
			}
		}
	})

	t.Run("answers", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for _, request := range []string{"hello\x00\n", "", "another", string(big), "", "the last"} {
			r := Trial(t, a, s, ask(request, "echo"), patience)
			if r.Err != nil || r.ExitCode != 0 || string(r.Stdout) != request {
				t.Errorf("to %.20q it answered %.20q, exit code %d, %v; stderr %q", request, r.Stdout, r.ExitCode, r.Err, r.Stderr)
			}
		}
	})

	t.Run("one instance", func(t *testing.T) {
		for want := 1; want < 4; want++ { // 0 was before the first trial began
			r := Trial(t, a, s, ask("", "count"), patience)
			if r.Err != nil || string(r.Stdout) != strconv.Itoa(want) {
				t.Errorf("it had answered %s requests before, want %d; %v", r.Stdout, want, r.Err)
			}
		}
		r := Trial(t, a, experiment.Prepared, ask("", "count"), patience)
		if string(r.Stdout) != "0" {
			t.Errorf("a prepared start reached an instance that had answered %s requests", r.Stdout)
		}
	})

	t.Run("events", func(t *testing.T) {
		r := Trial(t, a, s, ask("x", "echo"), patience)
		last := int64(0)
		for e := experiment.Requested; e <= experiment.Removed; e++ {
			ns, ok := r.Stamps.Get(e)
			if gone := e > experiment.Responded; ok == gone {
				t.Errorf("%s was marked: %v", e, ok)
			}
			if ok && ns < last {
				t.Errorf("%s was marked before its predecessor", e)
			}
			if ok {
				last = ns
			}
		}
		if r.Ready != backends.ReadyStamp && r.Ready != backends.ReadyMarker {
			t.Errorf("ready comes from %q", r.Ready)
		}
	})

	t.Run("truth", func(t *testing.T) {
		const n = 7
		var spin []float64
		for range n {
			r := Trial(t, a, s, ask("spin", "work"), patience)
			took, err := strconv.ParseInt(string(r.Stdout), 10, 64)
			if err != nil || took < 10e6 {
				t.Fatalf("the function says that it took %q ns; %v", r.Stdout, r.Err)
			}
			spin = append(spin, float64(r.Metric(t, "runtime"))/float64(took))
		}
		slices.Sort(spin)
		most := 1.05
		if testenv.Race { // a request is read and answered by an interpreter ten times slower
			most = 1.2
		}
		if m := spin[n/2]; m < 0.99 || m > most {
			t.Errorf("10 ms of work measure %.3f times that (%.3f)", m, spin)
		}
		// A live instance is reached sooner than a prepared one is started.
		warm, prepared := time.Hour, time.Hour
		for range n {
			warm = min(warm, Trial(t, a, s, ask("x", "echo"), patience).Metric(t, "startup"))
			prepared = min(prepared, Trial(t, a, experiment.Prepared, ask("x", "echo"), patience).Metric(t, "startup"))
		}
		if 2*warm > prepared {
			t.Errorf("startup takes %v warm and %v prepared", warm, prepared)
		}
	})

	t.Run("misbehaviour", func(t *testing.T) {
		const short = 3 * time.Second
		r := Trial(t, a, s, ask("loop", "work"), short)
		if !errors.Is(r.Err, context.DeadlineExceeded) || r.Took > short+2*time.Second {
			t.Errorf("a loop ended after %v with %v", r.Took, r.Err)
		}
		r = Trial(t, a, s, ask("refuse", "work"), patience)
		if r.Err == nil && r.ExitCode != 1 || r.Err != nil && !errors.Is(r.Err, backends.ErrCrashed) {
			t.Errorf("a refusal gave exit code %d, error %v", r.ExitCode, r.Err)
		}
		r = Trial(t, a, s, ask("flood", "work"), patience)
		if !errors.Is(r.Err, backends.ErrAnswerTooLong) {
			t.Errorf("an answer that is too long gave %v", r.Err)
		}
		// None of it may harm the next trial.
		r = Trial(t, a, s, ask("still here", "work"), patience)
		if r.Err != nil || string(r.Stdout) != "still here" {
			t.Errorf("afterwards: %q, %v", r.Stdout, r.Err)
		}
	})
}
