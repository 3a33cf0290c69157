package journeys

import (
	"context"
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
	// restartedMidway is a component that somebody restarts while a CA is replaced.
	restartedMidway = "keda-metrics-apiserver"
	// refused is what whoever calls it may get then, CA or no CA: a pod that ends
	// listens no more before kube-proxy knows.
	refused = "connect: connection refused"
)

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
		Eventually(mixed).WithArguments(ctx).WithTimeout(15 * time.Minute).WithPolling(time.Second).Should(Equal(next.CA))
		trustComesBack(ctx)
		called.report("")
		Expect(called.String()).NotTo(ContainSubstring("x509"))
		if !reloads(ctx) {
			Expect(called.edges[admissions].failed(refused)).To(BeZero(), called.String())
			countOneRestart(ctx)
			return
		}
		Expect(called.failed(refused)).To(BeZero(), called.String())
		revisions[restartedMidway]++
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
		Expect(called.failed()).NotTo(BeZero(), "else nobody needs keda-trust for this")
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

// countOneRestart tells what every restart of KEDA's operator costs, with nothing
// replaced. A KEDA that reads its certificate once is restarted at each stage, and
// only the leader among its operators answers the metrics-apiserver.
func countOneRestart(ctx context.Context) {
	GinkgoHelper()
	called := begin()
	restart(ctx, kedaNamespace, local.OperatorDeployment)
	settle(ctx, called, 40*time.Second) // longer than an operator leads that is gone
	called.report("of one restart of the operator by itself, ")
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
		return time.Since(begun) > patience || time.Since(begun) > quiet && time.Since(called.lastFailure()) > quiet
	}).WithContext(ctx).WithTimeout(2 * patience).WithPolling(time.Second).Should(BeTrue())
}
