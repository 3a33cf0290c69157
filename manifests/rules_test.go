package manifests_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/manifests"
	_ "github.com/keda-trust/keda-trust/webhook" // registers its metrics
)

// selected are the metrics of the rules: names before our selector, and our own
// names with or without one.
var selected = regexp.MustCompile(`\w+\{ \{\{- \$job|keda_trust_\w+`)

// An alert on a metric that nobody has is one that never comes.
func TestEveryMetricOfARuleExists(t *testing.T) {
	rules, err := manifests.Chart.ReadFile("chart/templates/monitoring.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, found := range selected.FindAllString(string(rules), -1) {
		name, _, _ := strings.Cut(found, "{")
		named = append(named, name)
	}
	slices.Sort(named)
	named = slices.Compact(named)
	if len(named) < 7 {
		t.Errorf("the rules name %d metrics: %v", len(named), named)
	}
	for _, name := range named {
		if name != "up" && !registered(name) { // which is Prometheus' own
			t.Errorf("a rule names the metric %s, which keda-trust does not have", name)
		}
	}
}

// registered says whether a metric of that name exists, also one without a value
// yet, which a page of metrics would not show: no other may take its name.
func registered(name string) bool {
	other := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Is the name taken?"})
	if err := metrics.Registry.Register(other); err != nil {
		return true
	}
	metrics.Registry.Unregister(other)
	return false
}
