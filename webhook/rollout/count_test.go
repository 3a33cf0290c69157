package rollout_test

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"
)

// counted sums the series of a counter that have all the label values.
func counted(name string, values ...string) float64 {
	GinkgoHelper()
	total := 0.0
	for _, count := range series(name, values...) {
		total += count
	}
	return total
}

// series are those that have all the label values.
func series(name string, values ...string) []float64 {
	GinkgoHelper()
	families, err := registry.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	var out []float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			if !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(labels, v) }) {
				out = append(out, metric.GetCounter().GetValue())
			}
		}
	}
	return out
}
