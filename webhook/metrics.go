package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	admissions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_admissions_total",
		Help: "Objects that were answered, by component of KEDA and reason. Both are empty for what is not managed.",
	}, []string{"component", "reason"})
	durations = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "keda_trust_admission_duration_seconds",
		Help:    "Time from a decoded request to its answer.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1, 5},
	})
	panics = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "keda_trust_admission_panics_total",
		Help: "Requests whose handling panicked; their objects were allowed as they came.",
	})
)

func init() {
	metrics.Registry.MustRegister(admissions, durations, panics)
}
