package journeys

import (
	"context"
	"encoding/pem"
	"maps"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/certmanager"
	"github.com/keda-trust/keda-trust/injector"
)

// They take longest, and so come first: what is shorter fills the other clusters.
var _ = Describe("Who has cert-manager issue KEDA's certificate", SpecPriority(1), func() {
	BeforeEach(installCertManager, NodeTimeout(15*time.Minute))
	JustAfterEach(reportCertManager)

	DescribeTable("has a renewal followed, and another CA", func(ctx SpecContext, i issuance) {
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		ca := i.bringCA(ctx)
		applyAll(ctx, certmanager.Objects)
		Expect(on.ApplyKEDA(ctx, release, i.edit)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		enable(ctx, map[string]string{injector.AnnotationCertificate: "certificate/" + certmanager.Certificate})
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		followed(ctx, ca)
		i.bundlesHold(ctx, ca)

		By("renewing the certificate in place")
		renew(ctx, certmanager.Certificate, certmanager.Secret)
		followed(ctx, ca)
		i.bundlesHold(ctx, ca)

		By("issuing it anew by another CA")
		next := i.bringCA(ctx)
		Expect(next).NotTo(Equal(ca))
		renew(ctx, certmanager.Certificate, certmanager.Secret)
		followed(ctx, next)
		i.bundlesHold(ctx, next)
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
	},
		Entry("by a CA that it generates, where cainjector fills the caBundles", SpecTimeout(25*time.Minute), issuance{
			bringCA: generateCA, ask: certmanager.InjectFromCertificate, from: certmanager.Certificate,
		}),
		Entry("by a CA from a Secret, where cainjector fills the caBundles", SpecTimeout(25*time.Minute), issuance{
			bringCA: putCA, ask: certmanager.InjectFromSecret, from: certmanager.CASecret,
		}),
		Entry("where nobody fills the caBundles but keda-trust", SpecTimeout(25*time.Minute), issuance{bringCA: generateCA}),
	)

	It("counts what fails without keda-trust while the CA is replaced and KEDA is called", func(ctx SpecContext) {
		i := issuance{bringCA: generateCA, ask: certmanager.InjectFromCertificate, from: certmanager.Certificate}
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		i.bringCA(ctx)
		applyAll(ctx, certmanager.Objects)
		Expect(on.ApplyKEDA(ctx, release, i.edit)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		scaleForCalls(ctx)

		called := begin()
		i.bringCA(ctx)
		renew(ctx, certmanager.Certificate, certmanager.Secret)
		restart(ctx, kedaNamespace, restartedMidway)
		settle(ctx, called, kubeletSync)
		called.report("")
		Expect(called.failed(handingOver...).calls).NotTo(BeZero(), "else nobody needs keda-trust for this")
	}, SpecTimeout(20*time.Minute))
})

// issuance is how cert-manager comes to issue KEDA's certificate.
type issuance struct {
	// bringCA brings the CA, or another in its place, and returns it as PEM.
	bringCA func(context.Context) []byte
	// ask is the annotation that asks cainjector for the caBundles, and from the
	// name of their source; both empty where it is not asked.
	ask, from string
}

// edit makes of KEDA's release what its chart renders.
func (i issuance) edit(object *unstructured.Unstructured) error {
	if i.ask != "" && (object.GetKind() == "APIService" || object.GetKind() == "ValidatingWebhookConfiguration") {
		annotations := map[string]string{i.ask: kedaNamespace + "/" + i.from}
		maps.Copy(annotations, object.GetAnnotations())
		object.SetAnnotations(annotations)
	}
	return useSecret(object, certmanager.Secret)
}

// bundlesHold looks whether the caBundles are filled by whom they are to be filled.
// cainjector leaves a CA of before where it is; keda-trust does not.
func (i issuance) bundlesHold(ctx context.Context, ca []byte) {
	GinkgoHelper()
	api := externalMetrics(ctx)
	webhooks, err := on.Pods.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, injector.KEDAValidatingWebhook, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	hold, recorded := Equal(ca), HaveKey(injector.AnnotationInjected)
	writers := ContainElement(HaveField("Manager", injector.Name))
	if i.ask != "" {
		hold, recorded = ContainSubstring(string(ca)), Not(recorded)
		writers = And(ContainElement(HaveField("Manager", "cert-manager-cainjector")), Not(writers))
		told, err := on.Kubectl(ctx, "get", "events", "-n", kedaNamespace, "--field-selector", "reason="+string(injector.ReasonBundleElsewhere))
		Expect(err).NotTo(HaveOccurred())
		Expect(told).To(ContainSubstring("is filled by cert-manager's cainjector, and left to it"))
		Expect(api.ManagedFields).To(writers)
	}
	Expect(api.Spec.CABundle).To(hold)
	Expect(api.Annotations).To(recorded)
	Expect(webhooks.Webhooks).To(HaveEach(HaveField("ClientConfig.CABundle", hold)))
	Expect(webhooks.Annotations).To(recorded)
	Expect(webhooks.ManagedFields).To(writers)
}

// followed waits until KEDA's pods serve what cert-manager has issued, by a CA that
// alone is trusted.
func followed(ctx context.Context, ca []byte) {
	GinkgoHelper()
	issued := certificatesIn(ctx, certmanager.Secret)
	Expect(issued["ca.crt"]).To(Equal(string(ca)))
	Eventually(certificatesIn).WithArguments(ctx, injector.PublishedSecret).WithTimeout(10 * time.Minute).WithPolling(time.Second).Should(Equal(issued))
	leaf, _ := pem.Decode([]byte(issued[corev1.TLSCertKey]))
	for server, port := range map[string]int{"app=keda-operator": 9666, "app=keda-metrics-apiserver": 6443, "app=keda-admission-webhooks": 9443} {
		// Pods read a Secret again when their kubelet has, after a minute or two.
		Eventually(served).WithArguments(ctx, server, port).WithTimeout(4*time.Minute).WithPolling(2*time.Second).
			Should(Equal(fingerprint(leaf.Bytes)), server)
	}
	trustHolds(ctx)
}
