// Command go builds and walks many binary trees, in Go.
package main

import (
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

type tree struct{ left, right *tree }

func build(depth uint64) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{build(depth - 1), build(depth - 1)}
}

// nodes counts the nodes by visiting each.
func (t *tree) nodes() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.nodes() + t.right.nodes()
}

func trees(n uint64) []byte {
	const least = 4
	deepest := max(n, least+2)
	var answer []byte
	line := func(what string, depth, nodes uint64) {
		answer = strconv.AppendUint(append(answer, what...), depth, 10)
		answer = strconv.AppendUint(append(answer, "\t check: "...), nodes, 10)
	}
	line("stretch tree of depth ", deepest+1, build(deepest+1).nodes())
	long := build(deepest)
	for depth := uint64(least); depth <= deepest; depth += 2 {
		many := uint64(1) << (deepest - depth + least)
		nodes := uint64(0)
		for range many {
			nodes += build(depth).nodes()
		}
		answer = strconv.AppendUint(append(answer, '\n'), many, 10)
		line("\t trees of depth ", depth, nodes)
	}
	answer = append(answer, '\n')
	line("long lived tree of depth ", deepest, long.nodes())
	return answer
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 18)
		if err != nil {
			return nil, err
		}
		return trees(n), nil
	})
}
