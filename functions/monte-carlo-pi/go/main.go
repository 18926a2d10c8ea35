// Command go estimates π from random points, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// splitMix64 is a generator of random numbers; its value is its state.
type splitMix64 uint64

func (s *splitMix64) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// inside counts how many of n random points of a square are inside the circle
// around its corner. Whole numbers make it exact.
func inside(n uint64) uint64 {
	const side = 31 // in bits
	random := splitMix64(n)
	count := uint64(0)
	for range n {
		x, y := random.next()>>(64-side), random.next()>>(64-side)
		if x*x+y*y < 1<<(2*side) {
			count++
		}
	}
	return count
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 1, 100_000_000)
		if err != nil {
			return nil, err
		}
		millionths := 4 * inside(n) * 1_000_000 / n
		answer := strconv.AppendUint(nil, millionths/1_000_000, 10)
		fraction := strconv.AppendUint(nil, 1_000_000+millionths%1_000_000, 10)
		fraction[0] = '.' // in place of the 1 that kept the zeros
		return append(answer, fraction...), nil
	})
}
