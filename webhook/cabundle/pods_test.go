package cabundle

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("caBundles, while KEDA's pods follow,", func() {
	var k *keda
	var ours, theirs certtest.CA
	BeforeEach(func(ctx context.Context) {
		ours, theirs = certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "KEDA")
		k = newKEDA(ctx)
		k.publishCA(ctx, ours)
	})

	It("are left to an operator that still rotates, which is no contest", func(ctx context.Context) {
		k.operator(ctx, "--enable-cert-rotation=true")
		k.look(ctx)
		Expect(k.bundles(ctx)).To(HaveEach(string(ours.CertPEM)))
		k.told()
		for range 2 * contestedTimes {
			k.rebundle(ctx, "keda", theirs.CertPEM)
			k.wire.since()
			Expect(k.look(ctx)).To(Equal(podsInterval))
			Expect(k.wire.since()).To(BeEmpty())
		}
		Expect(k.told()).To(BeEmpty())

		k.now = k.now.Add(podsPatience)
		for range 2 {
			Expect(k.look(ctx)).To(Equal(podsInterval), "it is still waited for")
		}
		Expect(k.bundles(ctx)).To(HaveEach(string(theirs.CertPEM)))
		Expect(only(injector.ReasonBundleWaiting, k.told())).To(ConsistOf(
			And(HavePrefix("Warning"), ContainSubstring("ValidatingWebhookConfiguration keda-admission"), ContainSubstring("Deployment "+k.namespace+"/keda-operator"))), "once")

		k.injected(ctx, `{"v":1,"container":"keda-operator","edits":[{"kind":"arg","key":"enable-cert-rotation","was":"--enable-cert-rotation=true","now":"--enable-cert-rotation=false"}]}`, "--enable-cert-rotation=false")
		Expect(k.look(ctx)).To(Equal(podsInterval), "a pod of the template before may run yet")
		k.follows(ctx, operator, 0)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(HaveEach(string(ours.CertPEM)))
		Expect(k.told()).To(ConsistOf(ContainSubstring("CABundleRestored"), ContainSubstring("CABundleRestored")), "about the Namespace and the object")
	})

	It("are what they were only when no Deployment is injected any more, where the namespace is disabled", func(ctx context.Context) {
		k.operator(ctx)
		k.injected(ctx, `{"v":1,"container":"keda-operator","edits":[]}`)
		k.look(ctx)
		k.label(ctx, "disabled")
		Expect(k.look(ctx)).To(Equal(podsInterval))
		Expect(k.bundles(ctx)).To(HaveEach(string(ours.CertPEM)))
		k.told()
		k.now = k.now.Add(podsPatience)
		k.look(ctx)
		Expect(only(injector.ReasonBundleWaiting, k.told())).To(HaveLen(1))
		k.givenBack(ctx)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(HaveEach(""))
	})

	It("stay, where the namespace is disabled, for as long as a pod of the webhooks serves what they verify", func(ctx context.Context) {
		k.deploy(ctx, operator, "/keda")
		k.deploy(ctx, webhooks, "/keda-admission-webhooks")
		k.look(ctx)
		k.label(ctx, "disabled")
		k.follows(ctx, operator, 1)
		k.follows(ctx, webhooks, 1)
		k.told()
		for _, later := range []time.Duration{0, podsPatience, time.Hour} { // the new pods may never start
			k.now = k.now.Add(later)
			Expect(k.look(ctx)).To(Equal(podsInterval))
			Expect(k.bundles(ctx)).To(HaveEach(string(ours.CertPEM)))
		}
		Expect(only(injector.ReasonBundleWaiting, k.told())).To(And(HaveLen(2), HaveEach(And(
			ContainSubstring(k.namespace+"/"+webhooks), Not(ContainSubstring(operator))))), "and is told again")
		k.follows(ctx, webhooks, 0)
		k.look(ctx)
		Expect(k.bundles(ctx)).To(HaveEach(""))
	})
})

const (
	operator = "keda-operator"
	webhooks = "keda-admission"
)

func (k *keda) operator(ctx context.Context, args ...string) {
	GinkgoHelper()
	k.deploy(ctx, operator, "/keda", args...)
}

func (k *keda) deploy(ctx context.Context, name, command string, args ...string) {
	GinkgoHelper()
	labels := map[string]string{"app": name}
	Expect(direct.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name, Image: "ghcr.io/kedacore" + command + ":2.21.0", Command: []string{command}, Args: args}}},
			},
		},
	})).To(Succeed())
}

func (k *keda) change(ctx context.Context, name string, change func(*appsv1.Deployment)) *appsv1.Deployment {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(direct.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: name}, d)).To(Succeed())
	change(d)
	Expect(direct.Update(ctx, d)).To(Succeed())
	return d
}

// injected is what admission makes of the operator.
func (k *keda) injected(ctx context.Context, record string, args ...string) {
	GinkgoHelper()
	k.change(ctx, operator, func(d *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, injector.AnnotationInjected, record)
		d.Spec.Template.Spec.Containers[0].Args = args
	})
}

// givenBack is what admission makes of it where its namespace is disabled.
func (k *keda) givenBack(ctx context.Context) {
	GinkgoHelper()
	k.change(ctx, operator, func(d *appsv1.Deployment) { delete(d.Annotations, injector.AnnotationInjected) })
}

// follows is the status that a controller-manager leaves, with so many pods of an
// older template beside the one that is wanted.
func (k *keda) follows(ctx context.Context, name string, old int32) {
	GinkgoHelper()
	d := k.change(ctx, name, func(*appsv1.Deployment) {})
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1 + old, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	Expect(direct.Status().Update(ctx, d)).To(Succeed())
}
