package trust

import (
	"context"
	"errors"
	"maps"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

var _ = Describe("whoever watches a change of certificate", func() {
	var first, second certtest.CA
	var old map[string][]byte
	var f *fleet
	BeforeEach(func(ctx context.Context) {
		first, second = certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		f = newFleet(ctx, "2.21.0", ours)
		leaf := first.Leaf(GinkgoTB(), certtest.KEDANames(f.namespace), certtest.Between(f.now().Add(-time.Hour), f.now().Add(24*time.Hour)))
		old = map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": first.CertPEM}
		f.put(ctx, "Secret", "my-tls", old)
		f.installed(ctx)
		f.told()
	})
	begins := func(ctx context.Context) {
		GinkgoHelper()
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		Expect(f.reasons()).To(Equal([]string{"Published", "RotationStarted"}))
	}

	It("is told at once that it is given up, what is to go, and that it has gone", func(ctx context.Context) {
		begins(ctx)
		f.put(ctx, "Secret", "my-tls", old)
		stands := f.state(ctx).ID
		f.restart() // whoever leads
		f.reconcile(ctx)
		Expect(f.told()).To(HaveExactElements(
			And(HavePrefix("Normal RotationStaged"), HaveSuffix("; to go: "+injector.Describe(second.Cert))), HavePrefix("Normal RotationStaged")))
		Expect(f.state(ctx).ID).To(Equal(stands), "not before everybody has it")
		f.reconcile(ctx)
		Expect(f.told()).To(BeEmpty(), "once")
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(first.CertPEM))
		Expect(f.told()).To(ContainElement(And(HavePrefix("Normal RotationFinished"), ContainSubstring("no longer trusted: "+injector.Describe(second.Cert)))))
	})

	It("is told that it is given up where nothing is to go", func(ctx context.Context) {
		begins(ctx)
		both := maps.Clone(old)
		both["ca.crt"] = append(first.CertPEM, second.CertPEM...)
		f.put(ctx, "Secret", "my-tls", both)
		stands := f.state(ctx).ID
		f.reconcile(ctx)
		Expect(f.reasons()).To(Equal([]string{"RotationFinished"}))
		Expect(f.state(ctx).ID).To(Equal(stands))
		f.reconcile(ctx)
		Expect(f.told()).To(BeEmpty(), "once")
	})

	It("is told that a certificate which has ended was replaced, and that this is not staged", func(ctx context.Context) {
		f.ahead += 48 * time.Hour
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(f.told()).To(ContainElements(
			And(HavePrefix("Normal Published"), ContainSubstring("is not staged"), ContainSubstring("the one before had ended")),
			And(HavePrefix("Normal RotationStaged"), HaveSuffix("no longer trusted: "+injector.Describe(first.Cert)))))
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.ahead += 30 * time.Second
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.reasons()).To(Equal([]string{"RotationFinished"}))
	})

	It("sees it go on though a source of custom CAs is refused, which stay and is told", func(ctx context.Context) {
		corp, other := certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Other")
		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": corp.CertPEM})
		f.annotate(ctx, injector.AnnotationCustomCA, "configmap/corp")
		f.reconcile(ctx)
		stands := f.state(ctx).CustomCAConfigMap
		Expect(stands).NotTo(BeEmpty())
		f.told()

		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": []byte("none")})
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.ahead += 2 * time.Minute
		f.reconcile(ctx)
		Expect(f.reasons()).To(ConsistOf("Published", "RotationStarted", "CustomCAInvalid"))
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(f.state(ctx).CustomCAConfigMap).To(Equal(stands))

		By("ordering it at once")
		f.put(ctx, "Secret", "my-tls", certificateFrom(other, f.namespace))
		f.annotate(ctx, injector.AnnotationRotation, "immediate")
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(other.CertPEM))
		Expect(f.state(ctx).CustomCAConfigMap).To(Equal(stands))

		By("mending it")
		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": other.CertPEM})
		f.ahead += 2 * time.Minute
		f.told()
		f.reconcile(ctx)
		Expect(f.state(ctx).CustomCAConfigMap).NotTo(Equal(stands))
		Expect(f.reasons()).To(ContainElements("CustomCAAdded", "CustomCARemoved"))
	})

	It("sees nothing go on where the custom CAs that stand are lost as well", func(ctx context.Context) {
		corp := certtest.NewCA(GinkgoTB(), "Corp")
		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": corp.CertPEM})
		f.annotate(ctx, injector.AnnotationCustomCA, "configmap/corp")
		f.reconcile(ctx)
		stands := f.state(ctx)
		for _, name := range []string{"corp", stands.CustomCAConfigMap} {
			Expect(f.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}})).To(Succeed())
		}
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.told()
		f.ahead += 2 * time.Minute
		f.reconcile(ctx)
		Expect(f.reasons()).To(Equal([]string{"SourceMissing"}))
		Expect(f.state(ctx)).To(Equal(stands))
	})

	It("sees it go on though a Secret of custom CAs cannot be read for good, which is told", func(ctx context.Context) {
		corp := certtest.NewCA(GinkgoTB(), "Corp")
		f.put(ctx, "Secret", "corp", map[string][]byte{"ca.crt": corp.CertPEM})
		f.annotate(ctx, injector.AnnotationCustomCA, "secret/corp")
		f.reconcile(ctx)
		stands := f.state(ctx).CustomCAConfigMap
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.annotate(ctx, injector.AnnotationRotation, "immediate")
		undecryptable := func(name string) client.Reader {
			return interceptor.NewClient(direct, interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
					if key.Name == name {
						return apierrors.NewInternalError(errors.New("unable to transform key"))
					}
					return c.Get(ctx, key, object, o...)
				},
			})
		}
		f.live = undecryptable("my-tls")
		f.restart()
		_, err := f.try(ctx)
		Expect(apierrors.IsInternalError(err)).To(BeTrue(), "of what is needed it is a failure")
		f.live = undecryptable("corp")
		f.restart()
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(f.state(ctx).CustomCAConfigMap).To(Equal(stands))
		Expect(f.told()).To(ContainElement(And(ContainSubstring("Secret "+f.namespace+"/corp"), ContainSubstring("unable to transform key"))))
	})

	It("sees a renewal published though the namespace was released meanwhile and a source of custom CAs is refused", func(ctx context.Context) {
		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": certtest.NewCA(GinkgoTB(), "Corp").CertPEM})
		f.annotate(ctx, injector.AnnotationCustomCA, "configmap/corp")
		f.reconcile(ctx)
		stands := f.state(ctx).CustomCAConfigMap
		f.label(ctx, "")
		f.reconcile(ctx)
		f.put(ctx, "ConfigMap", "corp", map[string][]byte{"ca.crt": []byte("none")})
		renewed := certificateFrom(first, f.namespace)
		f.put(ctx, "Secret", "my-tls", renewed)
		f.label(ctx, "enabled")
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(renewed["tls.crt"]))
		Expect(f.state(ctx).CustomCAConfigMap).To(Equal(stands))
	})

	It("is not told that it has ended where the certificate is left to KEDA instead", func(ctx context.Context) {
		begins(ctx)
		f.annotate(ctx, injector.AnnotationCertificate, "keda")
		f.reconcile(ctx)
		Expect(f.state(ctx).KEDAIssues).To(BeTrue())
		Expect(f.told()).To(And(ContainElement(ContainSubstring("is not staged")), HaveEach(Not(ContainSubstring("RotationFinished")))))
	})

	It("finds on the state what it is on the way to, also where that has changed at a stage that waits", func(ctx context.Context) {
		begins(ctx)
		target := func() string {
			GinkgoHelper()
			published, err := installation.Published(ctx, direct, f.namespace)
			Expect(err).NotTo(HaveOccurred())
			Expect(published.LeadsTo(published.Target)).To(BeTrue())
			return published.Target
		}
		before := target()
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace)) // renewed
		f.reconcile(ctx)
		Expect(target()).NotTo(Equal(before))
		versions := f.published(ctx)
		f.reconcile(ctx)
		Expect(f.published(ctx)).To(Equal(versions), "once")
	})
})
