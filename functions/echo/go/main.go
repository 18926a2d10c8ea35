// Command go answers with its request, in Go.
package main

import "github.com/nebula-bench/nebula/functions/protocol"

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) { return request, nil })
}
