// Command go answers with the SHA-256 digest of its request, in Go.
package main

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/nebula-bench/nebula/functions/protocol"
)

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		digest := sha256.Sum256(request)
		return hex.AppendEncode(nil, digest[:]), nil
	})
}
