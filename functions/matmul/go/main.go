// Command go multiplies two matrices, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// multiply gives a times b, square matrices with n rows.
func multiply(a, b []float64, n int) []float64 {
	c := make([]float64, n*n)
	for i := range n {
		row := c[i*n : i*n+n]
		for k := range n {
			f := a[i*n+k]
			for j, v := range b[k*n : k*n+n] {
				row[j] += f * v
			}
		}
	}
	return c
}

// checksum weighs each element by its place. The elements are whole numbers,
// so every sum is exact, in whatever order it is made.
func checksum(n int) int64 {
	a, b := make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		for j := range n {
			a[i*n+j] = float64((i*j+i)%11 - 5)
			b[i*n+j] = float64((i+3*j)%13 - 6)
		}
	}
	sum := int64(0)
	for at, v := range multiply(a, b, n) {
		sum += int64(v) * int64(at%17+1)
	}
	return sum
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 1, 1000)
		if err != nil {
			return nil, err
		}
		return strconv.AppendInt(nil, checksum(int(n)), 10), nil
	})
}
