package serving

import (
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestRotationsAreCountedFromZeroForEveryReasonToChangeTheCA(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	_, tests := decisions(t)
	for _, test := range tests {
		if test.action == Repair || test.action == Promote {
			want[string(test.reason)] = true
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(newRotations())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, counter := range families[0].GetMetric() {
		got[counter.GetLabel()[0].GetValue()] = counter.GetCounter().GetValue() == 0
	}
	if !maps.Equal(got, want) {
		t.Errorf("counted from zero are %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
