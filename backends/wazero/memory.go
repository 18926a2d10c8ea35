package wazero

import (
	"context"
	"reflect"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// mostPages is what a module of 32 bits can address.
const mostPages = 4 << 30 / pageSize

// defaultPages is the limit of a guest where the experiment sets none: a
// quarter of the machine's memory. A guest that takes memory without end must
// not take it from the harness.
func defaultPages() uint32 {
	m, err := mem.VirtualMemory()
	if err != nil {
		return mostPages
	}
	return uint32(min(mostPages, max(1, m.Total/4/pageSize)))
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

// limited gives a context in which instances have at most the memory of the
// config. refused is set when one wants more.
func (h *host) limited(ctx context.Context, refused *bool) context.Context {
	limit := uint64(h.config.MemoryPages) * pageSize
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(size, most uint64) experimental.LinearMemory {
		if h.shared { // it may not move, so all that it may become is reserved
			size = max(size, min(most, limit))
		}
		return &memory{bytes: make([]byte, 0, size), limit: limit, refused: refused}
	}))
}

// memorySize is how large a module's memory is. Linear memory never shrinks.
func memorySize(m api.Module) int64 {
	mem := m.Memory()
	if mem == nil || reflect.ValueOf(mem).IsNil() { // it has none: wazero gives a nil of its own type
		return 0
	}
	pages, _ := mem.Grow(0) // Size ends at 4 GiB
	return int64(pages) * pageSize
}
