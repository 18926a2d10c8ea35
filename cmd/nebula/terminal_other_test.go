//go:build unix && !linux

package main

import "testing"

// onTerminal is for systems whose terminals a test can make.
func onTerminal(*testing.T, []string) {}
