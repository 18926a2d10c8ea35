//go:build !race

package testenv

// Race tells that the race detector is there, which takes memory and time of
// its own.
const Race = false
