//go:build unix && !linux

package wazero

import "os"

func nameless() (*os.File, error) {
	f, err := os.CreateTemp("", "nebula-words-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}
