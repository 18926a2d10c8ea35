//go:build !linux

package protocol

// now has nothing to say: in WebAssembly a write is a call into the host,
// which hears of it at once and has the better clock.
func now() (int64, bool) { return 0, false }
