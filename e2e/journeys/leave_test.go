package journeys

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who leaves keda-trust", func() {
	It("takes the injection out, keeps it without the label, and loses nothing with keda-trust", func(ctx SpecContext) {
		bringCertificate(ctx)
		Expect(on.ApplyNamespace(ctx, shop, nil, nil)).To(Succeed())
		trustHolds(ctx)

		By("disabling it")
		label(ctx, injector.ModeDisabled)
		for _, name := range kedaComponents {
			Eventually(deploymentOf).WithArguments(ctx, name).WithTimeout(3*time.Minute).WithPolling(time.Second).
				Should(And(HaveField("Annotations", Not(HaveKey(injector.AnnotationInjected))), Not(mountsOurs())), name)
		}
		Expect(on.AwaitKEDA(ctx)).To(Succeed(), "with its own certificates")
		Eventually(tryBadScaledObject).WithArguments(ctx).WithTimeout(2*time.Minute).WithPolling(time.Second).
			Should(MatchError(ContainSubstring(refusal)), "KEDA verifies by itself")

		By("removing the label from one that is enabled")
		label(ctx, injector.ModeEnabled)
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx)
		before := everything(ctx)
		_, err := on.Kubectl(ctx, "label", "namespace", kedaNamespace, injector.LabelInject+"-")
		Expect(err).NotTo(HaveOccurred())
		Consistently(everything).WithArguments(ctx).WithTimeout(15 * time.Second).WithPolling(time.Second).Should(Equal(before))
		trustHolds(ctx)

		By("uninstalling keda-trust, whose pods are gone before")
		label(ctx, injector.ModeEnabled)
		stopTrust(ctx)
		Expect(on.UninstallTrust(ctx)).To(Succeed())
		Expect(on.ApplyNamespace(ctx, "unrelated", nil, nil)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(on.DeleteNamespace(ctx, "unrelated")).To(Succeed()) })
		for _, name := range kedaComponents {
			restart(ctx, kedaNamespace, name)
			Expect(deploymentOf(ctx, name)).To(mountsOurs(), "it runs on what was published")
		}
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Eventually(tryBadScaledObject).WithArguments(ctx).WithTimeout(time.Minute).WithPolling(time.Second).
			Should(MatchError(ContainSubstring(refusal)))
	}, SpecTimeout(20*time.Minute))
})

// stopTrust ends all of keda-trust's pods and lets none start.
func stopTrust(ctx context.Context) {
	GinkgoHelper()
	scaleTrust(ctx, 0)
	pods := func(ctx context.Context) (int, error) {
		list, err := on.Pods.CoreV1().Pods(injector.Name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return 0, fmt.Errorf("listing keda-trust's pods: %w", err)
		}
		return len(list.Items), nil
	}
	Eventually(pods).WithArguments(ctx).WithTimeout(time.Minute).Should(BeZero())
}

func scaleTrust(ctx context.Context, replicas int) {
	GinkgoHelper()
	_, err := on.Kubectl(ctx, "scale", "deployment", injector.Name, "-n", injector.Name, fmt.Sprintf("--replicas=%d", replicas))
	Expect(err).NotTo(HaveOccurred())
}
