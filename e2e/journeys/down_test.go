package journeys

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who installs KEDA while keda-trust is down", func() {
	It("gets a KEDA that runs, and that is repaired when keda-trust is back", func(ctx SpecContext) {
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		pair := putCertificate(ctx, "Platform")
		Expect(on.InstallTrust(ctx)).To(Succeed())
		enable(ctx, map[string]string{injector.AnnotationCertificate: "secret/" + provided})
		stopTrust(ctx)
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Expect(deploymentOf(ctx, local.OperatorDeployment)).NotTo(mountsOurs())

		scaleTrust(ctx, 2)
		Expect(on.AwaitRollout(ctx, injector.Name, injector.Name)).To(Succeed())
		back := time.Now()
		Eventually(anyInjected).WithArguments(ctx).WithTimeout(30 * time.Second).WithPolling(100 * time.Millisecond).Should(BeTrue())
		begun := time.Since(back)
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		AddReportEntry("repaired", fmt.Sprintf("begun %s after keda-trust was ready, all restarted after %s",
			begun.Round(100*time.Millisecond), time.Since(back).Round(time.Second)))
		trustHolds(ctx)
		trustMovesTo(ctx, pair.CA) // KEDA has made one for itself meanwhile
	}, SpecTimeout(15*time.Minute))
})

func anyInjected(ctx context.Context) (bool, error) {
	for _, name := range platform.KEDADeployments {
		d, err := deploymentOf(ctx, name)
		if err != nil {
			return false, fmt.Errorf("reading Deployment %s: %w", name, err)
		}
		if d.Labels[injector.LabelState] == injector.StateInjected {
			return true, nil
		}
	}
	return false, nil
}
