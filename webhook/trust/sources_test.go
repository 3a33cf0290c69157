package trust

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// A cluster of its own: with cert-manager's kinds, and with ClusterTrustBundles,
// which Kubernetes before 1.37 serves only when asked to.
var _ = Describe("a cluster with cert-manager and ClusterTrustBundles", Ordered, func() {
	var (
		there   *rest.Config
		cluster client.Client
	)
	BeforeAll(func() {
		there = clustertest.Start(GinkgoTB(), func(e *envtest.Environment) {
			e.CRDDirectoryPaths, e.ErrorIfCRDPathMissing = []string{certManagerCRD()}, true
			e.ControlPlane.GetAPIServer().Configure().
				Append("feature-gates", "ClusterTrustBundle=true").
				Append("runtime-config", "api/all=true")
		}).Config
		cluster = clientOf(there)
	})
	start := func(ctx context.Context, annotations map[string]string) *keda {
		GinkgoHelper()
		k := newKEDAIn(ctx, cluster, annotations)
		k.operator(ctx, "--enable-cert-rotation=true")
		runManager(there, ctrl.Options{}, k.namespace)
		return k
	}

	It("takes a Certificate as KEDA's once it is issued, follows its renewal and another Secret, and outlives it", func(ctx context.Context) {
		k := start(ctx, map[string]string{injector.AnnotationCertificate: "certificate/keda"})
		first, second, third := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second"), certtest.NewCA(GinkgoTB(), "Third")
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(And(HavePrefix("Namespace SourceMissing"), ContainSubstring("Certificate "+k.namespace+"/keda"))))
		certificate := k.certificate(ctx, "keda", "issued")
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(And(HavePrefix("Namespace SourceMissing"), ContainSubstring("kubectl describe certificate keda"))))
		Expect(k.state(ctx)).To(BeNil())

		issued := certificateFrom(first, k.namespace)
		k.put(ctx, "Secret", "issued", issued)
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(first.CertPEM)))
		Expect(k.publishedSecret(ctx)).To(Equal(issued))
		settledReconciles()
		k.put(ctx, "Secret", "issued", certificateFrom(second, k.namespace))
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(second.CertPEM)))

		k.put(ctx, "Secret", "elsewhere", certificateFrom(third, k.namespace))
		settledReconciles() // so that it is the change that is followed, and no earlier one
		Expect(unstructured.SetNestedField(certificate.Object, "elsewhere", "spec", "secretName")).To(Succeed())
		Expect(cluster.Update(ctx, certificate)).To(Succeed())
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(third.CertPEM)))

		settledReconciles()
		faults := k.faultsOf(injector.ReasonSourceMissing)
		Expect(cluster.Delete(ctx, certificate)).To(Succeed())
		Eventually(k.faultsOf, patience).WithArguments(injector.ReasonSourceMissing).Should(BeNumerically(">", faults))
		Expect(k.publishedCA(ctx)).To(Equal(string(third.CertPEM)), "what is published stays")
	})

	It("stages what cert-manager re-issues with another CA, and follows a renewal by the same one", func(ctx context.Context) {
		k := newKEDAIn(ctx, cluster, map[string]string{injector.AnnotationCertificate: "certificate/keda"})
		k.operator(ctx, "--enable-cert-rotation=false")
		k.certificate(ctx, "keda", "keda-tls")
		first, second := certtest.NewCA(GinkgoTB(), "keda-ca"), certtest.NewCA(GinkgoTB(), "keda-ca")
		k.issued(ctx, "keda-tls", "keda", certificateFrom(first, k.namespace))
		k.reconcile(ctx)
		Expect(k.publishedCA(ctx)).To(Equal(string(first.CertPEM)))

		renewed := certificateFrom(first, k.namespace)
		k.issued(ctx, "keda-tls", "keda", renewed)
		k.converge(ctx)
		Expect(k.publishedSecret(ctx)).To(Equal(renewed))

		reissued := certificateFrom(second, k.namespace)
		k.issued(ctx, "keda-tls", "keda", reissued)
		k.reconcile(ctx)
		Expect(k.publishedCA(ctx)).To(Equal(string(first.CertPEM) + string(second.CertPEM)))
		Expect(k.publishedSecret(ctx)["tls.crt"]).To(Equal(renewed["tls.crt"]))
		k.converge(ctx)
		Expect(k.publishedSecret(ctx)).To(Equal(reissued))
	})

	It("takes the CA of a Certificate as custom CA, and follows its renewal and its return", func(ctx context.Context) {
		k := start(ctx, map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "certificate/corp"})
		first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		certificate := k.certificate(ctx, "corp", "issued")
		k.put(ctx, "Secret", "issued", certificateFrom(first, k.namespace))
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first)))
		settledReconciles()
		k.put(ctx, "Secret", "issued", certificateFrom(second, k.namespace))
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(second)))

		settledReconciles()
		Expect(cluster.Delete(ctx, certificate)).To(Succeed())
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(And(HavePrefix("Namespace SourceMissing"), ContainSubstring("Certificate "+k.namespace+"/corp"))))
		Expect(k.customCAs(ctx)).To(Equal(nameOf(second)), "what is published stays")
		k.put(ctx, "Secret", "again", certificateFrom(first, k.namespace))
		k.certificate(ctx, "corp", "again")
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first)))
	})

	It("says of a Certificate whose secretName is empty that it has no Secret", func(ctx context.Context) {
		k := newKEDAIn(ctx, cluster, map[string]string{injector.AnnotationCertificate: "certificate/keda"})
		k.operator(ctx, "--enable-cert-rotation=true")
		k.certificate(ctx, "keda", "")
		k.reconcile(ctx)
		Expect(k.told()).To(ContainElement(And(HavePrefix("Warning SourceMissing"), ContainSubstring(`its Secret "": not found`))))
	})

	It("takes a ClusterTrustBundle as custom CA, and follows its change, its end and its return", func(ctx context.Context) {
		first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		k := start(ctx, map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "clustertrustbundle/corp"})
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(And(HavePrefix("Namespace SourceMissing"), ContainSubstring("ClusterTrustBundle corp"))))
		bundle := trustBundle(cluster, "corp", first)
		Expect(cluster.Create(ctx, bundle)).To(Succeed())
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first)))

		settledReconciles()
		Expect(unstructured.SetNestedField(bundle.Object, string(first.CertPEM)+string(second.CertPEM), "spec", "trustBundle")).To(Succeed())
		Expect(cluster.Update(ctx, bundle)).To(Succeed())
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first, second)))

		settledReconciles()
		faults := k.faultsOf(injector.ReasonSourceMissing)
		Expect(cluster.Delete(ctx, bundle)).To(Succeed())
		Eventually(k.faultsOf, patience).WithArguments(injector.ReasonSourceMissing).Should(BeNumerically(">", faults))
		Expect(k.customCAs(ctx)).To(Equal(nameOf(first, second)), "what is published stays")
		Expect(cluster.Create(ctx, trustBundle(cluster, "corp", second))).To(Succeed())
		Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(second)))
	})
})

// certManagerCRD is the kind Certificate as cert-manager's own module has it.
func certManagerCRD() string {
	GinkgoHelper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager").Output()
	Expect(err).NotTo(HaveOccurred())
	return filepath.Join(strings.TrimSpace(string(dir)), "deploy", "crds", "cert-manager.io_certificates.yaml")
}

// certificate is as a user writes it; here nobody issues it.
func (k *keda) certificate(ctx context.Context, name, secretName string) *unstructured.Unstructured {
	GinkgoHelper()
	certificate := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"secretName": secretName, "issuerRef": map[string]any{"name": "corp"},
	}}}
	certificate.SetGroupVersionKind(certificateKind)
	certificate.SetNamespace(k.namespace)
	certificate.SetName(name)
	Expect(k.client.Create(ctx, certificate)).To(Succeed())
	return certificate
}

// issued is a Secret as cert-manager writes it for a Certificate.
func (k *keda) issued(ctx context.Context, name, certificate string, data map[string][]byte) {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: k.namespace, Name: name}}
	_, err := ctrl.CreateOrUpdate(ctx, k.client, secret, func() error {
		secret.Labels = map[string]string{"controller.cert-manager.io/fao": "true"}
		secret.Annotations = map[string]string{
			"cert-manager.io/certificate-name": certificate, "cert-manager.io/common-name": "keda-operator", "cert-manager.io/issuer-kind": "Issuer", "cert-manager.io/issuer-name": "corp",
		}
		secret.Type, secret.Data = corev1.SecretTypeTLS, data
		return nil
	})
	Expect(err).NotTo(HaveOccurred())
}

// trustBundle is of the version that the cluster prefers.
func trustBundle(cluster client.Client, name string, cas ...certtest.CA) *unstructured.Unstructured {
	GinkgoHelper()
	mapping, err := cluster.RESTMapper().RESTMapping(schema.GroupKind{Group: "certificates.k8s.io", Kind: "ClusterTrustBundle"})
	Expect(err).NotTo(HaveOccurred())
	made := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"trustBundle": string(bundle(cas...)["ca.crt"])}}}
	made.SetGroupVersionKind(mapping.GroupVersionKind)
	made.SetName(name)
	return made
}

// publishedCA is the caBundle of the state, empty where there is none.
func (k *keda) publishedCA(ctx context.Context) string {
	GinkgoHelper()
	if state := k.state(ctx); state != nil {
		return string(state.CABundle)
	}
	return ""
}

func (k *keda) publishedSecret(ctx context.Context) map[string][]byte {
	GinkgoHelper()
	secret := &corev1.Secret{}
	Expect(k.client.Get(ctx, client.ObjectKey{Namespace: k.namespace, Name: injector.PublishedSecret}, secret)).To(Succeed())
	return secret.Data
}
