package corpus

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Live admission", Ordered, ContinueOnFailure, func() {
	BeforeAll(enable)

	DescribeTable("injects what is written down, and the API server accepts",
		func(ctx SpecContext, s source) {
			in := s.read(ctx)
			in.expectAllWanted()
			for _, object := range in.subjects() {
				want := in.wanted[local.Title(object)]
				cluster.Warnings.Take()
				got := create(ctx, object)
				told := cluster.Warnings.Take()
				switch plain := plainOf(ctx, object); {
				case object.GetKind() == "ValidatingWebhookConfiguration":
					expectLeftAlone(got, plain) // the API server shows these to no webhook
				case want.injected():
					expectInjected(got, plain, want, published(ctx, object))
				default:
					expectLeftAlone(got, plain)
					expectTold(told, want.reason)
				}
			}
		},
		each(),
	)
})

// expectTold wants the writer to hear of what is KEDA's and not injected. What is
// not KEDA's is none of keda-trust's business.
func expectTold(told []string, reason injector.Reason) {
	GinkgoHelper()
	if reason == injector.ReasonNotKEDA {
		Expect(told).NotTo(ContainElement(ContainSubstring("keda-trust")))
		return
	}
	Expect(told).To(ContainElement(ContainSubstring(string(reason))))
}

// published is what admission carries out for an object.
func published(ctx context.Context, object *unstructured.Unstructured) carried {
	GinkgoHelper()
	state, err := cluster.State(ctx, namespaceOf(object))
	Expect(err).NotTo(HaveOccurred())
	Expect(state).NotTo(BeNil())
	Expect(state.CABundle).To(BeEquivalentTo(authority.CertPEM))
	return carried{secret: injector.PublishedSecret, roots: state.CustomCAConfigMap, caBundle: string(state.CABundle)}
}

func namespaceOf(object *unstructured.Unstructured) string {
	GinkgoHelper()
	if object.GetKind() != "APIService" {
		return object.GetNamespace()
	}
	namespace, _, err := unstructured.NestedString(object.Object, "spec", "service", "namespace")
	Expect(err).NotTo(HaveOccurred())
	return namespace
}

// plainOf is what the API server alone makes of an object. An APIService is in no
// namespace, so it is shown one whose Service is in a namespace without the label.
func plainOf(ctx context.Context, object *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	if object.GetKind() != "APIService" {
		return createPlain(ctx, object)
	}
	elsewhere := object.DeepCopy()
	Expect(unstructured.SetNestedField(elsewhere.Object, plainNamespace, "spec", "service", "namespace")).To(Succeed())
	plain := create(ctx, elsewhere)
	Expect(unstructured.SetNestedField(plain.Object, namespaceOf(object), "spec", "service", "namespace")).To(Succeed())
	return plain
}
