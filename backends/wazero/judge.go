package wazero

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/nebula-bench/nebula/backends"
	"github.com/nebula-bench/nebula/backends/build"
	"github.com/nebula-bench/nebula/backends/module"
	"github.com/nebula-bench/nebula/experiment"
)

// feature is a proposal that wazero has behind a switch.
type feature struct {
	name     string // as the experiment calls it
	proposal module.Proposal
	flag     api.CoreFeatures
}

var switches = []feature{
	{"exceptions", module.Exceptions, experimental.CoreFeaturesExceptionHandling},
	{"tail-call", module.TailCall, experimental.CoreFeaturesTailCall},
	{"extended-const", module.ExtendedConst, experimental.CoreFeaturesExtendedConst},
	{"threads", module.Threads, experimental.CoreFeaturesThreads},
	{"function-references", module.FunctionReferences, experimental.CoreFeaturesTypedFunctionReferences},
}

func featureNames() (names []string) {
	for _, f := range switches {
		names = append(names, f.name)
	}
	return names
}

// coreFeatures are WebAssembly 2.0 and what an experiment adds to it.
func coreFeatures(names []string) api.CoreFeatures {
	all := api.CoreFeaturesV2
	for _, f := range switches {
		if slices.Contains(names, f.name) {
			all |= f.flag
		}
	}
	return all
}

// without is how to build a module that does not need a proposal.
var without = map[module.Proposal]string{
	module.Exceptions:       "-fno-exceptions in clang, panic=abort in Rust",
	module.LegacyExceptions: "-fno-exceptions in clang; -mllvm -wasm-use-legacy-eh=false gives the newer kind, which wazero has",
	module.TailCall:         "-mno-tail-call in clang, -C target-feature=-tail-call in Rust",
	module.ExtendedConst:    "-mno-extended-const in clang, -C target-feature=-extended-const in Rust",
	module.Threads:          "without -pthread and -matomics in clang, for wasm32-wasip1 in Rust",
	module.RelaxedSIMD:      "-mno-relaxed-simd in clang, -C target-feature=-relaxed-simd in Rust",
	module.MultiMemory:      "-mno-multimemory in clang",
	module.Memory64:         "for wasm32",
	module.GC:               "from a language that brings its own collector, such as Go",
	module.WideArithmetic:   "-mno-wide-arithmetic in clang, -C target-feature=-wide-arithmetic in Rust",
}

var _ backends.Judge = (*Options)(nil)

// Judge implements backends.Judge.
func (o *Options) Judge(f experiment.Function) error {
	file, ok := build.ReadyModule(f)
	if !ok {
		return nil // what comes of a source is known when it is built
	}
	pages, err := o.memoryPages()
	if err != nil {
		return nil // a mistake of its own
	}
	return judge(file, pages, o.Features)
}

// judge says why a module can't run as a function, going by its file.
func judge(file string, pages uint32, features []string) error {
	m, err := module.ReadFile(file)
	if err != nil {
		return fmt.Errorf("the module can't be read: %w", err)
	}
	var needs error
	for _, need := range m.Needs {
		switched, err := judgeNeed(need, features)
		if err != nil && (needs == nil || !switched) {
			needs = err
		}
		if err != nil && !switched {
			break // no switch helps
		}
	}
	if needs != nil {
		return needs
	}
	for _, i := range m.Imports {
		if why := judgeImport(i); why != "" {
			return fmt.Errorf("the module imports the %s %q of %q, %s", i.Kind, i.Name, i.Module, why)
		}
	}
	start, ok := m.Export("_start")
	_, reactor := m.Export("_initialize")
	switch {
	case !ok && reactor:
		return fmt.Errorf("the module is a reactor: it exports _initialize and no _start; build it as a WASI command (in clang without -mexec-model=reactor, in Go without -buildmode=c-shared, in Rust as a program)")
	case !ok:
		return fmt.Errorf("the module exports no _start function: it is not a WASI command (wasip1); build it as a program, not as a library")
	case start.Kind != module.Func, start.Type != nil && !start.Type.Equal(module.FuncType{}):
		return fmt.Errorf("the module's _start is not a function without parameters and results, as that of a WASI command is")
	}
	for _, mem := range m.Memories {
		if mem.Min > uint64(pages) {
			return fmt.Errorf("the module begins with %d KiB of memory, and its limit is %d KiB: raise memory", mem.Min*(pageSize>>10), pages*(pageSize>>10))
		}
	}
	return nil
}

// judgeNeed also says whether there is a switch.
func judgeNeed(need module.Need, features []string) (switched bool, err error) {
	build := "rebuild it without"
	if how := without[need.Proposal]; how != "" {
		build += " (" + how + ")"
	}
	for _, f := range switches {
		switch {
		case f.proposal != need.Proposal:
		case slices.Contains(features, f.name):
			return true, nil
		default:
			return true, fmt.Errorf("the module needs the proposal %q (%s), which wazero has only behind a switch: write features = [%q] in the backend, or %s", need.Proposal, need.Where, f.name, build)
		}
	}
	return false, fmt.Errorf("the module needs the proposal %q (%s), which wazero %s does not have: %s", need.Proposal, need.Where, engineVersion(), build)
}

// wasi gives the functions that wazero has for wasip1.
var wasi = sync.OnceValue(func() map[string]api.FunctionDefinition {
	ctx := context.Background()
	r := engine.NewRuntimeWithConfig(ctx, engine.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	compiled, err := wasi_snapshot_preview1.NewBuilder(r).Compile(ctx)
	if err != nil {
		panic(fmt.Sprintf("wazero can't make its own host functions: %v", err))
	}
	return compiled.ExportedFunctions()
})

// strangers are other hosts whose imports are met in practice, and what to do.
var strangers = map[string]string{
	"env":                      "which only a host made for it can provide: link it without --allow-undefined, which hides what is missing",
	"gojs":                     "which a browser provides: build it with GOOS=wasip1",
	"go":                       "which a browser provides: build it with GOOS=wasip1",
	"wbg":                      "which wasm-bindgen provides: build it for wasm32-wasip1",
	"__wbindgen_placeholder__": "which wasm-bindgen provides: build it for wasm32-wasip1",
	"wasi":                     "which starts threads: wazero starts none; build it without them",
	"wasmer_wasix_unstable":    "which Wasmer alone provides: build it for wasip1",
	"wasi_unstable":            "which is the first snapshot of WASI, with other numbers and layouts than wasip1: rebuild it for wasip1, with a toolchain of 2021 or later",
	"wasix_32v1":               "which Wasmer alone provides: build it for wasip1",
}

// judgeImport says why nothing gives a module what it imports.
func judgeImport(i module.Import) string {
	if i.Module != wasi_snapshot_preview1.ModuleName {
		if why, ok := strangers[i.Module]; ok {
			return why
		}
		if strings.HasPrefix(i.Module, "wasi:") {
			return "which is of a later WASI: build it for wasip1"
		}
		return "which is not WASI: a function gets what " + wasi_snapshot_preview1.ModuleName + " has, and no other host's functions"
	}
	d, ok := wasi()[i.Name]
	switch {
	case i.Kind != module.Func || !ok:
		return "which WASI (wasip1) does not have"
	case i.Type != nil && !i.Type.Equal(module.FuncType{Params: d.ParamTypes(), Results: d.ResultTypes()}):
		return "but its parameters or results are not those of WASI (wasip1)"
	}
	return ""
}
