//go:build !linux

package wazero

import (
	"errors"
	"runtime"
)

// cantIsolate is why cpuset and nice can't be had here.
var cantIsolate = errors.New("nebula pins threads to processors, and sets their niceness, on Linux only, and this is " + runtime.GOOS)

func isolate(c config) error {
	if len(c.CPUs) == 0 && c.Nice == 0 {
		return nil
	}
	return cantIsolate
}
