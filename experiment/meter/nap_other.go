//go:build !linux

package meter

import "time"

// nap may sleep longer than it was asked to. What is read after it is stamped
// after it, so that counters cost more time here and are no less right.
func nap(d time.Duration) { time.Sleep(d) }
