package wazero

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sort"
	"strings"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/module"
	"github.com/nebula-bench/nebula/experiment"
	"github.com/nebula-bench/nebula/internal/system"
)

// ChildCommand is the hidden command under which Nebula is its own child.
const ChildCommand = "wazero-child"

// wordsFile is the file that the child's words lie in.
const wordsFile = 4

// config is the first message to a child: what it serves until it ends.
type config struct {
	Name          string
	Module        string // path
	Cache         string // folder of the compiled code
	Interpreter   bool
	Interruptible bool
	Features      []string
	Mounts        map[string]string // folders, by where a guest finds them
	Words         bool              // they are shared with the parent
	MemoryPages   uint32            // the most that a guest may have
	CPUs          []int             // that it may run on; none: all
	Nice          int
}

// loaded answers a config.
type loaded struct {
	Err        string
	Unsuitable bool // the module is at fault
}

// errUnsuitable marks errors of load that the module is to blame for.
var errUnsuitable = errors.New("unsuitable")

// order asks for one trial, or, with Times, for so many and a tally; with
// Probe, for a live instance that answers one request and goes.
type order struct {
	Start experiment.Start
	Probe bool
	Times int
	Stdin []byte
	Args  []string
	Env   map[string]string
}

// reply is what became of it.
type reply struct {
	Stamps   experiment.Stamps
	Ready    backends.ReadySource
	Response backends.Response
	Err      string
	Kind     errorKind
	Last     bool // the child ends with it
}

type errorKind uint8

const (
	engineFailed errorKind = iota
	crashed
	cantStart
	tooLong
	contaminated
	noFrames
	outOfMemory
)

// Child serves trials until its input ends. It is the whole of Nebula's
// hidden command.
func Child(stdin io.Reader, stdout io.Writer) error {
	endWithParent()
	// The collector runs between trials, never inside one, unless a guest
	// takes so much that the machine is at risk.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(2 << 30)
	runtime.LockOSThread()

	in, out := gob.NewDecoder(bufio.NewReader(stdin)), bufio.NewWriter(stdout)
	enc := gob.NewEncoder(out)
	send := func(v any) error {
		if err := enc.Encode(v); err != nil {
			return err
		}
		return out.Flush()
	}
	var c config
	if err := in.Decode(&c); err != nil {
		return err
	}
	ctx := context.Background()
	var h *host
	err := isolate(c)
	if err == nil {
		h, err = load(ctx, c)
	}
	var l loaded
	if err != nil {
		l.Err, l.Unsuitable = err.Error(), errors.Is(err, errUnsuitable)
	}
	if err := send(l); err != nil || l.Err != "" {
		return err
	}
	collect := newCollector()
	for {
		var o order
		if err := in.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if o.Times > 0 {
			err = send(h.repeat(ctx, o, collect))
		} else {
			err = send(h.trial(ctx, o))
		}
		if err != nil || h.broken {
			return err
		}
		collect()
	}
}

// newCollector gives a function that collects garbage when enough has come
// together. Collecting after each trial would cost more than a small trial.
func newCollector() func() {
	const enough = 64 << 20
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var last uint64
	return func() {
		metrics.Read(sample)
		if n := sample[0].Value.Uint64(); n-last > enough {
			runtime.GC()
			last = n
		}
	}
}

// host holds what the starts begin from.
type host struct {
	config   config
	wasm     []byte
	runtime  engine.Runtime // of the prepared start
	compiled engine.CompiledModule
	live     map[string]*live // by what an instance was given when it began
	recent   backends.Recent  // of them
	// compile makes the runtime of a cold or cached trial, and last is the one
	// that it made for the trial before.
	compile func(context.Context, engine.RuntimeConfig, []byte) (engine.Runtime, engine.CompiledModule, error)
	last    engine.Runtime

	files  engine.FSConfig // nil: there are none
	words  *words
	shared bool // the module's memory is one that may not move
	broken bool // wazero panicked: nobody knows what it left
}

// load compiles the module once: into the cache folder for the cached start,
// and in memory for the prepared one.
func load(ctx context.Context, c config) (*host, error) {
	h := &host{config: c, live: map[string]*live{}, compile: compile, words: openWords(c.Words)}
	var err error
	if h.wasm, err = os.ReadFile(c.Module); err != nil {
		return nil, err
	}
	if h.files, err = mount(c.Mounts); err != nil {
		return nil, err
	}
	if len(c.Features) > 0 {
		m, err := module.Read(h.wasm)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsuitable, err)
		}
		h.shared = slices.ContainsFunc(m.Memories, func(m module.Memory) bool { return m.Shared })
	}
	cfg := h.runtimeConfig()
	if !c.Interpreter {
		cache, err := engine.NewCompilationCacheWithDir(c.Cache)
		if err != nil {
			return nil, fmt.Errorf("compilation cache: %w", err)
		}
		cfg = cfg.WithCompilationCache(cache)
	}
	h.runtime, h.compiled, err = compile(ctx, cfg, h.wasm)
	return h, err
}

func (h *host) runtimeConfig() engine.RuntimeConfig {
	cfg := engine.NewRuntimeConfigCompiler()
	if h.config.Interpreter {
		cfg = engine.NewRuntimeConfigInterpreter()
	}
	return cfg.WithCloseOnContextDone(h.config.Interruptible).WithCoreFeatures(coreFeatures(h.config.Features))
}

func compile(ctx context.Context, cfg engine.RuntimeConfig, wasm []byte) (engine.Runtime, engine.CompiledModule, error) {
	r := engine.NewRuntimeWithConfig(ctx, cfg)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		r.Close(ctx)
		return nil, nil, fmt.Errorf("WASI: %w", err)
	}
	m, err := r.CompileModule(ctx, wasm)
	if err != nil {
		r.Close(ctx)
		return nil, nil, fmt.Errorf("%w: wazero can't compile the module: %w", errUnsuitable, err)
	}
	return r, m, nil
}

// trial runs one request from the given start.
func (h *host) trial(ctx context.Context, o order) (rep reply) {
	t := backends.NewTimeline(backends.Now)
	var resp backends.Response
	run := h.run
	if o.Start == experiment.Warm {
		run = h.warm
	}
	defer func() {
		if p := recover(); p != nil {
			rep = reply{Err: fmt.Sprintf("wazero panicked: %v", p), Kind: crashed, Last: true}
			rep.Response.Stderr = h.words.last()
			h.broken = true
		}
	}()
	h.words.forget()
	kind, err := run(ctx, o, t, &resp)
	if err != nil {
		rep.Err, rep.Kind = err.Error(), kind
	}
	rep.Stamps, rep.Ready = t.Stamps()
	rep.Response = resp
	return rep
}

func (h *host) run(ctx context.Context, o order, t *backends.Timeline, resp *backends.Response) (errorKind, error) {
	stdin, stdout, stderr := bytes.NewReader(o.Stdin), backends.NewStdout(t), backends.NewStderr(t)
	cfg := h.moduleConfig(o).WithStdin(stdin).WithStdout(endless{stdout}).WithStderr(heard{stderr, h.words})
	var cacheBefore string
	if o.Start == experiment.Cached {
		if cacheBefore = entries(h.config.Cache); cacheBefore == "" {
			return contaminated, errors.New("the compilation cache is empty")
		}
	}

	cpu := system.ThreadCPU()
	t.Mark(experiment.Requested)
	r, m := h.runtime, h.compiled
	var cache engine.CompilationCache
	if o.Start != experiment.Prepared {
		rc := h.runtimeConfig()
		if o.Start == experiment.Cached {
			var err error
			if cache, err = engine.NewCompilationCacheWithDir(h.config.Cache); err != nil {
				return engineFailed, err
			}
			rc = rc.WithCompilationCache(cache)
		}
		var err error
		if r, m, err = h.compile(ctx, rc, h.wasm); err != nil {
			return engineFailed, err
		}
	}
	t.Mark(experiment.Created)
	if o.Start != experiment.Prepared {
		if r == h.runtime || r == h.last || m == h.compiled {
			return contaminated, errors.New("the module was in memory already")
		}
		h.last = r
	}

	refused := false
	mod, err := r.InstantiateModule(h.limited(ctx, &refused), m, cfg)
	instantiated := err == nil
	if instantiated {
		start := mod.ExportedFunction("_start")
		t.Mark(experiment.Started)
		_, err = start.Call(ctx)
	}
	t.Mark(experiment.Exited)

	resp.Usage.CPU = system.ThreadCPU() - cpu
	var closing error
	if instantiated {
		resp.Usage.PeakMemory = memorySize(mod)
		closing = mod.Close(ctx)
	}
	if o.Start != experiment.Prepared {
		closing = errors.Join(closing, r.Close(ctx))
		if cache != nil {
			closing = errors.Join(closing, cache.Close(ctx))
		}
	}
	t.Mark(experiment.Removed)
	if o.Start == experiment.Cached && entries(h.config.Cache) != cacheBefore {
		// wazero writes what it did not find.
		return contaminated, errors.New("the compilation cache held no code of this module: it was compiled")
	}
	resp.Stdout, resp.Stderr = stdout.Answer(), stderr.Rest()
	var kind errorKind
	kind, resp.ExitCode, err = h.ended(err, instantiated, refused)
	if err == nil {
		err = closing
	}
	return kind, err
}

// ended judges the end of a guest by the error of its instantiation or of its
// _start. A function that exits has no error.
func (h *host) ended(err error, instantiated, refused bool) (kind errorKind, exitCode int, _ error) {
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		// A host's shell sees as much of it.
		exitCode, err = int(exit.ExitCode()&0xff), nil
	}
	switch {
	case errors.Is(err, backends.ErrAnswerTooLong):
		return tooLong, 0, err
	case refused && (exitCode != 0 || err != nil):
		return outOfMemory, exitCode, h.refusal()
	case err != nil && !instantiated:
		return cantStart, 0, fmt.Errorf("instantiate: %w", err)
	case err != nil:
		return crashed, 0, err
	}
	return engineFailed, exitCode, nil
}

// refusal says what a guest wanted that could not go on without it.
func (h *host) refusal() error {
	return fmt.Errorf("it wanted more than its %d MiB", h.config.MemoryPages/(1<<20/pageSize))
}

// moduleConfig grants a guest its input, real clocks and its mounts, and nothing
// else. wazero's own clocks and random source are fakes unless told otherwise.
func (h *host) moduleConfig(o order) engine.ModuleConfig {
	cfg := engine.NewModuleConfig().
		WithName("").
		WithStartFunctions(). // _start is called apart from instantiation
		WithArgs(append([]string{h.config.Name}, o.Args...)...).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().
		WithRandSource(rand.Reader)
	keys := make([]string, 0, len(o.Env))
	for k := range o.Env {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		cfg = cfg.WithEnv(k, o.Env[k])
	}
	if h.files != nil {
		cfg = cfg.WithFSConfig(h.files)
	}
	return cfg
}

// entries describes the files below a folder; empty where there are none.
func entries(dir string) string {
	var b strings.Builder
	filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// endless ends a guest that writes without end. Stdout's error would be the
// guest's to ignore; a panic of the host is not.
type endless struct{ *backends.Stdout }

func (e endless) Write(p []byte) (int, error) {
	n, err := e.Stdout.Write(p)
	if err != nil {
		panic(err)
	}
	return n, nil
}
