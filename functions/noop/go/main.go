// Command go is the function that does nothing, in Go.
package main

import "github.com/nebula-bench/nebula/functions/protocol"

func main() {
	protocol.Serve(func([]byte) ([]byte, error) { return nil, nil })
}
