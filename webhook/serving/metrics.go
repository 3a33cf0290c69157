package serving

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	rotations = newRotations()
	notAfter  = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "keda_trust_serving_ca_not_after_timestamp_seconds",
		Help: "When the CA that this replica serves with ends, in seconds since the epoch.",
	})
)

// newRotations has every reason from the start: a counter that appears with its
// first increment is none to increase(), and the next one may be a year away.
func newRotations() *prometheus.CounterVec {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_serving_ca_rotations_total",
		Help: "Times that this process changed the CA of the webhook's own serving certificate, by reason.",
	}, []string{"reason"})
	for _, reason := range []Reason{Missing, Corrupt, Expired, Forced, TwoThirds} {
		counter.WithLabelValues(string(reason))
	}
	return counter
}

func init() {
	metrics.Registry.MustRegister(rotations, notAfter)
}
