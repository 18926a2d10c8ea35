//go:build !linux

package machine

import "runtime"

// readable says that this system has the files that are read here.
const readable = false

// notHere is found of what can't be looked at.
const notHere = "not on this system: nebula reads it from Linux's /proc and /sys, and this is " + runtime.GOOS
