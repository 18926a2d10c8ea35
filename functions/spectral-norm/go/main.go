// Command go computes the spectral norm of a matrix, in Go.
package main

import (
	"math"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// a is an element of the matrix, which is never stored.
func a(i, j int) float64 {
	return 1 / float64((i+j)*(i+j+1)/2+i+1)
}

// times sets to to the matrix times v.
func times(to, v []float64) {
	for i := range to {
		sum := 0.0
		for j := range v {
			sum += a(i, j) * v[j]
		}
		to[i] = sum
	}
}

// timesTransposed sets to to the transposed matrix times v.
func timesTransposed(to, v []float64) {
	for i := range to {
		sum := 0.0
		for j := range v {
			sum += a(j, i) * v[j]
		}
		to[i] = sum
	}
}

// norm is the power method, ten times.
func norm(n int) float64 {
	u, v, between := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range u {
		u[i] = 1
	}
	for range 10 {
		times(between, u)
		timesTransposed(v, between)
		times(between, v)
		timesTransposed(u, between)
	}
	uv, vv := 0.0, 0.0
	for i := range u {
		uv += u[i] * v[i]
		vv += v[i] * v[i]
	}
	return math.Sqrt(uv / vv)
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 1, 5500)
		if err != nil {
			return nil, err
		}
		return strconv.AppendFloat(nil, norm(int(n)), 'f', 9, 64), nil
	})
}
