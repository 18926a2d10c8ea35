// Command go draws the Mandelbrot set, in Go.
package main

import (
	"hash/crc32"
	"math/bits"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// inside reports whether a point stays near after 50 steps. The conversions
// keep compilers from joining a product and a sum into one operation with
// another rounding: whether a point of the edge is inside would hang on it.
func inside(x, y float64) bool {
	r, i := 0.0, 0.0
	for range 50 {
		r, i = float64(r*r)-float64(i*i)+x, float64(2*r*i)+y
		if float64(r*r)+float64(i*i) > 4 {
			return false
		}
	}
	return true
}

// draw gives the number of black points, and the checksum of the bitmap: row
// by row, eight points in a byte.
func draw(n int) (black int, sum uint32) {
	row := make([]byte, (n+7)/8)
	for y := range n {
		clear(row)
		for x := range n {
			if inside(2*float64(x)/float64(n)-1.5, 2*float64(y)/float64(n)-1) {
				row[x/8] |= 0x80 >> (x % 8)
			}
		}
		sum = crc32.Update(sum, crc32.IEEETable, row)
		for _, b := range row {
			black += bits.OnesCount8(b)
		}
	}
	return black, sum
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 1, 4000)
		if err != nil {
			return nil, err
		}
		black, sum := draw(int(n))
		answer := append(strconv.AppendInt(nil, int64(black), 10), ' ')
		return strconv.AppendUint(answer, uint64(sum), 10), nil
	})
}
