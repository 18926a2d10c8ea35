// Command go does nothing for a while, in Go.
package main

import (
	"strconv"
	"time"

	"github.com/nebula-bench/nebula/functions/protocol"
)

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 60_000)
		if err != nil {
			return nil, err
		}
		time.Sleep(time.Duration(n) * time.Millisecond)
		return strconv.AppendUint(nil, n, 10), nil
	})
}
