// Command go computes powers of e, in Go.
package main

import (
	"bytes"
	"math"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// power gives eⁿ with ten digits. Beyond n = 709 a float64 can't hold it, so
// its root is computed, and squared as digits and exponent.
func power(n uint64) []byte {
	root := strconv.AppendFloat(nil, math.Exp(float64(n)/2), 'e', -1, 64)
	digits, tens, _ := bytes.Cut(root, []byte("e"))
	d, _ := strconv.ParseFloat(string(digits), 64)
	exponent, _ := strconv.Atoi(string(tens))
	d, exponent = d*d, exponent*2
	if d >= 10 {
		d, exponent = d/10, exponent+1
	}
	answer := append(strconv.AppendFloat(nil, d, 'f', 9, 64), 'e')
	return strconv.AppendInt(answer, int64(exponent), 10)
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 1412)
		if err != nil {
			return nil, err
		}
		return power(n), nil
	})
}
