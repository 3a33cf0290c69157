package trust

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("a running manager with a certificate and custom CAs", func() {
	var (
		k          *keda
		ca         certtest.CA
		published  *corev1.Secret
		customCAs  *corev1.ConfigMap
		refetch    func(context.Context, client.Object) error
		leafIsBack func(context.Context) bool
	)
	BeforeEach(func(ctx context.Context) {
		ca = certtest.NewCA(GinkgoTB(), "Ours")
		k = newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "secret/my-tls", injector.AnnotationCustomCA: "configmap/corp"})
		k.operator(ctx, "--enable-cert-rotation=true")
		source := certificateFrom(ca, k.namespace)
		k.put(ctx, "Secret", "my-tls", source)
		k.put(ctx, "ConfigMap", "corp", bundle(ca))
		published = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: injector.PublishedSecret}}
		customCAs = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: nameOf(ca)}}
		refetch = func(ctx context.Context, object client.Object) error {
			return direct.Get(ctx, client.ObjectKeyFromObject(object), object)
		}
		leafIsBack = func(ctx context.Context) bool {
			return refetch(ctx, published) == nil && string(published.Data["tls.crt"]) == string(source["tls.crt"])
		}
		runManager(config, ctrl.Options{}, k.namespace)
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(ca)))
		settledReconciles() // so that it is what a spec does that is followed, and nothing earlier
	})

	It("puts back what it published when somebody deletes or edits it", func(ctx context.Context) {
		Expect(leafIsBack(ctx)).To(BeTrue())
		Expect(direct.Delete(ctx, published)).To(Succeed())
		Eventually(leafIsBack, patience).WithContext(ctx).Should(BeTrue())

		settledReconciles()
		published.Data["tls.crt"] = []byte("theirs")
		Expect(direct.Update(ctx, published)).To(Succeed())
		Eventually(leafIsBack, patience).WithContext(ctx).Should(BeTrue())

		settledReconciles()
		Expect(refetch(ctx, customCAs)).To(Succeed())
		Expect(direct.Delete(ctx, customCAs)).To(Succeed())
		Eventually(refetch, patience).WithContext(ctx).WithArguments(customCAs).Should(Succeed())
	})

	DescribeTable("decides anew when a Service that KEDA is called by changes", func(ctx context.Context, calling func(corev1.ObjectReference) client.Object) {
		before := k.faultsOf(injector.ReasonNamesMissing)
		caller := calling(corev1.ObjectReference{Namespace: k.namespace, Name: "another-name"})
		Expect(direct.Create(ctx, caller)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(direct.Delete(ctx, caller)).To(Succeed()) })
		Eventually(k.faultsOf, patience).WithArguments(injector.ReasonNamesMissing).Should(BeNumerically(">", before))
	},
		Entry("in the APIService", func(service corev1.ObjectReference) client.Object {
			return &apiregistrationv1.APIService{
				ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAAPIService},
				Spec: apiregistrationv1.APIServiceSpec{
					Group: "external.metrics.k8s.io", Version: "v1beta1", GroupPriorityMinimum: 100, VersionPriority: 100, InsecureSkipTLSVerify: true,
					Service: &apiregistrationv1.ServiceReference{Namespace: service.Namespace, Name: service.Name},
				},
			}
		}),
		Entry("in the ValidatingWebhookConfiguration", func(service corev1.ObjectReference) client.Object {
			return &admissionregistrationv1.ValidatingWebhookConfiguration{
				ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAValidatingWebhook},
				Webhooks: []admissionregistrationv1.ValidatingWebhook{{
					Name: "vscaledobject.kb.io", AdmissionReviewVersions: []string{"v1"},
					SideEffects:   new(admissionregistrationv1.SideEffectClassNone),
					FailurePolicy: new(admissionregistrationv1.Ignore),
					ClientConfig: admissionregistrationv1.WebhookClientConfig{
						Service: &admissionregistrationv1.ServiceReference{Namespace: service.Namespace, Name: service.Name},
					},
				}},
			}
		}),
	)
})

var _ = Describe("what changes while keda-trust acts", func() {
	It("is not deleted: a ConfigMap that somebody wrote since it was read", func(ctx context.Context) {
		k := newKEDA(ctx, nil)
		k.put(ctx, "ConfigMap", "old", nil)
		read := &corev1.ConfigMap{}
		key := client.ObjectKey{Namespace: k.namespace, Name: "old"}
		Expect(direct.Get(ctx, key, read)).To(Succeed())
		k.put(ctx, "ConfigMap", "old", map[string][]byte{"theirs": []byte("x")})
		err := publisher{live: direct, writer: direct}.delete(ctx, read)
		Expect(apierrors.IsConflict(err)).To(BeTrue(), "%v", err)
		Expect(direct.Get(ctx, key, read)).To(Succeed())
		Expect(publisher{live: direct, writer: direct}.delete(ctx, read)).To(Succeed())
	})

	It("is left alone: a Namespace that is being deleted", func(ctx context.Context) {
		k := newKEDA(ctx, map[string]string{injector.AnnotationCustomCA: "configmap/absent"})
		k.operator(ctx, "--enable-cert-rotation=true")
		Expect(direct.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}})).To(Succeed())
		k.reconcile(ctx)
		Expect(k.told()).To(BeEmpty())
		Expect(k.published(ctx)).To(BeEmpty())
	})
})
