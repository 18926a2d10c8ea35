package main

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nebula-bench/nebula/experiment"
)

// smallest gives the input that asks for least, as far as a request tells:
// the smallest number where all of them are numbers, and otherwise the
// shortest. Of equals it is the first.
func smallest(inputs []experiment.Input) experiment.Input {
	number := func(in experiment.Input) float64 {
		n, err := strconv.ParseFloat(strings.TrimSpace(in.Stdin), 64)
		if err != nil {
			return math.NaN()
		}
		return n
	}
	size := number
	if slices.ContainsFunc(inputs, func(in experiment.Input) bool { return math.IsNaN(number(in)) }) {
		size = func(in experiment.Input) float64 { return float64(len(in.Stdin)) }
	}
	return slices.MinFunc(inputs, func(a, b experiment.Input) int { return cmp.Compare(size(a), size(b)) })
}
