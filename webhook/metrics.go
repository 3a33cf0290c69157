package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	admissions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_admissions_total",
		Help: "Objects that were answered, by component of KEDA, which is empty for what is none, and reason.",
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
	roundTrips = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_round_trips_total",
		Help: "Dry runs by the leader that the API server was to have answered by way of the Service, by result: answered or failed.",
	}, []string{"result"})
	roundTripDurations = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "keda_trust_round_trip_duration_seconds",
		Help:    "Time of a dry run that was answered by way of the Service, the API server's own part included.",
		Buckets: []float64{.0025, .005, .01, .025, .05, .1, .25, 1, 5},
	})
)

func init() {
	// What appears with its first increment is none to increase().
	for _, result := range []string{"answered", "failed"} {
		roundTrips.WithLabelValues(result)
	}
	metrics.Registry.MustRegister(admissions, durations, panics, roundTrips, roundTripDurations)
}
