package trust

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// ofNamespace is the label for KEDA's namespace. Prometheus has a label
// "namespace" of its own, that of our pod, and would rename ours.
const ofNamespace = "keda_namespace"

var (
	publications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_publications_total",
		Help: "Times that this process published another state or certificate, by namespace.",
	}, []string{ofNamespace})
	faults = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_resolution_faults_total",
		Help: "Faults that kept this process from publishing, one for each fault and attempt, by namespace and reason.",
	}, []string{ofNamespace, "reason"})
	rotations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_rotations_total",
		Help: "Changes of certificate that this process brought to their end, by namespace and how: staged, or immediate as was ordered.",
	}, []string{ofNamespace, "how"})
	published = newGauges()
)

func init() {
	metrics.Registry.MustRegister(publications, faults, rotations, published)
}
