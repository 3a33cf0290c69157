package installers

import (
	"context"
	"fmt"
	"maps"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

const operator = "Deployment keda-operator"

// onOperator runs kubectl on KEDA's operator.
func onOperator(ctx context.Context, args ...string) {
	GinkgoHelper()
	run(ctx, tools.kubectl, append(args, "--namespace", injector.DefaultKEDANamespace)...)
}

var _ = DescribeTable("An operator that runs without injection is injected in the same write as",
	func(ctx SpecContext, in installer, command func(context.Context, installer)) {
		in.apply(ctx, newer)
		in.apply(ctx, older)
		before := stored(ctx)[operator]
		expectUntouched(map[string]*unstructured.Unstructured{operator: before})
		keepReplicaSet(ctx, before, 2)
		enable(ctx)

		command(ctx, in)

		after := stored(ctx)[operator]
		expectInjected(ctx, map[string]*unstructured.Unstructured{operator: after})
		Expect(after.GetGeneration()).To(Equal(before.GetGeneration()+1), "it was written more than once")
	},
	Entry("kubectl rollout restart", byServerSide, func(ctx context.Context, _ installer) {
		onOperator(ctx, "rollout", "restart", "deployment/keda-operator")
		Expect(shown(stored(ctx)[operator])).To(ContainSubstring("kubectl.kubernetes.io/restartedAt"))
	}),
	Entry("kubectl set image", byClientSide, func(ctx context.Context, _ installer) {
		onOperator(ctx, "set", "image", "deployment/keda-operator", "keda-operator=registry.example.com/keda:2.20.1")
		Expect(container(stored(ctx)[operator])).To(HaveKeyWithValue("image", "registry.example.com/keda:2.20.1"))
	}),
	Entry("helm 3 rollback", byHelm3, rolledBack),
	Entry("helm 4 rollback", byHelm4, rolledBack),
)

func rolledBack(ctx context.Context, in installer) {
	GinkgoHelper()
	in.back(ctx, newer)
	Expect(argsOf(stored(ctx)[operator])).To(ContainElement(newer.extraArg))
}

var _ = Describe("An injected operator", func() {
	It("stays injected when it is scaled", func(ctx SpecContext) {
		enable(ctx)
		byServerSide.apply(ctx, newer)
		before := stored(ctx)
		onOperator(ctx, "scale", "--replicas=3", "deployment/keda-operator")
		after := stored(ctx)
		expectInjected(ctx, after)
		Expect(after[operator].Object["spec"]).To(HaveKeyWithValue("replicas", int64(3)))
		Expect(after[operator].Object["spec"]).To(HaveKeyWithValue("template", before[operator].Object["spec"].(map[string]any)["template"]))
	})

	It("is injected in the same write as kubectl rollout undo, there and back", func(ctx SpecContext) {
		byServerSide.apply(ctx, older)
		keepReplicaSet(ctx, stored(ctx)[operator], 1)
		enable(ctx)
		byServerSide.apply(ctx, newer)
		keepReplicaSet(ctx, stored(ctx)[operator], 2)

		By("going back to a template from before keda-trust")
		undo(ctx)
		Expect(argsOf(stored(ctx)[operator])).To(ContainElement(older.extraArg))
		keepReplicaSet(ctx, stored(ctx)[operator], 3)

		By("returning to one that was injected")
		undo(ctx)
		Expect(argsOf(stored(ctx)[operator])).To(ContainElement(newer.extraArg))

		By("taking it out again")
		disable(ctx)
		touch(ctx)
		expectSaid(ctx, newer, func(*unstructured.Unstructured) {})
	})
})

// undo goes back one revision and expects the result in that very write.
func undo(ctx context.Context) {
	GinkgoHelper()
	before := stored(ctx)[operator]
	onOperator(ctx, "rollout", "undo", "deployment/keda-operator")
	after := stored(ctx)[operator]
	expectInjected(ctx, map[string]*unstructured.Unstructured{operator: after})
	Expect(after.GetGeneration()).To(Equal(before.GetGeneration()+1), "it was written more than once")
}

// keepReplicaSet makes the ReplicaSet that a Deployment's revision has. It is a
// stand-in, since no deployment controller runs here: template, copied
// annotations, revision and owner are what that controller writes and what
// `kubectl rollout undo` reads.
func keepReplicaSet(ctx context.Context, deployment *unstructured.Unstructured, revision int) {
	GinkgoHelper()
	field := func(path ...string) any {
		value, found, err := unstructured.NestedFieldCopy(deployment.Object, path...)
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeTrue(), "%v", path)
		return value
	}
	name := fmt.Sprintf("%s-%d", deployment.GetName(), revision)
	set := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "ReplicaSet",
		"spec":       map[string]any{"replicas": int64(0), "selector": field("spec", "selector"), "template": field("spec", "template")},
	}}
	const hash = "pod-template-hash"
	Expect(unstructured.SetNestedField(set.Object, name, "spec", "selector", "matchLabels", hash)).To(Succeed())
	Expect(unstructured.SetNestedField(set.Object, name, "spec", "template", "metadata", "labels", hash)).To(Succeed())
	labels, _, err := unstructured.NestedStringMap(set.Object, "spec", "template", "metadata", "labels")
	Expect(err).NotTo(HaveOccurred())
	annotations := maps.Clone(deployment.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["deployment.kubernetes.io/revision"] = fmt.Sprint(revision)
	set.SetName(name)
	set.SetLabels(labels)
	set.SetAnnotations(annotations)
	set.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(deployment, deployment.GroupVersionKind())})
	_, err = cluster.Client.Resource(replicaSets).Namespace(injector.DefaultKEDANamespace).Create(ctx, set, metav1.CreateOptions{FieldManager: "kube-controller-manager"})
	Expect(err).NotTo(HaveOccurred())
}
