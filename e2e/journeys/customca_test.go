package journeys

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

// unknownCA is what KEDA says of a server whose CA it does not know.
const unknownCA = "x509: certificate signed by unknown authority"

// privates are Prometheus servers, each with a certificate of a CA of its own.
var privates = []string{"prometheus-secret", "prometheus-configmap", "prometheus-bundle"}

// It takes long, and so comes early: what is shorter fills the other clusters.
var _ = Describe("Who scales by servers with certificates of private CAs", SpecPriority(1), func() {
	It("names the CAs, and scaling goes on when one of them is replaced", func(ctx SpecContext) {
		// Enabled before KEDA is there: a restart of the operator by keda-trust less, and
		// each that comes soon after another doubles the time until the next.
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		label(ctx, injector.ModeEnabled)
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		image := openShop(ctx)
		cas := map[string][]byte{}
		for _, name := range privates {
			cas[name] = serve(ctx, name, image, "First")
		}

		By("scaling without them")
		scaleByPrivates(ctx, 2, 2, 2)
		for _, name := range privates {
			Eventually(refusals).WithArguments(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).
				Should(ContainElement(ContainSubstring(hostsOf(name)[0])))
		}
		Expect(shopPods(ctx)).To(BeEquivalentTo(1))

		By("naming three CAs, each in another kind of source")
		putSecret(ctx, kedaNamespace, "corp-first", map[string][]byte{"ca.crt": cas[privates[0]]})
		put(ctx, "v1", "ConfigMap", kedaNamespace, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "corp-second"}, Data: map[string]string{"ca.crt": string(cas[privates[1]])},
		})
		putTrustBundle(ctx, "corp-third", cas[privates[2]])
		theOperatorFollows(ctx, 4*time.Minute, func() {
			annotate(ctx, injector.AnnotationCustomCA, "secret/corp-first, configmap/corp-second, clustertrustbundle/corp-third")
		})
		scalesByPrivates(ctx, 2, 2, 2)
		Expect(refusals(ctx)).To(BeEmpty())

		By("adding the CA that replaces one of them")
		next, err := certificates.Issue("Second", hostsOf(privates[0]))
		Expect(err).NotTo(HaveOccurred())
		both := append(append([]byte{}, cas[privates[0]]...), next.CA...)
		// Two minutes after the restart before, and four where that came soon after one
		// for what KEDA had issued.
		theOperatorFollows(ctx, 6*time.Minute, func() { putSecret(ctx, kedaNamespace, "corp-first", map[string][]byte{"ca.crt": both}) })

		By("moving its server")
		putTLS(ctx, privates[0], next)
		restart(ctx, shop, privates[0])
		scaleByPrivates(ctx, 3, 1, 1)
		scalesByPrivates(ctx, 3, 1, 1)
		Expect(refusals(ctx)).To(BeEmpty())

		By("taking the CA before out")
		// That restart came soon after another, so this one waits twice as long.
		theOperatorFollows(ctx, 10*time.Minute, func() { putSecret(ctx, kedaNamespace, "corp-first", map[string][]byte{"ca.crt": next.CA}) })
		trusted := trustedCAs(ctx)
		Expect(trusted).To(And(ContainSubstring(string(next.CA)), ContainSubstring(string(cas[privates[1]])), ContainSubstring(string(cas[privates[2]]))))
		Expect(trusted).NotTo(ContainSubstring(string(cas[privates[0]])))
		scaleByPrivates(ctx, 4, 2, 2)
		scalesByPrivates(ctx, 4, 2, 2)
		Expect(refusals(ctx)).To(BeEmpty())
	}, SpecTimeout(25*time.Minute))
})

// scaleByPrivates has KEDA scale the shop to the highest of what each of the servers
// answers.
func scaleByPrivates(ctx context.Context, answers ...int) {
	GinkgoHelper()
	var triggers []any
	for i, server := range urls(privates) {
		triggers = append(triggers, trigger(server, fmt.Sprintf("vector(%d)", answers[i])))
	}
	_, err := on.Apply(ctx, scaledObject(shop, shop, triggers...))
	Expect(err).NotTo(HaveOccurred())
}

// scalesByPrivates waits until each trigger reads its answer, and the shop has as many
// pods as the highest: more than it had, for an HPA takes five minutes to have less.
func scalesByPrivates(ctx context.Context, answers ...int) {
	GinkgoHelper()
	for i, answer := range answers {
		Eventually(readMetric).WithArguments(ctx, fmt.Sprintf("s%d-prometheus", i)).WithTimeout(2 * time.Minute).WithPolling(time.Second).
			Should(Equal(fmt.Sprint(answer)))
	}
	Eventually(shopPods).WithArguments(ctx).WithTimeout(3 * time.Minute).WithPolling(time.Second).Should(BeEquivalentTo(slices.Max(answers)))
}

// theOperatorFollows makes a change of custom CAs, and waits until the operator has
// been rolled out for it, once, and alone. No pod of the one before is left then.
func theOperatorFollows(ctx context.Context, bound time.Duration, change func()) {
	GinkgoHelper()
	before, revision := podsOf(ctx), revisionsOf(ctx)[local.OperatorDeployment]
	change()
	Eventually(revisionsOf).WithArguments(ctx).WithTimeout(bound).WithPolling(time.Second).
		Should(HaveKeyWithValue(local.OperatorDeployment, revision+1))
	onlyTheOperatorRestarted(ctx, before)
	Eventually(uidsIn).WithArguments(ctx, kedaNamespace).WithTimeout(time.Minute).WithPolling(time.Second).
		ShouldNot(ContainElements(before[local.OperatorDeployment]))
	Expect(revisionsOf(ctx)).To(HaveKeyWithValue(local.OperatorDeployment, revision+1))
}

// uidsIn are those of all pods of a namespace, also of those that end.
func uidsIn(ctx context.Context, namespace string) ([]types.UID, error) {
	list, err := on.Pods.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	var uids []types.UID
	for _, pod := range list.Items {
		uids = append(uids, pod.UID)
	}
	return uids, nil
}

// refusals are what the operator that runs has logged of servers whose CA it does not
// know. Not its Events: of those that are alike client-go sends some, and drops others.
func refusals(ctx context.Context) []string {
	GinkgoHelper()
	log, err := on.Kubectl(ctx, "logs", "deployment/"+local.OperatorDeployment, "-n", kedaNamespace)
	Expect(err).NotTo(HaveOccurred())
	return slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool { return !strings.Contains(line, unknownCA) })
}

// trustedCAs are the custom CAs that the operator mounts, PEM.
func trustedCAs(ctx context.Context) string {
	GinkgoHelper()
	operator, err := deploymentOf(ctx, local.OperatorDeployment)
	Expect(err).NotTo(HaveOccurred())
	for _, volume := range operator.Spec.Template.Spec.Volumes {
		if volume.Name != injector.VolumeCustomCA {
			continue
		}
		Expect(volume.Projected.Sources).To(HaveLen(1))
		published, err := on.Pods.CoreV1().ConfigMaps(kedaNamespace).Get(ctx, volume.Projected.Sources[0].ConfigMap.Name, metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		return published.Data[injector.PublishedCAKey]
	}
	Fail("the operator mounts no custom CAs")
	return ""
}

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
	DeferCleanup(func(ctx context.Context) { Expect(on.Delete(ctx, []*unstructured.Unstructured{bundle})).To(Succeed()) })
	_, err := on.Apply(ctx, bundle)
	Expect(err).NotTo(HaveOccurred())
}

func onlyTheOperatorRestarted(ctx context.Context, before map[string][]types.UID) {
	GinkgoHelper()
	Expect(on.AwaitRollout(ctx, kedaNamespace, local.OperatorDeployment)).To(Succeed())
	after := podsOf(ctx)
	for _, name := range platform.KEDADeployments {
		if name == local.OperatorDeployment {
			Expect(after[name]).NotTo(ContainElements(before[name]), name)
			continue
		}
		Expect(after[name]).To(ConsistOf(before[name]), name)
	}
}
