//go:build !linux

package testenv

import "errors"

func perf() error { return errors.New("perf events are Linux's, and this is another system") }
