package journeys

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who brings a certificate without its CA", func() {
	It("hears that it is missing, says where it is, and is trusted", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		pair, err := certificates.Issue("Corporate", local.KEDAHosts())
		Expect(err).NotTo(HaveOccurred())
		putSecret(ctx, kedaNamespace, provided, map[string][]byte{corev1.TLSCertKey: pair.Certificate, corev1.TLSPrivateKeyKey: pair.Key})
		before := everything(ctx)
		enable(ctx, map[string]string{injector.AnnotationCertificate: "secret/" + provided})
		Eventually(warnings).WithArguments(ctx, kedaNamespace).WithTimeout(time.Minute).WithPolling(time.Second).
			Should(ContainElement(And(ContainSubstring(provided), ContainSubstring("ca.crt"), ContainSubstring(injector.AnnotationCertificateCA))))
		Expect(everything(ctx)).To(Equal(before), "what runs, runs on")

		put(ctx, "v1", "ConfigMap", kedaNamespace, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "corporate-ca"}, Data: map[string]string{"ca.crt": string(pair.CA)},
		})
		annotate(ctx, injector.AnnotationCertificateCA, "configmap/corporate-ca")
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx)
		trustMovesTo(ctx, pair.CA)
	}, SpecTimeout(15*time.Minute))
})
