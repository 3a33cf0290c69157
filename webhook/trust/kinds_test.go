package trust

import (
	"context"
	"encoding/base64"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// installCertManager brings the kind Certificate, and returns what takes it away.
func installCertManager() (uninstall func(context.Context)) {
	GinkgoHelper()
	o := envtest.CRDInstallOptions{Paths: []string{certManagerCRD()}, ErrorIfPathMissing: true}
	installed, err := envtest.InstallCRDs(config, o)
	Expect(err).NotTo(HaveOccurred())
	return func(ctx context.Context) {
		GinkgoHelper()
		Expect(envtest.UninstallCRDs(config, o)).To(Succeed())
		gone := &unstructured.Unstructured{}
		gone.SetAPIVersion("apiextensions.k8s.io/v1")
		gone.SetKind("CustomResourceDefinition")
		Eventually(func() bool {
			return apierrors.IsNotFound(direct.Get(ctx, client.ObjectKeyFromObject(installed[0]), gone))
		}, patience).Should(BeTrue())
	}
}

var _ = Describe("a cluster in which cert-manager comes and goes", func() {
	var (
		k             *keda
		first, second certtest.CA
	)
	missing := func(what string) types.GomegaMatcher {
		return And(HavePrefix("Namespace SourceMissing"), ContainSubstring(what))
	}
	// lookAgain stands for the time after which a fault is looked at again.
	lookAgain := func(ctx context.Context) {
		GinkgoHelper()
		operator := k.operatorOf(ctx)
		metav1.SetMetaDataAnnotation(&operator.ObjectMeta, "touched", time.Now().String())
		Expect(direct.Update(ctx, operator)).To(Succeed())
	}
	BeforeEach(func(ctx context.Context) {
		first, second = certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		k = newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "certificate/keda"})
		k.operator(ctx, "--enable-cert-rotation=true")
	})

	It("is followed without a restart, and what is published outlives it", func(ctx context.Context) {
		runManager(config, ctrl.Options{}, k.namespace)
		Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(missing("not served by this cluster; this kind is cert-manager's")))

		uninstall := installCertManager()
		k.certificate(ctx, "keda", "issued")
		k.put(ctx, "Secret", "issued", certificateFrom(first, k.namespace))
		lookAgain(ctx)
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(first.CertPEM)))
		settledReconciles() // so that it is the renewal that is followed
		k.put(ctx, "Secret", "issued", certificateFrom(second, k.namespace))
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(second.CertPEM)))

		faults := k.faultsOf(injector.ReasonSourceMissing)
		uninstall(ctx)
		Eventually(k.faultsOf, patience).WithArguments(injector.ReasonSourceMissing).Should(BeNumerically(">", faults), "its end is seen")
		settledReconciles()
		faults = k.faultsOf(injector.ReasonSourceMissing)
		lookAgain(ctx)
		Eventually(k.faultsOf, patience).WithArguments(injector.ReasonSourceMissing).Should(BeNumerically(">", faults), "and again")
		Expect(k.publishedCA(ctx)).To(Equal(string(second.CertPEM)), "what is published stays")

		DeferCleanup(installCertManager())
		k.certificate(ctx, "keda", "again")
		k.put(ctx, "Secret", "again", certificateFrom(first, k.namespace))
		lookAgain(ctx)
		Eventually(k.publishedCA, patience).WithContext(ctx).Should(Equal(string(first.CertPEM)))
	})

	It("is looked at again within a minute, and told as what it is", func(ctx context.Context) {
		told := func() []string {
			GinkgoHelper()
			Expect(k.reconcile(ctx).RequeueAfter).To(Equal(recheckUnresolved))
			return k.told()
		}
		notServed := ContainSubstring("not served by this cluster; this kind is cert-manager's")
		Eventually(told, patience).Should(ContainElement(notServed))
		uninstall := installCertManager()
		Expect(told()).To(ContainElement(ContainSubstring("keda: not found; create it in this namespace")))
		uninstall(ctx)
		Eventually(told, patience).Should(ContainElement(notServed))
	})
})

var _ = It("A cluster that does not serve ClusterTrustBundles says what would have to be done", func(ctx context.Context) {
	without := clustertest.Start(GinkgoTB(), func(e *envtest.Environment) {
		e.ControlPlane.GetAPIServer().Configure().Append("runtime-config", "certificates.k8s.io/v1=false")
	}).Config
	k := newKEDAIn(ctx, clientOf(without), map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "clustertrustbundle/corp"})
	k.operator(ctx, "--enable-cert-rotation=true")
	Expect(k.reconcile(ctx).RequeueAfter).To(Equal(recheckUnresolved), "it may come with an upgrade")
	Expect(k.told()).To(ContainElement(And(HavePrefix("Warning SourceMissing ClusterTrustBundle corp: not served by this cluster"),
		ContainSubstring("from 1.37"), ContainSubstring("feature gate ClusterTrustBundle"), ContainSubstring("or name a secret or configmap"))))
	Expect(k.published(ctx)).To(BeEmpty())
})

// trust-manager writes the same key of a ConfigMap, or of a Secret, in each
// namespace that its Bundle selects, by server-side apply, and other formats
// beside it.
var _ = DescribeTable("what trust-manager writes is taken, when it appears, when it changes and when it is back", func(ctx context.Context, kind, source string) {
	first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
	k := newKEDA(ctx, map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: source})
	k.operator(ctx, "--enable-cert-rotation=true")
	runManager(config, ctrl.Options{}, k.namespace)
	Eventually(k.eventNotes, patience).WithContext(ctx).Should(ContainElement(And(HavePrefix("Namespace SourceMissing"), ContainSubstring(kind+" "+k.namespace+"/corp-bundle: not found"))))

	target := func(cas ...certtest.CA) *unstructured.Unstructured {
		return k.bundleTarget(kind, bundle(cas...)["ca.crt"])
	}
	write := func(ctx context.Context, cas ...certtest.CA) error {
		return direct.Apply(ctx, client.ApplyConfigurationFromUnstructured(target(cas...)), client.FieldOwner("trust-manager"), client.ForceOwnership)
	}
	Expect(write(ctx, first)).To(Succeed())
	Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first)))
	settledReconciles()
	Expect(write(ctx, first, second)).To(Succeed())
	Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(first, second)))

	settledReconciles()
	faults := k.faultsOf(injector.ReasonSourceMissing)
	Expect(direct.Delete(ctx, target())).To(Succeed())
	Eventually(k.faultsOf, patience).WithArguments(injector.ReasonSourceMissing).Should(BeNumerically(">", faults))
	Expect(k.customCAs(ctx)).To(Equal(nameOf(first, second)), "what is published stays")
	Expect(write(ctx, second)).To(Succeed())
	Eventually(k.customCAs, patience).WithContext(ctx).Should(Equal(nameOf(second)))
},
	Entry("in a ConfigMap", "ConfigMap", "configmap/corp-bundle/trust-bundle.pem"),
	Entry("in a Secret", "Secret", "secret/corp-bundle/trust-bundle.pem"),
)

// bundleTarget is the object that trust-manager writes for its Bundle corp-bundle.
func (k *keda) bundleTarget(kind string, pem []byte) *unstructured.Unstructured {
	text, keystore := string(pem), base64.StdEncoding.EncodeToString([]byte("a keystore"))
	fields := map[string]any{"data": map[string]any{"trust-bundle.pem": text}, "binaryData": map[string]any{"bundle.jks": keystore}}
	if kind == "Secret" {
		fields = map[string]any{"data": map[string]any{"trust-bundle.pem": base64.StdEncoding.EncodeToString(pem), "bundle.jks": keystore}}
	}
	target := &unstructured.Unstructured{Object: fields}
	target.SetAPIVersion("v1")
	target.SetKind(kind)
	target.SetNamespace(k.namespace)
	target.SetName("corp-bundle")
	target.SetLabels(map[string]string{"trust.cert-manager.io/bundle": "corp-bundle"})
	return target
}
