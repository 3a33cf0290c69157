package webhook

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("Admission", Serial, func() {
	It("injects everything of one apply at once, and nothing needs a second rollout", func(ctx context.Context) {
		const name = "one-apply"
		startReady(ctx, name)
		k := kedaIn(name)
		ca := certtest.NewCA(GinkgoTB(), "Corp")
		apply(ctx, labelled(name, "enabled", map[string]string{injector.AnnotationCertificate: "secret/corp-tls"}))
		Expect(direct.Create(ctx, certificateSecret(name, "corp-tls", ca))).To(Succeed())
		Expect(apply(ctx, k.all()...)).To(BeEmpty())

		for _, deployment := range []*appsv1.Deployment{k.operator, k.metrics} {
			isInjected(deployment, injector.PublishedSecret)
		}
		Expect(k.apiService.Spec.CABundle).To(Equal(ca.CertPEM))
		Expect(k.apiService.Spec.InsecureSkipTLSVerify).To(BeFalse())

		published := &corev1.ConfigMap{}
		Eventually(func() error {
			return direct.Get(ctx, client.ObjectKey{Namespace: name, Name: injector.StateConfigMap}, published)
		}).WithTimeout(20 * time.Second).Should(Succeed())
		state, err := injector.ParseState([]byte(published.Data[injector.StateKey]))
		Expect(err).NotTo(HaveOccurred())
		carried, err := state.CarriedID(false)
		Expect(err).NotTo(HaveOccurred())
		Expect(k.operator.Annotations).To(HaveKeyWithValue(injector.AnnotationStateID, carried), "admission and the leader decide alike")

		Expect(direct.Update(ctx, k.operator)).To(Succeed())
		Expect(k.operator.Generation).To(BeEquivalentTo(1), "the template is the same")
	})

	Context("of a state that is published", func() {
		const name = "published"
		state := injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte("corp")}

		BeforeEach(func(ctx context.Context) {
			startReady(ctx, name, "audited", "disabled", "plain")
		})

		It("never touches a namespace without the label", func(ctx context.Context) {
			k := kedaIn("plain")
			before := k.operator.DeepCopy()
			Expect(apply(ctx, labelled("plain", "", nil), k.operator, k.apiService)).To(BeEmpty())
			isUntouched(k.operator, before)
			Expect(k.apiService.Spec.InsecureSkipTLSVerify).To(BeTrue())
		})

		It("tells in audit what it would do, and changes no template", func(ctx context.Context) {
			k := kedaIn("audited")
			before := k.operator.DeepCopy()
			apply(ctx, labelled("audited", "audit", nil))
			publish(ctx, "audited", state)
			Expect(apply(ctx, k.operator)).NotTo(BeEmpty())
			Expect(k.operator.Spec.Template.Spec.Volumes).To(HaveLen(len(before.Spec.Template.Spec.Volumes)))
			Expect(k.operator.Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateAudit))
		})

		It("takes out again, once disabled, what it injected", func(ctx context.Context) {
			k := kedaIn("disabled")
			before := k.operator.DeepCopy()
			n := labelled("disabled", "enabled", nil)
			apply(ctx, n)
			publish(ctx, "disabled", state)
			apply(ctx, k.operator)
			isInjected(k.operator, injector.PublishedSecret)
			n.Labels[injector.LabelInject] = "disabled"
			Expect(direct.Update(ctx, n)).To(Succeed())
			Eventually(func(g Gomega) {
				g.Expect(direct.Update(ctx, k.operator)).To(Succeed())
				g.Expect(k.operator.Annotations).NotTo(HaveKey(injector.AnnotationInjected))
			}).WithTimeout(10 * time.Second).Should(Succeed())
			Expect(volumeNames(k.operator)).To(Equal(volumeNames(before)))
			Expect(k.operator.Spec.Template.Spec.Containers[0].Args).To(Equal(before.Spec.Template.Spec.Containers[0].Args))
		})
	})

	It("names the value to set where it was not granted the namespace, and leaves the object", func(ctx context.Context) {
		startReady(ctx, "elsewhere")
		k := kedaIn("not-granted")
		before := k.operator.DeepCopy()
		told := apply(ctx, labelled("not-granted", "enabled", nil), k.operator)
		Expect(told).To(ContainElement(And(ContainSubstring("NamespaceNotGranted"), ContainSubstring("kedaNamespaces"))))
		isUntouched(k.operator, before)
	})

	It("takes out also where it was not granted the namespace, for that needs no rights", func(ctx context.Context) {
		startReady(ctx, "granted")
		k := kedaIn("granted")
		before := k.operator.DeepCopy()
		apply(ctx, labelled("granted", "enabled", nil), labelled("not-granted-off", "disabled", nil))
		publish(ctx, "granted", injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte("corp")})
		apply(ctx, k.operator)
		isInjected(k.operator, injector.PublishedSecret)

		moved := k.operator.DeepCopy()
		moved.ObjectMeta = metav1.ObjectMeta{Namespace: "not-granted-off", Name: moved.Name, Labels: moved.Labels, Annotations: moved.Annotations}
		Expect(apply(ctx, moved)).To(BeEmpty())
		isUntouched(moved, before)
	})

	It("tells of a wrong value of the label to whoever writes KEDA, and to nobody else", func(ctx context.Context) {
		startReady(ctx, "mislabelled")
		k, other := kedaIn("mislabelled"), kedaIn("mislabelled").operator
		other.Name, other.Labels = "web", nil
		other.Spec.Template.Spec.Containers[0].Command = []string{"/web"}
		other.Spec.Template.Spec.Containers[0].Image = "example.com/web:1"
		Expect(apply(ctx, labelled("mislabelled", "yes", nil), other)).To(BeEmpty())
		Expect(apply(ctx, k.operator)).To(ConsistOf(ContainSubstring(`"yes" is not one of enabled, audit, disabled`)))
	})

	It("blocks nothing with Ignore once its process is gone", func(ctx context.Context) {
		p := start(0, "ignored")
		register(ctx, p, admissionregistrationv1.Ignore)
		p.becomesReady()
		p.end()
		k := kedaIn("ignored")
		before := k.operator.DeepCopy()
		apply(ctx, labelled("ignored", "enabled", nil), k.operator, k.apiService)
		isUntouched(k.operator, before)
	})
})

var _ = Describe("What is written while no process is there", Serial, func() {
	It("is injected when one is back, by a write of nobody's fields", func(ctx context.Context) {
		const name = "back-again"
		p := start(0, name)
		register(ctx, p, admissionregistrationv1.Ignore)
		p.becomesReady()
		k, ca := kedaIn(name), certtest.NewCA(GinkgoTB(), "Corp")
		apply(ctx, labelled(name, "enabled", map[string]string{injector.AnnotationCertificate: "secret/corp-tls"}))
		Expect(direct.Create(ctx, certificateSecret(name, "corp-tls", ca))).To(Succeed())
		apply(ctx, k.all()...)
		isInjected(k.operator, injector.PublishedSecret)
		p.end()

		edit(ctx, k.operator, func() { k.operator.Spec.Template.Spec = kedaIn(name).operator.Spec.Template.Spec })
		Expect(volumeNames(k.operator)).NotTo(ContainElement(injector.VolumeCertificates))
		startWith(p.options)
		Eventually(func() []string {
			Expect(direct.Get(ctx, client.ObjectKeyFromObject(k.operator), k.operator)).To(Succeed())
			return volumeNames(k.operator)
		}).WithTimeout(60 * time.Second).Should(ContainElement(injector.VolumeCertificates))
		for _, entry := range k.operator.ManagedFields {
			if entry.Manager == injector.Name {
				Expect(entry.FieldsV1.GetRawString()).NotTo(ContainSubstring("f:spec"))
			}
		}
	})
})

var _ = Describe("What admission must leave alone", Serial, func() {
	It("a CRD that is created while the webhook is down: it is served at once, with Fail", func(ctx context.Context) {
		p := startReady(ctx, "crds")
		p.end()
		_, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{widgets()}})
		Expect(err).NotTo(HaveOccurred(), "it waits until the kind is served")
	})
})

func widgets() *apiextensionsv1.CustomResourceDefinition {
	keep := true
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com", Scope: apiextensionsv1.ClusterScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Kind: "Widget", ListKind: "WidgetList", Singular: "widget"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &keep}}}},
		},
	}
}

func certificateSecret(namespace, name string, ca certtest.CA) *corev1.Secret {
	leaf := ca.Leaf(GinkgoTB(), certtest.KEDANames(namespace))
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": ca.CertPEM},
	}
}

func isInjected(deployment *appsv1.Deployment, secret string) {
	GinkgoHelper()
	Expect(deployment.Labels).To(HaveKeyWithValue(injector.LabelState, injector.StateInjected))
	var sources []string
	for _, volume := range deployment.Spec.Template.Spec.Volumes {
		if volume.Name == injector.VolumeCertificates {
			sources = append(sources, volume.Secret.SecretName)
		}
	}
	Expect(sources).To(Equal([]string{secret}))
	Expect(deployment.Spec.Template.Spec.Containers[0].VolumeMounts).To(ContainElement(HaveField("Name", injector.VolumeCertificates)))
}

// isUntouched compares what a user may write; the API server's defaults apart.
func isUntouched(deployment, before *appsv1.Deployment) {
	GinkgoHelper()
	Expect(deployment.Labels).To(Equal(before.Labels))
	Expect(deployment.Annotations).To(Equal(before.Annotations))
	Expect(volumeNames(deployment)).To(Equal(volumeNames(before)))
	Expect(deployment.Spec.Template.Spec.Containers[0].Args).To(Equal(before.Spec.Template.Spec.Containers[0].Args))
	Expect(deployment.Spec.Template.Spec.Containers[0].Env).To(Equal(before.Spec.Template.Spec.Containers[0].Env))
}

func volumeNames(deployment *appsv1.Deployment) []string {
	var names []string
	for _, volume := range deployment.Spec.Template.Spec.Volumes {
		names = append(names, volume.Name)
	}
	return names
}
