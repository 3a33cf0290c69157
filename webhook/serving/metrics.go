package serving

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	rotations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_serving_ca_rotations_total",
		Help: "Times that this process changed the CA of the webhook's own serving certificate, by reason.",
	}, []string{"reason"})
	notAfter = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "keda_trust_serving_ca_not_after_timestamp_seconds",
		Help: "When the CA that this replica serves with ends, in seconds since the epoch.",
	})
)

func init() {
	metrics.Registry.MustRegister(rotations, notAfter)
}
