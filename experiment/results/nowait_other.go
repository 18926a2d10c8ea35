//go:build !unix

package results

const noWait = 0 // there is no such pipe
