package trust

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// validity are the metrics of the namespace's published leaf as a page of metrics
// shows them, without those that are not there.
func (k *keda) validity() map[string]int64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	seconds := map[string]int64{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "keda_trust_published_leaf_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "keda_namespace" && label.GetValue() == k.namespace && metric.GetGauge() != nil {
					seconds[family.GetName()] = int64(metric.GetGauge().GetValue())
				}
			}
		}
	}
	return seconds
}

func validityOf(begin, end time.Time) map[string]int64 {
	return map[string]int64{
		"keda_trust_published_leaf_not_before_timestamp_seconds": begin.Unix(),
		"keda_trust_published_leaf_not_after_timestamp_seconds":  end.Unix(),
	}
}

var _ = Describe("the validity of the published leaf as a metric", func() {
	begin, end := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(48*time.Hour).Truncate(time.Second)
	put := func(ctx context.Context, k *keda, secret string) {
		GinkgoHelper()
		ca := certtest.NewCA(GinkgoTB(), "Ours")
		leaf := ca.Leaf(GinkgoTB(), certtest.KEDANames(k.namespace), certtest.Between(begin, end))
		k.put(ctx, "Secret", secret, map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM})
	}

	It("stays while its source is refused, for another leader as well, and goes with the state", func(ctx context.Context) {
		k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "secret/my-tls"})
		k.operator(ctx, "--enable-cert-rotation=true")
		k.reconcile(ctx)
		Expect(k.validity()).To(BeEmpty(), "nothing is published")
		put(ctx, k, "my-tls")
		k.reconcile(ctx)
		Expect(k.validity()).To(Equal(validityOf(begin, end)))

		k.put(ctx, "Secret", "my-tls", nil)
		published.drop(k.namespace) // as another process begins
		k.restart()
		k.reconcile(ctx)
		Expect(k.validity()).To(Equal(validityOf(begin, end)))

		state := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.StateConfigMap}}
		Expect(direct.Delete(ctx, state)).To(Succeed())
		k.reconcile(ctx)
		Expect(k.validity()).To(BeEmpty())
	})

	It("is that of KEDA's own certificate where KEDA issues it, and ends with the label", func(ctx context.Context) {
		k := newKEDA(ctx, nil)
		k.operator(ctx, "--enable-cert-rotation=true")
		put(ctx, k, injector.KEDACertSecret)
		k.reconcile(ctx)
		Expect(k.validity()).To(Equal(validityOf(begin, end)))
		k.label(ctx, "disabled")
		k.reconcile(ctx)
		Expect(k.validity()).To(BeEmpty())
	})
})
