package argocd

import (
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
)

const (
	// cycles are an hour of an Application that is refreshed every three minutes.
	cycles = 20
	// patience bounds each wait for keda-trust, which takes a few seconds.
	patience = time.Minute
)

// changedInPlace is what differs to who compares without the API server.
var changedInPlace = []string{
	"Deployment keda-admission .spec.template.spec.containers[0].args",
	"Deployment keda-admission .spec.template.spec.containers[0].volumeMounts[0].name",
	"Deployment keda-metrics-apiserver .spec.template.spec.containers[0].args",
	"Deployment keda-metrics-apiserver .spec.template.spec.containers[0].volumeMounts[1].name",
	"Deployment keda-operator .spec.template.spec.containers[0].args",
	"Deployment keda-operator .spec.template.spec.containers[0].volumeMounts[0].name",
}

// installed syncs KEDA by Argo CD and returns it when keda-trust is done.
func installed(ctx SpecContext, app *v1alpha1.Application) *controller {
	GinkgoHelper()
	c := control(app)
	_, err := keda.Run(ctx, c, 1)
	Expect(err).NotTo(HaveOccurred())
	Eventually(keda.Stands).WithContext(ctx).WithTimeout(patience).Should(Succeed())
	return c
}

// run lets it reconcile, which must change nothing of what is injected.
func run(ctx SpecContext, c *controller) *gitopstest.Record {
	GinkgoHelper()
	record, err := keda.Run(ctx, c, cycles)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry(fmt.Sprintf("%d cycles", cycles), record.String())
	Expect(keda.Stands(ctx)).To(Succeed())
	Expect(record.Rolled).To(BeEmpty())
	return record
}

var _ = DescribeTable("Nothing differs, nor is anything written, with the README's settings for",
	func(ctx SpecContext, app func() *v1alpha1.Application) {
		c := installed(ctx, app())
		record := run(ctx, c)
		Expect(record.Different).To(BeEmpty())
		Expect(record.Stored).To(BeEmpty())

		By("trusting another CA, which keda-trust rolls out")
		before, err := keda.CustomCAs(ctx)
		Expect(err).NotTo(HaveOccurred())
		keda.TrustAnotherRoot(ctx, GinkgoTB(), CurrentSpecReport().LeafNodeText)
		Eventually(keda.StandsFor).WithContext(ctx).WithArguments(before).WithTimeout(patience).Should(Succeed())
		record = run(ctx, c)
		Expect(record.Different).To(BeEmpty())
		Expect(record.Stored).To(BeEmpty())
	},
	Entry("server-side apply", func() *v1alpha1.Application { return readme(true) }),
	Entry("client-side apply", func() *v1alpha1.Application { return readme(false) }),
)

var _ = DescribeTable("Without settings, nothing is stored or restarts, though it is said to differ, by",
	func(ctx SpecContext, app *v1alpha1.Application) {
		record := run(ctx, installed(ctx, app))
		everyTime := map[string]int{}
		for _, what := range changedInPlace {
			everyTime[what] = cycles
		}
		Expect(record.Different).To(Equal(everyTime))
		Expect(record.Stored).To(BeEmpty())
	},
	Entry("client-side apply", bare()),
	Entry("server-side apply", bare("ServerSideApply=true")),
)

var _ = It("needs nothing but server-side diff, with or without what webhooks change", func(ctx SpecContext) {
	for _, options := range []string{"ServerSideDiff=true", "ServerSideDiff=true,IncludeMutationWebhook=true"} {
		for _, syncOptions := range [][]string{nil, {"ServerSideApply=true"}} {
			By(strings.Join(append(syncOptions, options), ","))
			app := bare(syncOptions...)
			app.Annotations = map[string]string{"argocd.argoproj.io/compare-options": options}
			record := run(ctx, installed(ctx, app))
			Expect(record.Different).To(BeEmpty())
			Expect(record.Stored).To(BeEmpty())
			keda.Remove(ctx, GinkgoTB())
		}
	}
})
