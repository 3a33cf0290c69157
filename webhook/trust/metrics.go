package trust

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/injector"
)

// ofNamespace is the label for KEDA's namespace. Prometheus has a label
// "namespace" of its own, that of our pod, and would rename ours.
const ofNamespace = "keda_namespace"

// How a change of certificate ended.
const (
	howStaged    = "staged"
	howImmediate = "immediate"
)

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
		Help: "Changes of certificate that this process brought to their end, by namespace and how: staged, or immediate as was ordered, or because nobody could verify the one before any more.",
	}, []string{ofNamespace, "how"})
	unseen = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_rotation_unseen_total",
		Help: "Consumers without whom this process went on to the next stage of a change of certificate, for they were not seen to have the one before when the bound was over, by namespace and component.",
	}, []string{ofNamespace, "component"})
	published = newGauges()
)

// fromStart has the counters of a namespace at 0: one that appears with its first
// increment is none to increase(), and the next may be a year away.
func fromStart(namespace string) {
	publications.WithLabelValues(namespace)
	for _, how := range []string{howStaged, howImmediate} {
		rotations.WithLabelValues(namespace, how)
	}
	for _, component := range injector.RolloutOrder {
		unseen.WithLabelValues(namespace, string(component))
	}
}

func init() {
	metrics.Registry.MustRegister(publications, faults, rotations, unseen, published)
}
