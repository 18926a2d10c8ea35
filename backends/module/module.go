// Package module reads of a WebAssembly module what decides whether an engine
// can run it: imports, exports, memories, and what it needs beyond WebAssembly
// 2.0. It compiles nothing and runs nothing.
//
// It is no validator. What it refuses is malformed, and every engine refuses it;
// what it accepts may still be invalid. Its work is bounded by the size of the
// file.
package module

import (
	"fmt"
	"slices"

	"github.com/nebula-bench/nebula/internal/regular"
)

// maxFile is the largest module that is read.
const maxFile = 1 << 30

// PageSize is the unit of a memory's limits in bytes.
const PageSize = 64 << 10

// Kind is what an import or an export is.
type Kind byte

// The kinds.
const (
	Func Kind = iota
	Table
	Mem
	Global
	Tag
)

func (k Kind) String() string {
	if names := []string{"function", "table", "memory", "global", "tag"}; int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("thing of kind %d", byte(k))
}

// Module is what a file says about itself.
type Module struct {
	Imports  []Import
	Exports  []Export
	Memories []Memory // the imported ones first
	Start    bool     // it has a start function, which runs when it is instantiated
	Needs    []Need   // each proposal once, in the order in which they were met
}

// Import is something that the module expects from its host.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         *FuncType // of a function; nil where it can't be known
}

// Export is something that the module offers.
type Export struct {
	Name string
	Kind Kind
	Type *FuncType // of a function; nil where it can't be known
}

// FuncType is the type of a function, in the bytes of the binary format.
type FuncType struct{ Params, Results []byte }

// Equal compares two types.
func (t FuncType) Equal(o FuncType) bool {
	return slices.Equal(t.Params, o.Params) && slices.Equal(t.Results, o.Results)
}

// Memory is a linear memory: its size at the beginning, in pages.
type Memory struct {
	Min      uint64
	Shared   bool
	Imported bool
}

// Need is a proposal that the module makes use of, and where it first does.
type Need struct {
	Proposal Proposal
	Where    string // "an instruction at byte 0x2a"
}

// Proposal is an extension of WebAssembly 2.0.
type Proposal string

// The proposals that are told apart.
const (
	Threads            Proposal = "threads"
	TailCall           Proposal = "tail calls"
	ExtendedConst      Proposal = "extended constant expressions"
	Exceptions         Proposal = "exception handling"
	LegacyExceptions   Proposal = "legacy exception handling"
	FunctionReferences Proposal = "typed function references"
	GC                 Proposal = "garbage collection"
	Memory64           Proposal = "64-bit memory"
	MultiMemory        Proposal = "several memories"
	RelaxedSIMD        Proposal = "relaxed SIMD"
	CustomPageSizes    Proposal = "custom page sizes"
	WideArithmetic     Proposal = "wide arithmetic"
	StackSwitching     Proposal = "stack switching"
	Unknown            Proposal = "an unknown extension"
)

// Export finds an export by name.
func (m *Module) Export(name string) (Export, bool) {
	i := slices.IndexFunc(m.Exports, func(e Export) bool { return e.Name == name })
	if i < 0 {
		return Export{}, false
	}
	return m.Exports[i], true
}

// Needing finds the first use of a proposal.
func (m *Module) Needing(p Proposal) (Need, bool) {
	i := slices.IndexFunc(m.Needs, func(n Need) bool { return n.Proposal == p })
	if i < 0 {
		return Need{}, false
	}
	return m.Needs[i], true
}

// ReadFile reads a module from a file.
func ReadFile(path string) (*Module, error) {
	b, err := regular.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Read(b)
}
