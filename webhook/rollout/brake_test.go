package rollout_test

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("The brake", func() {
	It("lets a state wait that comes right after a restart, and goes straight to the newest", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		k.told()
		passed := k.publish(ctx, published(otherCustomCA("3")))
		k.pass(ctx, 30*time.Second)
		Expect(k.carry(ctx, passed)).To(Equal([]string{webhooks, metrics}))
		newest := k.publish(ctx, published(otherCustomCA("4")))
		k.pass(ctx, 85*time.Second)
		Expect(k.carry(ctx, newest)).To(Equal([]string{webhooks, metrics}))
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 1))
		Expect(k.told()).To(ConsistOf(And(HavePrefix("Normal RolloutHeld"), ContainSubstring("or now by: kubectl rollout restart -n "+k.namespace+" deployment/keda-operator"))), "once, though another state came")

		k.pass(ctx, 10*time.Second)
		Expect(k.carry(ctx, newest)).To(Equal(all))
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 2))
	})

	It("lets the stages of one change of certificate follow each other, and tells nobody", func(ctx context.Context) {
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
		k.told()
		k.target = "next"
		for stage := range 3 {
			k.publish(ctx, published(func(s *injector.State) { s.CertificateDigest = fmt.Sprint("stage-", stage) }))
			k.finish(ctx)
			k.pass(ctx, 10*time.Second)
		}
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 3, operator: 3}))
		Expect(toldOf(k.told(), injector.ReasonRolloutHeld)).To(BeEmpty())

		k.target = "another"
		k.publish(ctx, published(func(s *injector.State) { s.CertificateDigest = "stage-3" }))
		k.pass(ctx, 100*time.Second)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(metrics, 3), "what is wanted now is another thing")
		k.pass(ctx, 20*time.Second)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(metrics, 4), "and the interval has not grown")
	})

	It("holds back what is taken back, though it goes where it went before", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.target = "next"
		k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		k.change(ctx, operator, asManifest(k, operator))
		clear(k.changes)
		k.pass(ctx, 100*time.Second)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 0))
		k.pass(ctx, time.Minute)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 1))
	})

	It("is kept by a new leader", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		k.lead(direct)
		newest := k.publish(ctx, published(otherCustomCA("3")))
		k.pass(ctx, 110*time.Second)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 1))
		k.pass(ctx, 20*time.Second)
		Expect(k.carry(ctx, newest)).To(Equal(all))
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 2))
	})

	It("that has grown is kept by a new leader, and grows on", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.now = k.now.Truncate(time.Second) // as nudges are noted
		k.publish(ctx, published(otherCustomCA("first")))
		k.finish(ctx)
		for i, minutes := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
			k.lead(direct)
			k.publish(ctx, published(otherCustomCA(fmt.Sprint(i))))
			k.pass(ctx, minutes*time.Minute-time.Second)
			Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, i+1), "is held back")
			Expect(toldOf(k.told(), injector.ReasonRolloutHeld)).To(ConsistOf(HavePrefix(map[bool]string{true: "Normal", false: "Warning"}[i == 0])))
			k.pass(ctx, time.Second)
			Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, i+2))
			k.becomeAvailable(ctx, all...)
			k.reconcile(ctx)
		}

		k.now = k.now.Add(24 * time.Hour)
		for i, minutes := range []time.Duration{0, 2} {
			k.lead(direct)
			k.publish(ctx, published(otherCustomCA(fmt.Sprint("rested ", i))))
			k.pass(ctx, minutes*time.Minute)
			Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, 9+i), "after a rest it begins anew")
			k.becomeAvailable(ctx, all...)
			k.reconcile(ctx)
		}
	})

	It("that has grown for what is taken back is kept by a new leader, where the nudge is left", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		for range 3 { // after the last of which it is eight minutes
			k.change(ctx, operator, asManifest(k, operator))
			k.reconcile(ctx)
			Expect(mounted(k.deployment(ctx, operator))).To(ContainElement(injector.VolumeCertificates))
			k.becomeAvailable(ctx, all...)
			k.pass(ctx, 5*time.Minute)
		}
		k.change(ctx, operator, asManifest(k, operator))
		k.lead(direct)
		k.reconcile(ctx)
		k.pass(ctx, 2*time.Minute)
		Expect(mounted(k.deployment(ctx, operator))).NotTo(ContainElement(injector.VolumeCertificates))
		k.pass(ctx, 2*time.Minute)
		Expect(mounted(k.deployment(ctx, operator))).To(ContainElement(injector.VolumeCertificates))
	})

	It("follows a source that flaps for a minute twice, of which the controller of the published state tells", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.told()
		newest := ""
		for second := range 60 {
			newest = k.publish(ctx, published(otherCustomCA(fmt.Sprint(second))))
			k.reconcile(ctx)
			k.becomeAvailable(ctx, all...)
			k.pass(ctx, time.Second)
		}
		k.pass(ctx, time.Hour)
		Expect(k.carry(ctx, newest)).To(Equal(all))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 2}))
		Expect(toldOf(k.told(), injector.ReasonRolloutHeld)).To(ConsistOf(HavePrefix("Normal")), "the first wait is usual")
	})

	It("follows one that flaps for hours ever more rarely, and afterwards as before", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		id := ""
		flap := func(i int) {
			id = k.publish(ctx, published(otherCustomCA(fmt.Sprint(i))))
			k.reconcile(ctx)
			k.becomeAvailable(ctx, all...)
		}
		for i := range 60 {
			flap(i)
			k.pass(ctx, 3*time.Minute)
		}
		Expect(k.restarts(ctx)[operator]).To(BeNumerically("~", 7, 2), "in three hours")
		Expect(toldOf(k.told(), injector.ReasonRolloutHeld)).To(HaveLen(k.restarts(ctx)[operator]-1), "once after each but the first")
		k.pass(ctx, 3*time.Hour)
		k.told()
		flap(100)
		Expect(k.carry(ctx, id)).To(Equal(all), "at once")
		flap(101)
		k.pass(ctx, 3*time.Minute)
		Expect(k.carry(ctx, id)).To(Equal(all), "the interval is short again")
	})

	It("holds up no retry of what restarted nothing", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.lead(past)
		id := k.publish(ctx, published(otherCustomCA("2")))
		k.reconcile(ctx)
		k.lead(direct)
		k.now = k.now.Add(24 * time.Hour)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
	})
})

var _ = Describe("A new leader", func() {
	It("restarts nothing, and writes nothing", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		before := k.versions(ctx)
		k.lead(direct)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(before))
	})

	It("of another version restarts nothing, though it would inject something else", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.change(ctx, webhooks, func(d *appsv1.Deployment) { // as one left it that knew of no minimum of TLS
			d.Spec.Template.Spec.Containers[0].Env = nil
			d.Annotations[injector.AnnotationInjected] = `{"v":1,"container":"keda-admission-webhooks","edits":[` +
				`{"kind":"volume","key":"keda-trust-certificates","now":"Secret keda-trust-certificates"},` +
				`{"kind":"mount","key":"/certs","was":"certificates","now":"keda-trust-certificates"}]}`
		})
		clear(k.changes)
		before := k.versions(ctx)
		k.lead(direct)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(before))

		id := k.publish(ctx, published(otherCustomCA("2")))
		k.finish(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all), "with the next state it does")
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 1, metrics: 0, operator: 1}))
	})

	It("goes on in the middle of a rollout, in order", func(ctx context.Context) {
		k := newKEDA(ctx)
		id := k.publish(ctx, published())
		k.reconcile(ctx)
		k.lead(direct)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks}))
		k.becomeAvailable(ctx, webhooks)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks, metrics}))
		Expect(toldOf(k.told(), injector.ReasonRolloutFinished)).To(ConsistOf(ContainSubstring(webhooks)), "though another one began it")
	})

	It("for a moment beside the old one, restarts nothing twice", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		other := *k
		other.lead(direct)
		first := true
		k.lead(onPatch(direct, func() error { // both have read before either writes
			if first {
				first = false
				other.reconcile(ctx)
			}
			return nil
		}))
		id := k.publish(ctx, published(otherCustomCA("2")))
		k.reconcile(ctx)
		Expect(first).To(BeFalse())
		k.pass(ctx, time.Hour)
		other.pass(ctx, time.Hour)
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}))
	})

	DescribeTable("counts a nudge of another leader as a restart", func(ctx context.Context, progressed time.Duration, restarts int) {
		k := injectedKEDA(ctx, published())
		k.change(ctx, operator, func(d *appsv1.Deployment) {
			d.Annotations[injector.AnnotationNudge] = k.now.UTC().Format(time.RFC3339)
		})
		k.becomeAvailable(ctx, all...)
		d := k.deployment(ctx, operator)
		d.Status.Conditions = []appsv1.DeploymentCondition{{
			Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastUpdateTime: metav1.NewTime(k.now.Add(progressed)),
		}}
		Expect(direct.Status().Update(ctx, d)).To(Succeed())
		k.publish(ctx, published(otherCustomCA("2")))
		k.now = k.now.Add(time.Second)
		k.reconcile(ctx)
		Expect(k.restarts(ctx)).To(HaveKeyWithValue(operator, restarts))
	},
		Entry("after which it made progress", time.Duration(0), 0),
		Entry("but not one after which all stood as before", -time.Hour, 1),
	)
})
