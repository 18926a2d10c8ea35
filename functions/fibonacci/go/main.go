// Command go computes Fibonacci numbers in full by addition, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// base is what a limb counts up to: eighteen decimal digits, so that the sum
// of two fits in 64 bits and printing needs no division of large numbers.
const base = 1_000_000_000_000_000_000

// fibonacci gives the n-th number in limbs, the lowest first.
func fibonacci(n uint64) []uint64 {
	a, b := []uint64{0}, []uint64{1}
	for ; n > 0; n-- {
		a, b = b, add(a, b)
	}
	return a
}

// add adds b, the larger one, to a and returns it.
func add(a, b []uint64) []uint64 {
	if len(a) < len(b) {
		a = append(a, 0)
	}
	carry := uint64(0)
	for i, l := range b {
		a[i] += l + carry
		carry = a[i] / base
		a[i] %= base
	}
	if carry > 0 {
		a = append(a, carry)
	}
	return a
}

func decimal(limbs []uint64) []byte {
	top := len(limbs) - 1
	text := strconv.AppendUint(nil, limbs[top], 10)
	for i := top - 1; i >= 0; i-- {
		at := len(text)
		text = strconv.AppendUint(text, base+limbs[i], 10) // the 1 in front keeps the zeros
		text = append(text[:at], text[at+1:]...)
	}
	return text
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 100_000)
		if err != nil {
			return nil, err
		}
		return decimal(fibonacci(n)), nil
	})
}
