package trust

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	publications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_publications_total",
		Help: "Times that this process published another state or certificate, by namespace.",
	}, []string{"namespace"})
	faults = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_resolution_faults_total",
		Help: "Faults that kept this process from publishing, one for each fault and attempt, by namespace and reason.",
	}, []string{"namespace", "reason"})
)

func init() {
	metrics.Registry.MustRegister(publications, faults)
}
