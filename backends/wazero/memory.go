package wazero

import (
	"context"
	"fmt"

	engine "github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// mostPages is what a module of 32 bits can address.
const mostPages = 4 << 30 / pageSize

// defaultPages is the limit of a guest where the experiment sets none: a
// quarter of the machine's memory. A guest that takes memory without end must
// not take it from the harness.
func defaultPages() uint32 {
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) != nil {
		return mostPages
	}
	return uint32(min(mostPages, max(1, uint64(i.Totalram)*uint64(i.Unit)/4/pageSize)))
}

// memory is a guest's linear memory. It grows as wazero's own does; what it
// adds is to know when a guest wanted more than its limit, for a guest that is
// refused memory ends in its own way.
type memory struct {
	bytes   []byte
	limit   uint64
	refused *bool
}

var _ experimental.LinearMemory = (*memory)(nil)

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		*m.refused = true
		return nil
	}
	if n := uint64(len(m.bytes)); size > uint64(cap(m.bytes)) {
		m.bytes = append(m.bytes, make([]byte, size-n)...)
	}
	m.bytes = m.bytes[:size] // what is there already is zero: clearing it again would cost 10 µs a start
	return m.bytes
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() { m.bytes = nil }

// limited gives a context in which instances have at most so many pages.
// refused is set when one wants more.
func limited(ctx context.Context, pages uint32, refused *bool) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(size, _ uint64) experimental.LinearMemory {
		return &memory{bytes: make([]byte, 0, size), limit: uint64(pages) * pageSize, refused: refused}
	}))
}

// checkMemory refuses a module that needs more than its limit to begin with.
func checkMemory(m engine.CompiledModule, pages uint32) error {
	for _, d := range m.ExportedMemories() {
		if d.Min() > pages {
			return fmt.Errorf("the module begins with %d KiB of memory, and its limit is %d KiB: raise memory", d.Min()*(pageSize>>10), pages*(pageSize>>10))
		}
	}
	return nil
}
