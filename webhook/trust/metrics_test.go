package trust

import (
	"maps"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

func TestTheCountersOfANamespaceAreThereFromTheStart(t *testing.T) {
	t.Parallel()
	const namespace = "counted-from-the-start"
	NewReconciler(nil, nil, nil, Options{Namespaces: []string{namespace}})
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]int{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetValue() == namespace {
					series[family.GetName()]++
				}
			}
		}
	}
	want := map[string]int{"keda_trust_publications_total": 1, "keda_trust_rotations_total": 2, "keda_trust_rotation_unseen_total": 3}
	if !maps.Equal(series, want) {
		t.Errorf("has %v, want %v", series, want)
	}
}
