//go:build !windows

package protocol

type handle = int

const stdin, stdout, stderr handle = 0, 1, 2
