// Command go computes factorials in full, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// base is what a limb counts up to: nine decimal digits, so that the product
// of two fits in 64 bits and printing needs no division of large numbers.
const base = 1_000_000_000

// factorial gives n! in limbs, the lowest first.
func factorial(n uint64) []uint64 {
	limbs := []uint64{1}
	for k := uint64(2); k <= n; k++ {
		carry := uint64(0)
		for i, l := range limbs {
			carry += l * k
			limbs[i] = carry % base
			carry /= base
		}
		if carry > 0 {
			limbs = append(limbs, carry)
		}
	}
	return limbs
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
		n, err := protocol.Number(request, 0, 1000)
		if err != nil {
			return nil, err
		}
		return decimal(factorial(n)), nil
	})
}
