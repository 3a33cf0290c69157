package installers

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

var _ = DescribeTable("KEDA is applied again without force, and nothing is lost, by",
	func(ctx SpecContext, in installer) {
		By("installing before anybody has opted in")
		in.apply(ctx, older)
		first := stored(ctx)
		expectUntouched(first)

		By("upgrading once the namespace is labelled")
		enable(ctx)
		in.apply(ctx, newer)
		injected := stored(ctx)
		expectInjected(ctx, injected)
		expectOwners(first, injected)

		By("applying the same again")
		in.apply(ctx, newer)
		again := stored(ctx)
		expectInjected(ctx, again)
		expectOwners(first, again)
		for title, object := range again {
			Expect(object.Object["spec"]).To(Equal(injected[title].Object["spec"]), "%s", title)
		}

		By("upgrading while keda-trust is down")
		product.stop()
		in.apply(ctx, older)
		in.apply(ctx, newer)
		expectNothingLost(ctx, newer)
		expectOwners(first, stored(ctx))

		By("upgrading when it is back")
		product.start(ctx)
		enable(ctx)
		in.apply(ctx, older)
		expectInjected(ctx, stored(ctx))
		expectOwners(first, stored(ctx))

		By("upgrading after keda-trust was uninstalled")
		product.uninstall(ctx)
		in.apply(ctx, newer)
		expectNothingLost(ctx, newer)
		expectOwners(first, stored(ctx))
		in.back(ctx, older)
		expectNothingLost(ctx, older)
		expectOwners(first, stored(ctx))
	},
	Entry("Helm 3", byHelm3),
	Entry("Helm 4", byHelm4),
	Entry("kubectl apply", byClientSide),
	Entry("kubectl apply --server-side", byServerSide),
)

var _ = Describe("What these journeys hold the stored objects against", func() {
	It("sees a field, an element and an argument that are gone", func() {
		want := map[string]any{"args": []any{"a", "b"}, "env": []any{map[string]any{"name": "A"}}, "replicas": int64(1)}
		Expect(missing(want, want, "")).To(BeEmpty())
		for field, other := range map[string]any{
			"args":     []any{"a"},
			"env":      []any{map[string]any{"name": "B"}},
			"replicas": nil,
		} {
			got := map[string]any{"args": want["args"], "env": want["env"], "replicas": want["replicas"]}
			got[field] = other
			Expect(missing(want, got, "")).To(HaveLen(1), field)
		}
	})
	It("sees a field that changed hands", func() {
		owned := func(manager, fields string) map[string]*unstructured.Unstructured {
			object := &unstructured.Unstructured{Object: map[string]any{}}
			object.SetManagedFields([]metav1.ManagedFieldsEntry{{
				Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
			}})
			return map[string]*unstructured.Unstructured{operator: object}
		}
		const both, one = `{"f:spec":{"f:paused":{},"f:replicas":{}}}`, `{"f:spec":{"f:replicas":{}}}`
		Expect(InterceptGomegaFailures(func() { expectOwners(owned("helm", both), owned("helm", both)) })).To(BeEmpty())
		Expect(InterceptGomegaFailures(func() { expectOwners(owned("helm", both), owned("helm", one)) })).To(HaveLen(1))
		Expect(InterceptGomegaFailures(func() { expectOwners(owned("helm", one), owned("keda-trust", one)) })).To(HaveLen(2))
	})
	It("covers each of KEDA's components", func() {
		titles := []string{}
		for _, subject := range subjects() {
			titles = append(titles, local.Title(subject))
		}
		Expect(titles).To(ConsistOf("Deployment keda-operator", "Deployment keda-metrics-apiserver", "Deployment keda-admission",
			"APIService v1beta1.external.metrics.k8s.io"))
	})
})
