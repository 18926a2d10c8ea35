// Command go computes Fibonacci numbers by plain recursion, in Go.
package main

import (
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
		n, err := protocol.Number(request, 0, 93)
		if err != nil {
			return nil, err
		}
		return strconv.AppendUint(nil, fibonacci(n), 10), nil
	})
}
