// Command go makes an image and a thumbnail of it, in Go.
package main

import (
	"hash/crc32"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// channels are those of a pixel: red, green, blue.
const channels = 3

// draw makes a square image with n pixels to a side.
func draw(n int) []byte {
	pixels := make([]byte, 0, n*n*channels)
	for y := range n {
		for x := range n {
			pixels = append(pixels, byte(x^y), byte(3*x+y), byte(x*y>>4))
		}
	}
	return pixels
}

// resize gives an image with m pixels to a side. Each is the mean of the
// pixels that it covers.
func resize(pixels []byte, n, m int) []byte {
	small := make([]byte, 0, m*m*channels)
	for y := range m {
		for x := range m {
			var sum [channels]int
			top, bottom, left, right := y*n/m, (y+1)*n/m, x*n/m, (x+1)*n/m
			for sy := top; sy < bottom; sy++ {
				for i := (sy*n + left) * channels; i < (sy*n+right)*channels; i += channels {
					for c := range sum {
						sum[c] += int(pixels[i+c])
					}
				}
			}
			area := (bottom - top) * (right - left)
			for _, s := range sum {
				small = append(small, byte((s+area/2)/area))
			}
		}
	}
	return small
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		const thumbnail = 64
		n, err := protocol.Number(request, thumbnail, 4096)
		if err != nil {
			return nil, err
		}
		small := resize(draw(int(n)), int(n), thumbnail)
		answer := append(strconv.AppendInt(nil, int64(len(small)), 10), ' ')
		return strconv.AppendUint(answer, uint64(crc32.ChecksumIEEE(small)), 10), nil
	})
}
