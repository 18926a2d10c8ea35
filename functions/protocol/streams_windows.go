package protocol

import "syscall"

type handle = syscall.Handle

var stdin, stdout, stderr handle = syscall.Stdin, syscall.Stdout, syscall.Stderr
