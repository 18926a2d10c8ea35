//go:build !unix

package config

import "testing"

func traps(*testing.T, string) {}
