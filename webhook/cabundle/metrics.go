package cabundle

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// ofNamespace is the label for KEDA's namespace; Prometheus has a label
// "namespace" of its own.
const ofNamespace = "keda_namespace"

var (
	writes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "keda_trust_cabundle_writes_total",
		Help: "Writes by this process of KEDA's ValidatingWebhookConfiguration, by namespace of KEDA and reason: Injected, CABundleRestored or Uninjected.",
	}, []string{ofNamespace, "reason"})
	contested = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "keda_trust_cabundle_contested",
		Help: "Whether (1) or not (0) another writer keeps replacing a caBundle of KEDA's ValidatingWebhookConfiguration, by namespace of KEDA.",
	}, []string{ofNamespace})
)

func init() { metrics.Registry.MustRegister(writes, contested) }
