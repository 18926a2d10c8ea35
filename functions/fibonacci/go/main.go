// Command go computes Fibonacci numbers by plain recursion, in Go.
package main

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

func fibonacci(n uint64) uint64 {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := strconv.ParseUint(string(bytes.Trim(request, " \t\r\n")), 10, 64)
		if err != nil || n > 93 {
			return nil, errors.New("fibonacci: the request must be a decimal number from 0 to 93")
		}
		return strconv.AppendUint(nil, fibonacci(n), 10), nil
	})
}
