package figures

import (
	"cmp"
	"slices"
)

// Quantile is the smallest sample that at least the share q of all samples does
// not exceed; the zero value where there are none.
func Quantile[T cmp.Ordered](samples []T, q float64) T {
	if len(samples) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(samples))
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median is the lower of the two in the middle where there are two.
func Median[T cmp.Ordered](samples []T) T { return Quantile(samples, 0.5) }
