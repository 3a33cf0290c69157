package cabundle

import (
	"context"

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
		k.rolledOut(ctx)
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
})

func (k *keda) operator(ctx context.Context, args ...string) {
	GinkgoHelper()
	labels := map[string]string{"app": "keda-operator"}
	Expect(direct.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: "keda-operator"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "keda-operator", Image: "ghcr.io/kedacore/keda:2.21.0", Command: []string{"/keda"}, Args: args}}},
			},
		},
	})).To(Succeed())
}

func (k *keda) changeOperator(ctx context.Context, change func(*appsv1.Deployment)) *appsv1.Deployment {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(direct.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: "keda-operator"}, d)).To(Succeed())
	change(d)
	Expect(direct.Update(ctx, d)).To(Succeed())
	return d
}

// injected is what admission makes of the operator.
func (k *keda) injected(ctx context.Context, record string, args ...string) {
	GinkgoHelper()
	k.changeOperator(ctx, func(d *appsv1.Deployment) {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, injector.AnnotationInjected, record)
		d.Spec.Template.Spec.Containers[0].Args = args
	})
}

// givenBack is what admission makes of it where its namespace is disabled.
func (k *keda) givenBack(ctx context.Context) {
	GinkgoHelper()
	k.changeOperator(ctx, func(d *appsv1.Deployment) { delete(d.Annotations, injector.AnnotationInjected) })
}

// rolledOut is the status that a controller-manager leaves.
func (k *keda) rolledOut(ctx context.Context) {
	GinkgoHelper()
	d := k.changeOperator(ctx, func(*appsv1.Deployment) {})
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	Expect(direct.Status().Update(ctx, d)).To(Succeed())
}
