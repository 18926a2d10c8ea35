package stats

import (
	"math"
	"slices"
)

// ranks gives each sample's rank, ties sharing the mean of theirs, and the
// sizes of the groups of ties.
func ranks(xs []float64) (rs []float64, ties []int) {
	order := make([]int, len(xs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case xs[i] < xs[j]:
			return -1
		case xs[i] > xs[j]:
			return 1
		}
		return i - j
	})
	rs = make([]float64, len(xs))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && xs[order[to]] == xs[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			rs[i] = float64(from+to+1) / 2
		}
		ties = append(ties, to-from)
		from = to
	}
	return rs, ties
}

// order gives a number's place among all numbers: it grows as the number
// does. So a search among all float64s takes 64 steps and ends on one.
func order(x float64) uint64 {
	b := math.Float64bits(x + 0) // -0 becomes 0
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

func unorder(u uint64) float64 {
	if u>>63 == 1 {
		return math.Float64frombits(u &^ (1 << 63))
	}
	return math.Float64frombits(^u)
}
