package rollout_test

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("A namespace in which nothing is to be done", func() {
	DescribeTable("since it", func(ctx context.Context, change func(context.Context, *keda)) {
		k := injectedKEDA(ctx, published())
		change(ctx, k)
		k.change(ctx, operator, asManifest(k, operator))
		before := k.versions(ctx)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(before))
		Expect(k.told()).To(BeEmpty())
	},
		Entry("is audited", func(ctx context.Context, k *keda) { k.label(ctx, "audit") }),
		Entry("is not managed", func(ctx context.Context, k *keda) { k.label(ctx, "") }),
		Entry("has a label that is none", func(ctx context.Context, k *keda) { k.label(ctx, "yes") }),
		Entry("was not granted", func(_ context.Context, k *keda) { k.leadGranted(direct, "another") }),
		Entry("has a state that cannot be read", func(ctx context.Context, k *keda) {
			published := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.StateConfigMap}}
			edit(ctx, direct, published, func() { published.Data[injector.StateKey] = "{}" })
		}),
	)
})

var _ = Describe("A namespace that is disabled", func() {
	disable := func(ctx context.Context, k *keda) {
		GinkgoHelper()
		k.label(ctx, "disabled")
		k.admissionAnswersWith(ctx, "", nil)
	}

	It("gets back what its user wrote, without a state, in order, and then is left alone", func(ctx context.Context) {
		k := newKEDA(ctx)
		before := map[string]*appsv1.Deployment{}
		for _, name := range all {
			before[name] = k.deployment(ctx, name)
		}
		k.publish(ctx, published())
		k.finish(ctx)
		clear(k.changes)
		Expect(direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.StateConfigMap}})).To(Succeed())

		disable(ctx, k)
		k.lead(direct)
		k.reconcile(ctx)
		Expect(k.apiService(ctx).Spec.CABundle).NotTo(BeEmpty(), "it verifies what still serves")
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}), "the others wait for the Secret that it makes")
		k.lead(direct)
		k.reconcile(ctx)
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}), "a new leader knows too when it was")
		k.becomeAvailable(ctx, all...)
		k.reconcile(ctx)
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 1, operator: 1}))
		for range 2 {
			k.becomeAvailable(ctx, all...)
			k.reconcile(ctx)
		}
		Expect(k.restarts(ctx)).To(HaveEach(1))
		Expect(k.apiService(ctx).Spec.CABundle).To(BeEmpty(), "when the last was available")
		Expect(k.apiService(ctx).Annotations).To(BeEmpty())
		for _, name := range all {
			d := k.deployment(ctx, name)
			Expect(d.Spec).To(Equal(before[name].Spec))
			Expect(d.Labels).To(Equal(before[name].Labels))
			Expect(d.Annotations).To(Equal(before[name].Annotations))
		}
		Expect(toldOf(k.told(), injector.ReasonRolloutStarted)).To(HaveEach(And(ContainSubstring("without what was injected: Uninjected"), ContainSubstring("is not staged"))))
		settled := k.versions(ctx)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(settled))
	})

	It("does not wait for the brake, and does when it is enabled again", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.now = time.Now()
		id := k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		k.pass(ctx, 10*time.Second)
		clear(k.changes)
		disable(ctx, k)
		k.finish(ctx)
		Expect(k.restarts(ctx)).To(HaveEach(1))
		k.label(ctx, "enabled")
		k.admissionAnswersWith(ctx, id, published().CABundle)
		k.lead(direct)
		k.pass(ctx, 80*time.Second)
		Expect(k.carry(ctx, id)).To(BeEmpty())
		k.pass(ctx, 60*time.Second)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}))
	})

	It("by hand, is left to who writes next, and the APIService with it until nothing serves what it verifies", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}}
		edit(ctx, direct, ns, func() { ns.Annotations = map[string]string{injector.AnnotationRollout: "manual"} })
		disable(ctx, k)
		k.pass(ctx, time.Hour)
		Expect(k.restarts(ctx)).To(HaveEach(0))
		Expect(k.apiService(ctx).Spec.CABundle).NotTo(BeEmpty())
		Expect(toldOf(k.told(), injector.ReasonRolloutManual)).To(HaveLen(3))

		for _, name := range all {
			d := k.deployment(ctx, name)
			edit(ctx, direct, d, func() { d.Labels["team"] = "a" })
			Expect(k.apiService(ctx).Spec.CABundle).NotTo(BeEmpty())
			k.reconcile(ctx)
		}
		Expect(k.apiService(ctx).Spec.CABundle).To(BeEmpty())
	})
})
