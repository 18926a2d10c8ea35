package wazero

import (
	"context"
	"runtime"
	"sync"

	engine "github.com/tetratelabs/wazero"
)

// canCompile reports whether wazero has a compiler for this machine. Only a panic
// tells that it has none.
var canCompile = sync.OnceValue(func() (ok bool) {
	defer func() { ok = recover() == nil }()
	ctx := context.Background()
	engine.NewRuntimeWithConfig(ctx, engine.NewRuntimeConfigCompiler()).Close(ctx)
	return
})

// lacksCompiler says why a mode can't be had here; empty where it can. There
// is no falling back: interpreted code would pass for compiled code.
func lacksCompiler(mode string, can bool) string {
	if mode == Interpreter || can {
		return ""
	}
	return "wazero has no compiler for " + runtime.GOOS + "/" + runtime.GOARCH + `: mode = "interpreter" runs here`
}
