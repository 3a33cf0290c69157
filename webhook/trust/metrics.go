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
	unseen = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_rotation_unseen_total",
		Help: "Consumers without whom this process went on to the next stage of a change of certificate, for they were not seen to have the one before when the bound was over, by namespace and component.",
	}, []string{ofNamespace, "component"})
	published = newGauges()
)

func init() {
	metrics.Registry.MustRegister(publications, faults, rotations, unseen, published)
}
