package meter

import "github.com/nebula-bench/nebula/internal/system"

// Now reads the counter: Go's own monotonic time goes on in steps of up to a
// millisecond here.
func (Kernel) Now() int64 { return system.Monotonic() }
