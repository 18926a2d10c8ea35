// Command hello greets everybody who is named in its request, one to a line.
package main

import (
	"bytes"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// Serve reads the request, writes the answer, and says when each of them
// happened. Nebula gives the compiler the package: no go.mod is needed here.
func main() { protocol.Serve(greet) }

func greet(request []byte) ([]byte, error) {
	var answer []byte
	for line := range bytes.Lines(request) {
		answer = append(answer, "Hello, "...)
		answer = append(answer, bytes.TrimSpace(line)...)
		answer = append(answer, "!\n"...)
	}
	return bytes.TrimSuffix(answer, []byte("\n")), nil
}
