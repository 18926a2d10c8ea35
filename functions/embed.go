// Package functions holds as data the helpers for the function protocol, so
// that a compiler can be given them for a function that lies anywhere, and the
// functions in the folders beside it. It runs nothing.
package functions

import "embed"

// Helpers are the files of folder protocol, without its tests.
//
//go:embed protocol/protocol.go protocol/clock_linux.go protocol/clock_other.go
//go:embed protocol/nebula.h protocol/nebula.rs
var Helpers embed.FS
