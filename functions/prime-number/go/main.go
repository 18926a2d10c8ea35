// Command go finds prime numbers by trial division, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// isPrime divides by 2, by 3 and by what neither of them divides.
func isPrime(n uint64) bool {
	if n < 4 {
		return n > 1
	}
	if n%2 == 0 || n%3 == 0 {
		return false
	}
	for d := uint64(5); d*d <= n; d += 6 {
		if n%d == 0 || n%(d+2) == 0 {
			return false
		}
	}
	return true
}

// prime gives the n-th prime number, counted from 0.
func prime(n uint64) uint64 {
	for p := uint64(2); ; p++ {
		if isPrime(p) {
			if n == 0 {
				return p
			}
			n--
		}
	}
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 100_000)
		if err != nil {
			return nil, err
		}
		return strconv.AppendUint(nil, prime(n), 10), nil
	})
}
