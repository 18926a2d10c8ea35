//go:build !linux

package simulator

import "time"

// sleep may be late, which Run allows for.
func sleep(ns int64) { time.Sleep(time.Duration(ns)) }
