// Package functions holds the helpers for the function protocol as data, so
// that a compiler can be given them for a function that lies anywhere. The
// functions themselves are in the folders beside it, and nothing of them is
// here.
package functions

import "embed"

// Helpers are the files of folder protocol, without its tests.
//
//go:embed protocol/protocol.go protocol/clock_linux.go protocol/clock_other.go
//go:embed protocol/nebula.h protocol/nebula.rs
var Helpers embed.FS
