package flux

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/e2e/gitops/gitopstest"
)

const (
	cycles = 20
	// patience bounds each wait for keda-trust, which takes a few seconds.
	patience = time.Minute
)

var _ = DescribeTable("Nothing drifts, nor is anything written, without any settings for",
	func(ctx SpecContext, toolFor func([]*unstructured.Unstructured) gitopstest.Tool) {
		tool := toolFor(keda.Git())
		// The second one clears away who wrote the Namespace before Flux came.
		_, err := keda.Run(ctx, tool, 2)
		Expect(err).NotTo(HaveOccurred())
		Eventually(keda.Stands).WithContext(ctx).WithTimeout(patience).Should(Succeed())
		expectNoDrift(ctx, tool)

		By("trusting another CA, which keda-trust rolls out")
		before, err := keda.CustomCAs(ctx)
		Expect(err).NotTo(HaveOccurred())
		keda.TrustAnotherRoot(ctx, GinkgoTB(), CurrentSpecReport().LeafNodeText)
		Eventually(keda.StandsFor).WithContext(ctx).WithArguments(before).WithTimeout(patience).Should(Succeed())
		expectNoDrift(ctx, tool)
	},
	Entry("a Kustomization", func(git []*unstructured.Unstructured) gitopstest.Tool { return kustomization{git} }),
	Entry("a HelmRelease", func(git []*unstructured.Unstructured) gitopstest.Tool { return helmRelease{git} }),
)

func expectNoDrift(ctx SpecContext, tool gitopstest.Tool) {
	GinkgoHelper()
	record, err := keda.Run(ctx, tool, cycles)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry(fmt.Sprintf("%d cycles", cycles), record.String())
	Expect(record.Different).To(BeEmpty())
	Expect(record.Applied).To(BeEmpty())
	Expect(record.Stored).To(BeEmpty())
	Expect(record.Rolled).To(BeEmpty())
	Expect(keda.Stands(ctx)).To(Succeed())
}

var _ = It("has no settings in the README but the one that detects drift", func() {
	Expect(gitopstest.Settings(GinkgoTB(), root, "Kustomization")).To(BeEmpty())
	documents := gitopstest.Settings(GinkgoTB(), root, "HelmRelease")
	Expect(documents).To(HaveLen(1))
	var release struct{ Spec map[string]any }
	Expect(yaml.Unmarshal(documents[0], &release)).To(Succeed())
	Expect(release.Spec).To(HaveKeyWithValue("driftDetection", map[string]any{"mode": "enabled"}))
})
