package functions

import "embed"

// Library is every file of every function's folder, for those who have the
// program and not its source.
//
//go:embed */*
var Library embed.FS
