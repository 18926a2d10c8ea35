//go:build !unix

package wazero

import (
	"errors"
	"os"
)

func makeWords() (*os.File, error) { return nil, errors.ErrUnsupported }

func mapWords(int) ([]byte, error) { return nil, errors.ErrUnsupported }
