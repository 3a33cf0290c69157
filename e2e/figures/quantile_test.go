package figures

import (
	"testing"
	"time"
)

func TestQuantileIsASampleAndNotBetweenTwo(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[len(hundred)-1-i] = time.Duration(i + 1) // the order must not matter
	}
	for name, c := range map[string]struct {
		samples []time.Duration
		q       float64
		want    time.Duration
	}{
		"the median of an even number is the lower":    {[]time.Duration{4, 1, 3, 2}, 0.5, 2},
		"the median of an odd number is in the middle": {[]time.Duration{9, 1, 5}, 0.5, 5},
		"p95 of a hundred":                             {hundred, 0.95, 95},
		"p99 of a hundred":                             {hundred, 0.99, 99},
		"p99 of a few is the worst":                    {[]time.Duration{1, 2, 3}, 0.99, 3},
		"of one":                                       {[]time.Duration{7}, 0.5, 7},
		"of none":                                      {nil, 0.5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Quantile(c.samples, c.q); got != c.want {
				t.Errorf("Quantile(%v) = %d, want %d", c.q, got, c.want)
			}
		})
	}
	if hundred[0] != 100 {
		t.Error("Quantile has sorted its caller's samples")
	}
}
