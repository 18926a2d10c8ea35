package stats

import (
	"math"
	"slices"
)

// Holm adjusts the p-values of one family, so that to reject where the
// adjusted value is below 5 % rejects anything wrongly in at most 5 % of
// families, however many members and however they hang together (S. Holm, "A
// Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
// of Statistics 6, 1979). A NaN is no member, and stays.
func Holm(ps []float64) []float64 {
	var order []int
	for i, p := range ps {
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if ps[i] < ps[j] {
			return -1
		}
		if ps[i] > ps[j] {
			return 1
		}
		return 0
	})
	out := slices.Clone(ps)
	least := 0.0
	for k, i := range order {
		least = math.Max(least, math.Min(1, float64(len(order)-k)*ps[i]))
		out[i] = least
	}
	return out
}
