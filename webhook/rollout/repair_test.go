package rollout_test

import (
	"context"
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

var _ = Describe("What was written while the webhook was down", func() {
	It("is injected afterwards, whatever its label says", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		before := rolloutsOf(injector.ComponentMetricsAPIServer, injector.ReasonRepaired)
		k.change(ctx, metrics, asManifest(k, metrics))
		Expect(k.deployment(ctx, metrics).Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateInjected))
		clear(k.changes)
		k.finish(ctx)
		Expect(mounted(k.deployment(ctx, metrics))).To(ContainElement(injector.VolumeCertificates))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 1, operator: 0}))
		Expect(rolloutsOf(injector.ComponentMetricsAPIServer, injector.ReasonRepaired)).To(Equal(before + 1))
	})

	It("is put right in the APIService, which restarts nothing", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		api := k.apiService(ctx)
		edit(ctx, past, api, func() { api.Spec.CABundle = []byte("KEDA's own") })
		k.reconcile(ctx)
		Expect(k.apiService(ctx).Spec.CABundle).To(Equal([]byte("corp")))
		Expect(k.restarts(ctx)).To(HaveEach(0))
	})

	It("is taken out where it was opted out", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.change(ctx, operator, func(d *appsv1.Deployment) { d.Labels[injector.LabelInject] = "disabled" })
		k.finish(ctx)
		Expect(mounted(k.deployment(ctx, operator))).To(Equal([]string{"certificates"}))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}))
	})
})

var _ = Describe("A nudge", func() {
	It("that nobody answers is made ever more rarely, is told, and again before that is forgotten, and is answered when the webhook is back", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		id := k.publish(ctx, published(otherLeaf, otherCustomCA("2")))
		k.lead(past)
		unanswered := func() float64 { return counted("keda_trust_nudges_total", k.namespace, "operator", "unanswered") }
		k.reconcile(ctx)
		Expect(unanswered()).To(Equal(1.0))
		k.pass(ctx, time.Second)
		Expect(unanswered()).To(Equal(2.0), "a cache may have lagged behind")
		Expect(k.told()).To(BeEmpty())
		k.pass(ctx, 59*time.Minute)
		Expect(unanswered()).To(BeNumerically("~", 20, 4))
		told := k.told()
		Expect(toldOf(told, injector.ReasonNudgeUnanswered)).To(HaveLen(2*4), "two an object")
		Expect(told).To(HaveLen(2 * 4))
		Expect(k.restarts(ctx)).To(HaveEach(0))

		k.lead(direct)
		k.becomeAvailable(ctx, all...)
		k.now = k.now.Add(5 * time.Minute)
		k.finish(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}))
	})

	It("is answered by the same leader when the webhook is back", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		id := k.publish(ctx, published(otherCustomCA("2")))
		down := true
		k.lead(switching(func() client.Client {
			if down {
				return past
			}
			return direct
		}))
		k.pass(ctx, time.Hour)
		Expect(k.carry(ctx, id)).To(BeEmpty())
		down = false
		k.pass(ctx, 5*time.Minute)
		Expect(k.carry(ctx, id)).To(Equal(all), "the brake counts no nudge that restarted nothing")
	})

	It("that somebody takes back again and again is bounded, and names who it is", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		k.change(ctx, operator, asManifest(k, operator))
		clear(k.changes)
		times := 0
		const hours = 12
		for range hours * 6 {
			k.pass(ctx, 10*time.Minute)
			if mounted(k.deployment(ctx, operator))[0] == injector.VolumeCertificates {
				times++
				k.becomeAvailable(ctx, all...)
				k.reconcile(ctx)
				k.change(ctx, operator, asManifest(k, operator))
				k.reconcile(ctx)
			}
		}
		Expect(times).To(BeNumerically("<", 22))
		Expect(times).To(BeNumerically(">", 11), "it is never given up")
		told := toldOf(k.told(), injector.ReasonInjectionContested)
		Expect(len(told)).To(BeNumerically("~", hours, 2), "as long as it lasts, and seldom")
		Expect(told).To(HaveEach(And(ContainSubstring(operator), ContainSubstring(`"somebody"`))))

		id := k.publish(ctx, published(otherCertDir))
		k.becomeAvailable(ctx, all...)
		k.reconcile(ctx)
		k.becomeAvailable(ctx, all...)
		k.reconcile(ctx)
		Expect(k.carry(ctx, id)).To(Equal([]string{webhooks, metrics}), "the others do not wait for it")
	})

	It("of an object that has a fault is made once, so that its label says so", func(ctx context.Context) {
		k := injectedKEDA(ctx, published())
		faulty := func(d *appsv1.Deployment) {
			asManifest(k, operator)(d)
			d.Spec.Template.Spec.Containers[0].Args[1] = "--enable-cert-rotation=$(ROTATE)"
		}
		k.change(ctx, operator, faulty)
		k.pass(ctx, time.Minute)
		Expect(k.deployment(ctx, operator).Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateRefused))
		before := k.versions(ctx)
		k.pass(ctx, time.Hour)
		Expect(k.versions(ctx)).To(Equal(before))
	})

	DescribeTable("that the API server refuses is bounded like one that nobody answers, and holds up no other", func(ctx context.Context, refusal error) {
		k := injectedKEDA(ctx, published())
		id := k.publish(ctx, published(otherCertDir))
		k.lead(onPatchOf(direct, webhooks, func() error { return refusal }))
		for range 60 {
			k.pass(ctx, time.Minute)
			k.becomeAvailable(ctx, all...)
		}
		Expect(counted("keda_trust_nudges_total", k.namespace, "refused")).To(BeNumerically("~", 20, 4))
		Expect(toldOf(k.told(), injector.ReasonNudgeUnanswered)).To(And(HaveLen(2), HaveEach(And(ContainSubstring(webhooks), ContainSubstring(refusal.Error())))))
		Expect(k.carry(ctx, id)).To(Equal([]string{metrics, operator}))
	},
		Entry("by a policy", apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, webhooks, errors.New("a policy says no"))),
		Entry("by a policy with a code of its own", &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 400, Message: `admission webhook "policy" denied the request`}}),
		Entry("for a webhook that must not fail and does", apierrors.NewInternalError(errors.New(`failed calling webhook "deployments.keda-trust.io": connection refused`))),
	)

	DescribeTable("that failed for a moment is made again, and restarts once", func(ctx context.Context, failure error) {
		k := injectedKEDA(ctx, published())
		failures := 3
		k.lead(onPatch(direct, func() error {
			if failures--; failures >= 0 {
				return failure
			}
			return nil
		}))
		id := k.publish(ctx, published(otherCustomCA("2")))
		_, err := k.controller.Reconcile(ctx, watch.Request(k.namespace))
		Expect(err).To(MatchError(ContainSubstring(failure.Error())))
		k.finish(ctx)
		Expect(k.carry(ctx, id)).To(Equal(all))
		Expect(k.restarts(ctx)).To(Equal(map[string]int{webhooks: 0, metrics: 0, operator: 1}))
		Expect(counted("keda_trust_nudges_total", k.namespace, "failed")).To(Equal(3.0))
	},
		Entry("by a conflict", apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, operator, errors.New("it was modified"))),
		Entry("by an API server that has too much to do", apierrors.NewTooManyRequests("later", 1)),
		Entry("by one that took too long", apierrors.NewTimeoutError("later", 1)),
		Entry("by an etcd that took too long", apierrors.NewServerTimeout(schema.GroupResource{Resource: "deployments"}, "patch", 1)),
		Entry("by one that is gone", errors.New("connection refused")),
	)

	It("owns no field but its own, and the installer's next server-side apply meets no conflict", func(ctx context.Context) {
		k := newKEDA(ctx)
		for _, object := range k.manifests() {
			Expect(direct.Delete(ctx, object)).To(Succeed())
			apply(ctx, past, object)
		}
		k.becomeAvailable(ctx, all...)
		k.publish(ctx, published())
		k.finish(ctx)
		k.publish(ctx, published(otherCertDir))
		k.pass(ctx, time.Hour)
		k.finish(ctx)
		for _, name := range all {
			d := k.deployment(ctx, name)
			Expect(mounted(d)).To(ContainElement(injector.VolumeCertificates))
			Expect(fieldsOf(d, injector.Name)).To(ConsistOf(MatchRegexp(`^{"f:metadata":{"f:annotations":{("\.":{},)?"f:keda-trust.io/nudge":{}}}}$`)))
		}
		Expect(fieldsOf(k.apiService(ctx), injector.Name)).To(HaveEach(Not(ContainSubstring("f:spec"))))
		before := k.restarts(ctx)
		for _, object := range k.manifests() {
			apply(ctx, direct, object)
		}
		Expect(k.restarts(ctx)).To(Equal(before))
	})
})

// asManifest is what a write past admission leaves of an injected Deployment:
// what was injected is gone, and labels and annotations of ours are not.
func asManifest(k *keda, name string) func(d *appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		for _, object := range k.manifests() {
			if object.GetName() == name {
				d.Spec.Template.Spec = object.(*appsv1.Deployment).Spec.Template.Spec
			}
		}
	}
}

func mounted(d *appsv1.Deployment) []string {
	var names []string
	for _, m := range d.Spec.Template.Spec.Containers[0].VolumeMounts {
		names = append(names, m.Name)
	}
	return names
}

// apply is a server-side apply of a manifest by an installer, without force.
func apply(ctx context.Context, by client.Client, object client.Object) {
	GinkgoHelper()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	delete(raw, "status")
	unstructured.RemoveNestedField(raw, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(raw, "spec", "template", "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(raw, "spec", "strategy")
	Expect(by.Apply(ctx, client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: raw}), client.FieldOwner("helm"))).To(Succeed())
}

func fieldsOf(object client.Object, manager string) []string {
	var out []string
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == manager {
			out = append(out, entry.FieldsV1.GetRawString())
		}
	}
	return out
}

// onPatch calls before each patch, which fails with what it returns.
func onPatch(c client.WithWatch, before func() error) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
			if err := before(); err != nil {
				return err
			}
			return c.Patch(ctx, object, patch, o...)
		},
	})
}

func onPatchOf(c client.WithWatch, name string, before func() error) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
			if object.GetName() == name {
				if err := before(); err != nil {
					return err
				}
			}
			return c.Patch(ctx, object, patch, o...)
		},
	})
}

// switching patches by one client or another.
func switching(choose func() client.Client) client.Client {
	return interceptor.NewClient(direct, interceptor.Funcs{
		Patch: func(ctx context.Context, _ client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
			return choose().Patch(ctx, object, patch, o...)
		},
	})
}
