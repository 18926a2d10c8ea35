// Package wazero runs functions as WebAssembly modules on wazero, each in a
// child process of Nebula.
//
// The child exists because a guest that never returns can only be stopped
// from outside without slowing it down: wazero's own way to interrupt a guest
// instruments the code that is being measured. The child also keeps the
// harness's garbage collector out of the numbers. It stamps its own events,
// so the pipe between the two processes is in no metric.
//
// A guest may read the files in its mounts. It gets no other files, no network,
// and no environment but its input's.
package wazero

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"

	"github.com/docker/go-units"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/experiment"
)

// The modes.
const (
	Compiler    = "compiler"
	Interpreter = "interpreter"
)

const pageSize = 64 << 10

// Options are the settings of a wazero backend.
type Options struct {
	// Mode is compiler, the default, or interpreter.
	Mode string `hcl:"mode,optional" json:"mode,omitempty"`
	// Interruptible makes wazero check for cancellation inside the guest's
	// code, as a production host would. It slows the guest.
	Interruptible bool `hcl:"interruptible,optional" json:"interruptible,omitempty"`
	// Memory is the most that a guest may have, such as "64MiB"; a quarter of
	// the machine's where it is not set, and at most 4 GiB.
	Memory string `hcl:"memory,optional" json:"memory,omitempty"`
	// Features are proposals that wazero has behind switches, such as
	// "exceptions".
	Features []string `hcl:"features,optional" json:"features,omitempty"`
	// CPUSet pins the child process to processors, such as "1" or "0-2,5".
	CPUSet string `hcl:"cpuset,optional" json:"cpuset,omitempty"`
	// Nice is the niceness of the child process: -20 goes before everybody
	// else and needs root, 19 lets everybody go first.
	Nice int `hcl:"nice,optional" json:"nice,omitempty"`
}

var _ backends.Options = (*Options)(nil)

// Check implements backends.Options.
func (o *Options) Check(string) []backends.Problem {
	var ps []backends.Problem
	if o.Mode != "" && o.Mode != Compiler && o.Mode != Interpreter {
		ps = append(ps, backends.Problem{Attribute: "mode", Summary: "Unknown mode",
			Detail: fmt.Sprintf("%q is no mode of wazero. Write %q or %q.", o.Mode, Compiler, Interpreter)})
	}
	for _, f := range o.Features {
		if !slices.Contains(featureNames(), f) {
			ps = append(ps, backends.Problem{Attribute: "features", Summary: "Unknown feature",
				Detail: fmt.Sprintf("wazero has no switch %q. It has %q.", f, featureNames())})
		}
	}
	if _, err := o.memoryPages(); err != nil {
		ps = append(ps, backends.Problem{Attribute: "memory", Summary: "Invalid memory size", Detail: err.Error() + "."})
	}
	if o.Nice < -20 || o.Nice > 19 {
		ps = append(ps, backends.Problem{Attribute: "nice", Summary: "Invalid niceness", Detail: fmt.Sprintf("%d is not between -20 and 19.", o.Nice)})
	}
	if o.Nice != 0 && cantIsolate != nil {
		ps = append(ps, backends.Problem{Attribute: "nice", Summary: "Not on this system", Detail: "The attribute can't be used here: " + cantIsolate.Error() + "."})
	}
	if o.CPUSet != "" && cantIsolate != nil {
		return append(ps, backends.Problem{Attribute: "cpuset", Summary: "Not on this system", Detail: "The attribute can't be used here: " + cantIsolate.Error() + "."})
	}
	return append(ps, backends.CheckCPUs("cpuset", o.CPUSet, backends.Processors())...)
}

// memoryPages is the limit in pages of 64 KiB.
func (o *Options) memoryPages() (uint32, error) {
	if o.Memory == "" {
		return defaultPages(), nil
	}
	n, err := units.RAMInBytes(o.Memory)
	if err != nil || n < pageSize || n > 4<<30 || n%pageSize != 0 {
		return 0, fmt.Errorf("%q is not a number of 64 KiB pages up to 4 GiB: write a size such as \"64MiB\"", o.Memory)
	}
	return uint32(n / pageSize), nil
}

// Lacks implements backends.Options.
func (o *Options) Lacks(f experiment.Function, s experiment.Start) string {
	if why := build.Lacks(f, build.Wasm); why != "" {
		return why
	}
	if why := lacksCompiler(o.Mode, canCompile()); why != "" {
		return why
	}
	switch {
	case s == experiment.Cached && o.Mode == Interpreter:
		return "the interpreter has no compiled code to keep on disk"
	}
	return ""
}

// Open implements backends.Options.
func (o *Options) Open(_ context.Context, s backends.Session) (backends.Backend, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start a child of it: %w", err)
	}
	pages, err := o.memoryPages()
	if err != nil {
		return nil, err
	}
	var cpus []int
	if o.CPUSet != "" {
		if cpus, err = backends.ParseCPUs(o.CPUSet); err != nil {
			return nil, err
		}
	}
	return &backend{session: s, exe: exe, config: config{
		Interpreter: o.Mode == Interpreter, Interruptible: o.Interruptible, MemoryPages: pages,
		CPUs: cpus, Nice: o.Nice, Features: o.Features,
	}}, nil
}

type backend struct {
	session  backends.Session
	exe      string
	config   config
	prepared int
}

func (b *backend) Prepare(ctx context.Context, f experiment.Function) (backends.Artifact, error) {
	bin, err := build.Build(ctx, f, build.Wasm)
	if err != nil {
		return nil, err
	}
	if err := judge(bin.Path, b.config.MemoryPages, b.config.Features); err != nil {
		return nil, &backends.Unsuitable{Err: fmt.Errorf("function %q: %w", f.Name, err)}
	}
	b.prepared++
	c := b.config
	c.Module = bin.Path
	c.Name = f.Name
	c.Mounts = f.Mounts
	c.Cache = filepath.Join(b.session.Scratch, "compiled-"+strconv.Itoa(b.prepared))
	a := &artifact{exe: b.exe, config: c, binary: bin, log: b.session.Log}
	if a.compressed, err = build.Compressed(bin.Path); err != nil {
		return nil, err
	}
	if err := a.spawn(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

func (b *backend) Describe() map[string]string {
	facts := map[string]string{"engine": "wazero " + engineVersion(), "mode": Compiler}
	if b.config.Interpreter {
		facts["mode"] = Interpreter
	}
	return facts
}

func (b *backend) Close(context.Context) error { return nil }

func engineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/tetratelabs/wazero" {
			return m.Version
		}
	}
	return "(unknown version)"
}
