// Package functions holds as data the helpers for the function protocol, so
// that a compiler can be given them for a function that lies anywhere, and the
// functions in the folders beside it. It runs nothing.
package functions

import "embed"

// Helpers are the files of folder protocol, which has no tests of its own.
//
//go:embed protocol/*.go
//go:embed protocol/nebula.h protocol/nebula.rs
var Helpers embed.FS
