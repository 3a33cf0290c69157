package journeys

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who labels the namespace of a running KEDA", func() {
	It("has it injected, and every edge of trust holds", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())

		_, err := on.Kubectl(ctx, "label", "namespace", injector.DefaultKEDANamespace, injector.LabelInject+"="+string(injector.ModeEnabled))
		Expect(err).NotTo(HaveOccurred())
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())

		// The operator is Ready before it leads and listens for the metrics-apiserver.
		Eventually(func() error {
			_, err := on.Trust(ctx, "check", "-n", injector.DefaultKEDANamespace)
			return err
		}).WithContext(ctx).WithTimeout(time.Minute).Should(Succeed())
		pods, err := on.Pods.CoreV1().Pods(injector.DefaultKEDANamespace).List(ctx, metav1.ListOptions{})
		Expect(err).NotTo(HaveOccurred())
		for _, pod := range pods.Items {
			Expect(pod.Spec.Volumes).To(ContainElement(HaveField("Name", injector.VolumeCertificates)), pod.Name)
		}
	}, SpecTimeout(10*time.Minute))
})
