package journeys

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// unknownCA is what KEDA says of a server whose CA it does not know.
const unknownCA = "x509: certificate signed by unknown authority"

// privates are Prometheus servers, each with a certificate of a CA of its own.
var privates = []string{"prometheus-secret", "prometheus-configmap", "prometheus-bundle"}

var _ = Describe("Who scales by servers with certificates of private CAs", func() {
	It("names the CAs, and scaling goes on when one of them is replaced", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		label(ctx, injector.ModeEnabled)
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		image := openShop(ctx)
		cas := map[string][]byte{}
		for _, name := range privates {
			cas[name] = serve(ctx, name, image, "First")
		}

		By("scaling without them")
		scaleShop(ctx, "vector(3)", urls(privates)...)
		Eventually(warnings).WithArguments(ctx, shop).WithTimeout(2 * time.Minute).WithPolling(time.Second).
			Should(ContainElement(ContainSubstring(unknownCA)))
		Expect(shopPods(ctx)).To(BeEquivalentTo(1))

		By("naming three CAs, each in another kind of source")
		putSecret(ctx, kedaNamespace, "corp-first", map[string][]byte{"ca.crt": cas[privates[0]]})
		put(ctx, "v1", "ConfigMap", kedaNamespace, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "corp-second"}, Data: map[string]string{"ca.crt": string(cas[privates[1]])},
		})
		putTrustBundle(ctx, "corp-third", cas[privates[2]])
		before := podsOf(ctx)
		annotate(ctx, injector.AnnotationCustomCA, "secret/corp-first, configmap/corp-second, clustertrustbundle/corp-third")
		for i := range privates {
			Eventually(readMetric).WithArguments(ctx, fmt.Sprintf("s%d-prometheus", i)).WithTimeout(5 * time.Minute).WithPolling(time.Second).
				Should(Equal("3"))
		}
		Eventually(shopPods).WithArguments(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(BeEquivalentTo(3))
		onlyTheOperatorRestarted(ctx, before)

		By("replacing one of them")
		before = podsOf(ctx)
		operator := revisionsOf(ctx)[local.OperatorDeployment]
		next, err := certificates.Issue("Second", hostsOf(privates[0]))
		Expect(err).NotTo(HaveOccurred())
		both := append(append([]byte{}, cas[privates[0]]...), next.CA...)
		putSecret(ctx, kedaNamespace, "corp-first", map[string][]byte{"ca.crt": both})
		// It has restarted twice in these minutes, so the brake has doubled its two.
		Eventually(revisionsOf).WithArguments(ctx).WithTimeout(6 * time.Minute).WithPolling(time.Second).
			Should(HaveKeyWithValue(local.OperatorDeployment, operator+1))
		Expect(on.AwaitRollout(ctx, kedaNamespace, local.OperatorDeployment)).To(Succeed())
		onlyTheOperatorRestarted(ctx, before)
		putTLS(ctx, privates[0], next)
		restart(ctx, shop, privates[0])
		scaleShop(ctx, "vector(2)", urls(privates)...)
		for i := range privates {
			Eventually(readMetric).WithArguments(ctx, fmt.Sprintf("s%d-prometheus", i)).WithTimeout(2 * time.Minute).WithPolling(time.Second).
				Should(Equal("2"))
		}
	}, SpecTimeout(20*time.Minute))
})

// serve runs a Prometheus with TLS and returns the CA of its certificate.
func serve(ctx context.Context, name, image, ca string) []byte {
	GinkgoHelper()
	pair, err := certificates.Issue(ca+" of "+name, hostsOf(name))
	Expect(err).NotTo(HaveOccurred())
	putTLS(ctx, name, pair)
	run(ctx, name, image, name+"-tls")
	return pair.CA
}

func putTLS(ctx context.Context, server string, pair *certificates.Pair) {
	GinkgoHelper()
	putSecret(ctx, shop, server+"-tls", map[string][]byte{corev1.TLSCertKey: pair.Certificate, corev1.TLSPrivateKeyKey: pair.Key})
}

func hostsOf(server string) []string { return []string{server + "." + shop + ".svc"} }

func urls(servers []string) []string {
	var all []string
	for _, server := range servers {
		all = append(all, "https://"+hostsOf(server)[0]+":9090")
	}
	return all
}

func putTrustBundle(ctx context.Context, name string, ca []byte) {
	GinkgoHelper()
	bundle := asUnstructured(map[string]any{
		"apiVersion": "certificates.k8s.io/v1",
		"kind":       "ClusterTrustBundle",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"trustBundle": string(ca)},
	})
	_, err := on.Apply(ctx, bundle)
	Expect(err).NotTo(HaveOccurred())
}

func onlyTheOperatorRestarted(ctx context.Context, before map[string][]types.UID) {
	GinkgoHelper()
	Expect(on.AwaitRollout(ctx, kedaNamespace, local.OperatorDeployment)).To(Succeed())
	after := podsOf(ctx)
	for _, name := range kedaComponents {
		if name == local.OperatorDeployment {
			Expect(after[name]).NotTo(ContainElements(before[name]), name)
			continue
		}
		Expect(after[name]).To(ConsistOf(before[name]), name)
	}
}
