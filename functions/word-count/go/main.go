// Command go counts the words of a text, in Go.
package main

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

// count gives each word with its number, the most frequent first.
func count(text []byte) []byte {
	counts := map[string]int{}
	for w := range bytes.FieldsFuncSeq(text, isSpace) {
		counts[string(w)]++
	}
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var answer []byte
	for i, w := range words {
		if i > 0 {
			answer = append(answer, '\n')
		}
		answer = append(append(answer, w...), ' ')
		answer = strconv.AppendInt(answer, int64(counts[w]), 10)
	}
	return answer
}

func isSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) { return count(request), nil })
}
