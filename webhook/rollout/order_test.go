package rollout_test

import (
	"context"
	"math"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

var _ = Describe("What was there before its namespace was labelled", func() {
	It("is injected one component after the other, and the APIService at once", func(ctx context.Context) {
		k := newKEDA(ctx)
		k.reconcile(ctx)
		Expect(k.restarts(ctx)).To(HaveEach(0), "nothing is published")
		Expect(k.result.RequeueAfter).To(Equal(10 * time.Minute))

		id := k.publish(ctx, published())
		before := rolloutsOf(injector.ComponentOperator, injector.ReasonFirstInjection)
		k.reconcile(ctx)
		Expect(k.apiService(ctx).Spec.CABundle).To(Equal([]byte("corp")))
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}))
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}), "its status is not known yet")
		Expect(toldOf(k.told(), injector.ReasonRolloutStarted)).To(ConsistOf(And(ContainSubstring(webhooks), ContainSubstring("FirstInjection"), ContainSubstring(id))))

		k.becomeAvailable(ctx, webhooks)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks, metrics}))
		k.becomeAvailable(ctx, metrics)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(rolloutsOf(injector.ComponentOperator, injector.ReasonFirstInjection)).To(Equal(before + 1))
		k.becomeAvailable(ctx, operator)
		k.reconcile(ctx)
		Expect(toldOf(k.told(), injector.ReasonRolloutFinished)).To(HaveLen(3))

		settled := k.versions(ctx)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(settled), "nothing more is written")
		Expect(k.restarts(ctx)).To(HaveEach(1))
		Expect(k.told()).To(BeEmpty())
	})
})

var _ = Describe("Another state", func() {
	It("restarts the operator and nothing else where a custom CA changed", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		before := rolloutsOf(injector.ComponentOperator, injector.ReasonCustomCAChanged)
		id := k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}))
		Expect(rolloutsOf(injector.ComponentOperator, injector.ReasonCustomCAChanged)).To(Equal(before + 1))
	})

	It("leaves an APIService that verifies nothing so until the metrics-apiserver has restarted", func(ctx context.Context) {
		k := newKEDA(ctx)
		api := k.apiService(ctx)
		edit(ctx, past, api, func() { api.Spec.InsecureSkipTLSVerify, api.Spec.CABundle = true, nil })
		k.publish(ctx, published())
		for _, name := range []string{webhooks, metrics} {
			k.reconcile(ctx)
			Expect(k.apiService(ctx).Spec.InsecureSkipTLSVerify).To(BeTrue(), "%s is on its way", name)
			k.becomeAvailable(ctx, name)
		}
		k.reconcile(ctx)
		Expect(k.apiService(ctx).Spec.CABundle).To(BeEquivalentTo("corp"))
		Expect(k.apiService(ctx).Spec.InsecureSkipTLSVerify).To(BeFalse())
	})

	It("has an APIService that verifies follow though the Deployments cannot be listed", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.publish(ctx, published(otherLeaf))
		k.leadReading(interceptor.NewClient(direct, interceptor.Funcs{
			List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
				return apierrors.NewTooManyRequestsError("busy")
			},
		}))
		for range 2 {
			_, err := k.controller.Reconcile(ctx, watch.Request(k.namespace))
			Expect(apierrors.IsTooManyRequests(err)).To(BeTrue(), "%v", err)
			Expect(k.apiService(ctx).Spec.CABundle).To(BeEquivalentTo("corp and next"))
		}
	})

	It("restarts nothing where a leaf changed, which KEDA reads again", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		before := k.versions(ctx)
		k.publish(ctx, published(otherLeaf))
		k.reconcile(ctx)
		after := k.versions(ctx)
		for _, name := range all {
			Expect(after).To(HaveKeyWithValue(name, before[name]), "it is not even written")
		}
		Expect(k.apiService(ctx).Spec.CABundle).To(Equal([]byte("corp and next")))
		Expect(k.told()).To(BeEmpty())
	})

	It("restarts what reads its leaf only when it starts", func(ctx context.Context) {
		k := newKEDA(ctx)
		for _, name := range all {
			k.change(ctx, name, func(d *appsv1.Deployment) {
				c := &d.Spec.Template.Spec.Containers[0]
				c.Image = c.Image[:len(c.Image)-len("2.21.0")] + "2.17.1"
			})
		}
		k.becomeAvailable(ctx, all...)
		k.publish(ctx, published())
		k.finish(ctx)
		k.pass(ctx, time.Hour)
		clear(k.changes)
		k.publish(ctx, published(otherLeaf))
		k.finish(ctx)
		Expect(k.carry(ctx, carried(published(otherLeaf), true))).To(Equal([]string{metrics, operator}))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 1, operator: 1}))
	})

	It("by hand: reaches what needs no restart, and nothing restarts before somebody else writes", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		id := k.publish(ctx, published(byHand, otherCustomCA("2"), func(s *injector.State) { s.CABundle = []byte("next") }))
		k.reconcile(ctx)
		k.pass(ctx, time.Hour)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks, metrics}))
		Expect(k.apiService(ctx).Spec.CABundle).To(Equal([]byte("next")))
		Expect(k.restarts(ctx)).To(HaveEach(0))
		Expect(k.told()).To(ConsistOf(And(ContainSubstring("RolloutManual"), ContainSubstring(operator), ContainSubstring("CustomCAChanged"))))
		k.pass(ctx, 30*time.Minute)
		Expect(k.told()).To(BeEmpty())
		k.pass(ctx, 20*time.Minute)
		Expect(k.told()).To(ConsistOf(ContainSubstring("RolloutManual")), "before it is forgotten")

		d := k.deployment(ctx, operator)
		edit(ctx, direct, d, func() { d.Labels["team"] = "a" })
		Expect(k.carry(ctx, id)).To(Equal(all))
	})
})

var _ = Describe("A Deployment that is not available", func() {
	// The one before the metrics-apiserver, as status sets it after its restart.
	DescribeTable("and those after it", func(ctx context.Context, before, after func(*appsv1.Deployment), waits bool) {
		k := newKEDA(ctx)
		k.status(ctx, webhooks, func(d *appsv1.Deployment) {
			one(d)
			before(d)
		})
		id := k.publish(ctx, published())
		k.reconcile(ctx)
		k.status(ctx, webhooks, func(d *appsv1.Deployment) {
			one(d)
			before(d)
			after(d)
		})
		k.now = k.now.Add(time.Minute)
		k.reconcile(ctx)
		if waits {
			Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}))
			return
		}
		Expect(k.carry(ctx, id)).To(ContainElement(metrics))
	},
		Entry("wait while the controllers have not seen the template", same, func(d *appsv1.Deployment) { d.Status.ObservedGeneration-- }, true),
		Entry("wait while the new replica is not there", same, func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 0 }, true),
		Entry("wait while the new replica is not available", same, func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }, true),
		Entry("wait while the available replica is an old one", same, func(d *appsv1.Deployment) { d.Status.Replicas = 2 }, true),
		Entry("wait where it became unavailable with our restart", same, unavailable(time.Hour), true),
		Entry("wait where an earlier template made no progress", same, func(d *appsv1.Deployment) {
			stuck(d)
			d.Status.ObservedGeneration--
		}, true),
		Entry("go on where it made no progress", same, stuck, false),
		Entry("go on where it was unavailable before", unavailable(-time.Hour), same, false),
	)

	It("holds up nobody where it is paused or scaled to nothing", func(ctx context.Context) {
		k := newKEDA(ctx)
		k.change(ctx, webhooks, func(d *appsv1.Deployment) { d.Spec.Paused = true })
		k.change(ctx, metrics, func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(0)) })
		id := k.publish(ctx, published())
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
	})

	DescribeTable("holds up others no longer than its progress deadline", func(ctx context.Context, seconds int32, deadline time.Duration) {
		k := newKEDA(ctx)
		k.change(ctx, webhooks, func(d *appsv1.Deployment) { d.Spec.ProgressDeadlineSeconds = &seconds })
		k.becomeAvailable(ctx, webhooks)
		id := k.publish(ctx, published())
		k.reconcile(ctx)
		k.lead(direct)
		k.reconcile(ctx)
		k.pass(ctx, deadline-2*time.Second)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}))
		Expect(k.told()).To(BeEmpty())
		k.pass(ctx, 2*time.Second)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks, metrics}))
		Expect(toldOf(k.told(), injector.ReasonRolloutStalled)).To(ConsistOf(ContainSubstring(webhooks)))
	},
		Entry("which it names", int32(90), 90*time.Second),
		Entry("or Kubernetes' own where there is none", int32(math.MaxInt32), 10*time.Minute),
	)

	It("holds up nobody where its nudge was written by hand, for a day that is far", func(ctx context.Context) {
		k := newKEDA(ctx)
		k.change(ctx, webhooks, func(d *appsv1.Deployment) {
			d.Annotations = map[string]string{injector.AnnotationNudge: "2999-01-01T00:00:00Z"}
		})
		k.status(ctx, webhooks, func(d *appsv1.Deployment) { d.Status.Replicas = 1 })
		id := k.publish(ctx, published())
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}), "it is the first itself")
	})
})

func same(*appsv1.Deployment) {}

func one(d *appsv1.Deployment) {
	d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = 1, 1, 1, 1
}

func unavailable(since time.Duration) func(d *appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = 0, 0
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, LastTransitionTime: metav1.NewTime(time.Now().Add(since)),
		}}
	}
}

func stuck(d *appsv1.Deployment) {
	d.Status.ReadyReplicas, d.Status.AvailableReplicas = 0, 0
	d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}
}

func rolloutsOf(component injector.Component, why injector.Reason) float64 {
	GinkgoHelper()
	return counted("keda_trust_rollouts_total", string(component), string(why))
}
