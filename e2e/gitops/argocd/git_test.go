package argocd

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"

	"github.com/keda-trust/keda-trust/e2e/local"
)

const (
	operator = "Deployment keda-operator"
	added    = "--k8s-cluster-name=green"
)

// commit adds an argument to KEDA's operator in Git.
func (c *controller) commit() {
	GinkgoHelper()
	for _, object := range c.target {
		if local.Title(object) == operator {
			container(object)["args"] = append(container(object)["args"].([]any), added)
		}
	}
}

// container is the content of the only one, to be read and written.
func container(deployment *unstructured.Unstructured) map[string]any {
	GinkgoHelper()
	containers, _, err := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template", "spec", "containers")
	Expect(err).NotTo(HaveOccurred())
	Expect(containers).To(HaveLen(1))
	return containers.([]any)[0].(map[string]any)
}

// argsOfOperator are what is stored.
func (c *controller) argsOfOperator(ctx SpecContext) []any {
	GinkgoHelper()
	for _, object := range c.target {
		if local.Title(object) == operator {
			stored, err := keda.Stored(ctx, object)
			Expect(err).NotTo(HaveOccurred())
			return container(stored)["args"].([]any)
		}
	}
	Fail("Git has no operator")
	return nil
}

var _ = DescribeTable("A commit arrives, once, with the README's settings for",
	func(ctx SpecContext, app func() *v1alpha1.Application) {
		c := installed(ctx, app())
		c.commit()
		record, err := keda.Run(ctx, c, 3)
		Expect(err).NotTo(HaveOccurred())
		Expect(record.Applied).To(Equal(map[string]int{operator: 1}), record.String())
		Expect(record.Stored).To(Equal(map[string]int{operator: 1}), record.String())
		Expect(c.argsOfOperator(ctx)).To(ContainElement(added))
		Expect(keda.Stands(ctx)).To(Succeed())
	},
	Entry("server-side apply", func() *v1alpha1.Application { return readme(true) }),
	Entry("client-side apply", func() *v1alpha1.Application { return readme(false) }),
)

var _ = It("loses a commit with RespectIgnoreDifferences, which is why the README has it not", func(ctx SpecContext) {
	app := readme(false)
	app.Spec.SyncPolicy.SyncOptions = append(app.Spec.SyncPolicy.SyncOptions, "RespectIgnoreDifferences=true")
	c := installed(ctx, app)
	c.commit()
	record, err := keda.Run(ctx, c, 3)
	Expect(err).NotTo(HaveOccurred())
	stored := c.argsOfOperator(ctx)
	AddReportEntry("stored", fmt.Sprintf("%v\n%s", stored, record))
	Expect(record.Applied).To(Equal(map[string]int{operator: 3}), record.String())
	Expect(stored).NotTo(ContainElement(added))
})
