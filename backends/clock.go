package backends

import "github.com/nebula-bench/nebula/internal/system"

// Now reads the clock that all processes of this machine share, in
// nanoseconds: on Linux CLOCK_MONOTONIC, which is that of its containers too.
func Now() int64 { return system.Monotonic() }
