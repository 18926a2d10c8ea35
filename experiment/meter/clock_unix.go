//go:build unix

package meter

import (
	"time"

	"github.com/nebula-bench/nebula/internal/system"
)

// Go's own monotonic time is the system's, and is read without a system call;
// what it does not tell is its zero.
var (
	started   = time.Now()
	startedAt = system.Monotonic()
)

func (Kernel) Now() int64 { return startedAt + int64(time.Since(started)) }
