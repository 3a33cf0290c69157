package rollout

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/injector"
)

// ofNamespace is the label for KEDA's namespace. Prometheus has a label
// "namespace" of its own, that of our pod, and would rename ours.
const ofNamespace = "keda_namespace"

// What comes of a nudge.
const (
	resultAnswered   = "answered"   // it came back with what is published
	resultUnanswered = "unanswered" // it came back without
	resultRefused    = "refused"    // the API server does not allow it
	resultFailed     = "failed"     // nobody knows, it is tried again at once
)

var (
	nudges = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_nudges_total",
		Help: "Writes by this process that admission was to answer with an injection, by namespace, component of KEDA or apiservice, reason, and result: answered, unanswered, refused or failed.",
	}, []string{ofNamespace, "component", "reason", "result"})
	rollouts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_rollouts_total",
		Help: "Restarts of a component of KEDA that this process caused, by namespace, component and reason.",
	}, []string{ofNamespace, "component", "reason"})
)

// fromStart has the restarts of a namespace at 0: a counter that appears with its
// first increment is none to increase().
func fromStart(namespace string) {
	for _, component := range injector.RolloutOrder {
		for _, why := range injector.RestartReasons {
			rollouts.WithLabelValues(namespace, string(component), string(why))
		}
	}
}

func init() {
	metrics.Registry.MustRegister(nudges, rollouts)
}
