package journeys

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	// restartedMidway is a component that somebody restarts while a CA is replaced, so
	// that it connects to an operator that may serve another certificate than its own.
	restartedMidway = "keda-metrics-apiserver"
	// handover is longer than nobody answers then, CA or no CA: two seconds on a quiet
	// machine, four on a busy one. A channel to the operator that is not trusted
	// comes back with the kubelet, within a minute, so this is not all that is held.
	handover = 10 * time.Second
)

// handingOver is what whoever calls it may get then: a pod that ends listens no more
// before kube-proxy knows, and the API server may have asked it just then.
var handingOver = []string{"connect: connection refused", "service unavailable"}

var _ = Describe("Who replaces the CA of KEDA's certificate while KEDA is called", func() {
	It("loses no call to trust with keda-trust", func(ctx SpecContext) {
		bringCertificate(ctx)
		scaleForCalls(ctx)
		trustHolds(ctx)
		revisions := revisionsOf(ctx)

		called := begin()
		next := putCertificate(ctx, "Next")
		mixed := func(ctx context.Context) []byte { return externalMetrics(ctx).Spec.CABundle }
		Eventually(mixed).WithArguments(ctx).WithTimeout(time.Minute).WithPolling(time.Second).
			Should(ContainSubstring(string(next.CA)), "beside the old one")
		restart(ctx, kedaNamespace, restartedMidway)
		// The one that starts now has the new certificate; the others get it from their
		// kubelet, in its own time.
		Eventually(certificatesIn).WithArguments(ctx, injector.PublishedSecret).WithTimeout(10 * time.Minute).WithPolling(time.Second).
			Should(HaveKeyWithValue(corev1.TLSCertKey, string(next.Certificate)))
		restart(ctx, kedaNamespace, restartedMidway)
		Eventually(mixed).WithArguments(ctx).WithTimeout(15 * time.Minute).WithPolling(time.Second).Should(Equal(next.CA))
		trustComesBack(ctx)
		called.report("")
		nothingCrashed(ctx)
		Expect(called.String()).NotTo(ContainSubstring("x509"))
		Expect(called.edges[admissions].failed(handingOver...).calls).To(BeZero(), called.String())
		if !reloads(ctx) {
			noMoreThanRestartsCost(ctx, called.edges[reads].silence, revisionsOf(ctx)[local.OperatorDeployment]-revisions[local.OperatorDeployment])
			return
		}
		Expect(called.failed(handingOver...).calls).To(BeZero(), called.String())
		Expect(called.edges[reads].silence).To(BeNumerically("<", 2*handover), called.String())
		revisions[restartedMidway] += 2
		Expect(revisionsOf(ctx)).To(Equal(revisions), "nothing else restarts, so nothing else refuses")
	}, SpecTimeout(25*time.Minute))

	It("counts what fails with KEDA alone", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		scaleForCalls(ctx)
		first := kedaCA(ctx)

		called := begin()
		Expect(on.Pods.CoreV1().Secrets(kedaNamespace).Delete(ctx, kedaSecret, metav1.DeleteOptions{})).To(Succeed())
		restart(ctx, kedaNamespace, local.OperatorDeployment)
		Eventually(kedaCA).WithArguments(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).ShouldNot(Or(BeEmpty(), Equal(first)))
		restart(ctx, kedaNamespace, restartedMidway)
		settle(ctx, called, kubeletSync)
		called.report("")
		Expect(called.failed(handingOver...).calls).NotTo(BeZero(), "else nobody needs keda-trust for this")
	}, SpecTimeout(20*time.Minute))
})

// reloads tells whether KEDA reads its certificate again. One before 2.17.2 does not,
// and is restarted by a variable that names the certificate.
func reloads(ctx context.Context) bool {
	GinkgoHelper()
	operator, err := deploymentOf(ctx, local.OperatorDeployment)
	Expect(err).NotTo(HaveOccurred())
	return !slices.ContainsFunc(operator.Spec.Template.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == injector.EnvCertificate })
}

// noMoreThanRestartsCost tells what every restart of KEDA costs, with nothing replaced,
// and holds against it for how long nobody answered. A KEDA that reads its certificate
// once is restarted at each stage, and only the leader among its operators answers the
// metrics-apiserver: another leads when the one that is gone has not been heard of for
// 15 seconds, and is found sooner or later after that, the later the busier the machine
// is. One that is not trusted would not be found at all.
func noMoreThanRestartsCost(ctx context.Context, silence time.Duration, restarts int) {
	GinkgoHelper()
	called := begin()
	restart(ctx, kedaNamespace, restartedMidway)
	restart(ctx, kedaNamespace, local.OperatorDeployment)
	settle(ctx, called, 40*time.Second)
	called.report(fmt.Sprintf("of one restart by itself, where there were %d, ", restarts))
	Expect(restarts).To(BeNumerically("<=", 2), "once to trust the new CA, once to show the new certificate")
	one := called.edges[reads].silence
	Expect(silence).To(BeNumerically("<", time.Duration(restarts)*(one+30*time.Second)), "one takes %s", one)
}

// scaleForCalls has a metric to read, from a KEDA that refuses what is bad.
func scaleForCalls(ctx context.Context) {
	GinkgoHelper()
	run(ctx, prometheus, openShop(ctx), "")
	scaleShop(ctx, "vector(1)", plainServer)
	Eventually(readMetric).WithArguments(ctx, firstMetric).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Equal("1"))
	Eventually(refuseBadScaledObject).WithArguments(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Succeed())
}

// kubeletSync is longer than a kubelet leaves a changed Secret unread.
const kubeletSync = 2 * time.Minute

// settle waits until no call has failed for a while, or until nobody believes any
// more that it ends by itself.
func settle(ctx context.Context, called *calls, quiet time.Duration) {
	GinkgoHelper()
	const patience = 6 * time.Minute
	begun := time.Now()
	Eventually(func() bool {
		return time.Since(begun) > patience || time.Since(begun) > quiet && time.Since(called.failed().last) > quiet
	}).WithContext(ctx).WithTimeout(2 * patience).WithPolling(time.Second).Should(BeTrue())
}
