// Command go compresses text and decompresses it again, in Go.
package main

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

var words = [16]string{
	"a ", "and ", "cloud ", "compute ", "container ", "function ", "in ", "is ",
	"module ", "nebula ", "of ", "starts ", "sooner ", "than ", "the ", "wave\n",
}

// text gives n bytes of words in random order.
func text(n int) []byte {
	b := make([]byte, 0, n+16)
	for random := uint32(1); len(b) < n; {
		random = random*1664525 + 1013904223
		b = append(b, words[random>>28]...)
	}
	return b[:n]
}

func roundTrip(b []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(&packed)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 16384)
		if err != nil {
			return nil, err
		}
		b, err := roundTrip(text(int(n) << 10))
		if err != nil {
			return nil, err
		}
		answer := append(strconv.AppendInt(nil, int64(len(b)), 10), ' ')
		return strconv.AppendUint(answer, uint64(crc32.ChecksumIEEE(b)), 10), nil
	})
}
