package main

import (
	"slices"
	"time"
)

// quantile is the smallest sample that at least the share q of all samples does
// not exceed; 0 where there are none.
func quantile(samples []time.Duration, q float64) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func median(samples []time.Duration) time.Duration { return quantile(samples, 0.5) }
