package journeys

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who labels the namespace of a running KEDA", func() {
	It("has it injected, and every edge of trust holds", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())

		label(ctx, injector.ModeEnabled)
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())

		trustHolds(ctx)
		for _, pod := range podsIn(ctx, kedaNamespace) {
			Expect(pod.Spec.Volumes).To(ContainElement(HaveField("Name", injector.VolumeCertificates)), pod.Name)
		}
	}, SpecTimeout(10*time.Minute))
})
