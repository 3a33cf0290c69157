package cabundle

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("KEDA's webhooks are left alone", func() {
	var (
		k  *keda
		ca certtest.CA
	)
	BeforeEach(func(ctx context.Context) {
		ca = certtest.NewCA(GinkgoTB(), "First")
		k = newKEDA(ctx)
	})
	AfterEach(func(ctx context.Context) {
		Expect(k.wire.since()).To(BeEmpty())
		Expect(k.bundles(ctx)).To(Equal(both(nil)))
	})
	DescribeTable("by a state", func(ctx context.Context, publish func(context.Context)) {
		publish(ctx)
		k.look(ctx)
		Expect(k.told()).To(BeEmpty())
	},
		Entry("that is not there", func(context.Context) {}),
		Entry("without a caBundle", func(ctx context.Context) { k.publish(ctx, injector.State{}) }),
		Entry("by which KEDA issues", func(ctx context.Context) {
			k.publish(ctx, injector.State{KEDAIssues: true, CertificateSecret: injector.KEDACertSecret, CABundle: ca.CertPEM})
		}),
	)
	DescribeTable("in a namespace", func(ctx context.Context, label string) {
		k.publishCA(ctx, ca)
		k.label(ctx, label)
		k.look(ctx)
		Expect(k.told()).To(BeEmpty())
	},
		Entry("that is not labelled", ""),
		Entry("whose label has a typo", "on"),
		Entry("that is disabled, and was never injected", "disabled"),
	)
	It("in a namespace that was not granted", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.restart("elsewhere")
		k.look(ctx)
		Expect(k.told()).To(BeEmpty(), "that is told where the state is published")
	})
	It("in one that is not KEDA's", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.edit(ctx, "helm", func(v *vwc) {
			for i := range v.Webhooks {
				v.Webhooks[i].ClientConfig.Service.Namespace = metav1.NamespaceDefault
			}
		})
		k.look(ctx)
	})
	It("by an opt-out", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.edit(ctx, "kubectl", func(v *vwc) { v.Labels = map[string]string{injector.LabelInject: "disabled"} })
		k.look(ctx)
		Expect(k.told()).To(BeEmpty())
		Expect(k.writes()).To(BeEmpty())
	})
	It("by a label that nobody knows, which is told", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.edit(ctx, "kubectl", func(v *vwc) { v.Labels = map[string]string{injector.LabelInject: "off"} })
		k.look(ctx)
		k.look(ctx)
		Expect(k.told()).To(HaveExactElements(And(HavePrefix("Warning OptionInvalid"), ContainSubstring(`"off"`)), HavePrefix("Warning OptionInvalid")))
	})
	It("by an audit, which says what it would do, in one Event", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.label(ctx, "audit")
		k.look(ctx)
		k.look(ctx)
		Expect(k.told()).To(HaveExactElements(And(HavePrefix("Normal Audit"), ContainSubstring("would set webhooks[vscaledobject.kb.io].clientConfig.caBundle to 1 certificate"),
			ContainSubstring("; would set webhooks[vscaledjob.kb.io]")), HavePrefix("Normal Audit")))
	})
	It("for another owner, which is told for as long as it lasts, though nothing else happens", func(ctx context.Context) {
		k.publishCA(ctx, ca)
		k.edit(ctx, "helm", func(v *vwc) { v.Annotations = map[string]string{"service.beta.openshift.io/inject-cabundle": "true"} })
		for end := k.now.Add(time.Hour); k.now.Before(end); {
			wait := k.look(ctx)
			Expect(wait).To(BeNumerically(">", 0))
			k.now = k.now.Add(wait)
		}
		Expect(only(injector.ReasonBundleElsewhere, k.told())).To(HaveLen(2), "again before the first is forgotten")
	})
	DescribeTable("for another owner, which is told once", func(ctx context.Context, annotation, value, owner string) {
		k.publishCA(ctx, ca)
		k.edit(ctx, "helm", func(v *vwc) { v.Annotations = map[string]string{annotation: value} })
		k.look(ctx)
		k.look(ctx)
		Expect(k.told()).To(HaveExactElements(And(HavePrefix("Normal BundleOwnedElsewhere"), ContainSubstring(owner)), HavePrefix("Normal BundleOwnedElsewhere")))
	},
		Entry("cainjector", "cert-manager.io/inject-ca-from", "keda/keda-operator-tls-certificates", "cert-manager's cainjector"),
		Entry("OpenShift", "service.beta.openshift.io/inject-cabundle", "true", "OpenShift's service CA"),
	)
})
