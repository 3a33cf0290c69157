package trust

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// ours names the source of the certificate.
var ours = map[string]string{injector.AnnotationCertificate: "secret/my-tls"}

// eventually reconciles every few seconds, and lets one pod after the other read
// what is published, until a change of certificate has ended. It returns how many
// times something was published.
func (f *fleet) eventually(ctx context.Context) int {
	GinkgoHelper()
	publications, last := 0, ""
	for tick := range 60 {
		result := f.reconcile(ctx)
		if now := f.publishedVersion(ctx); now != last {
			publications, last = publications+1, now
		}
		f.verifies(fmt.Sprintf("tick %d, published %d times", tick, publications))
		behind := f.behind(ctx)
		if len(behind) == 0 && result.RequeueAfter > 10*time.Second {
			return publications
		}
		if tick%2 == 0 {
			f.carry(ctx)
			f.verifies(fmt.Sprintf("tick %d, after the API server came after", tick))
		}
		f.comesAfter(ctx, behind)
		f.ahead += 5 * time.Second
	}
	Fail("a change of certificate does not end")
	return 0
}

// publishedVersion is that of the Secret.
func (f *fleet) publishedVersion(ctx context.Context) string {
	return f.published(ctx)["Secret "+injector.PublishedSecret]
}

func (f *fleet) annotate(ctx context.Context, key, value string) {
	GinkgoHelper()
	ns := &corev1.Namespace{}
	Expect(f.client.Get(ctx, client.ObjectKey{Name: f.namespace}, ns)).To(Succeed())
	metav1.SetMetaDataAnnotation(&ns.ObjectMeta, key, value)
	Expect(f.client.Update(ctx, ns)).To(Succeed())
}

// reasons are those of what was told about the Namespace, in their order. An Event
// is told twice, about the operator as well.
func (f *fleet) reasons() []string {
	var out []string
	for n, event := range f.told() {
		if fields := strings.Fields(event); n%2 == 0 && len(fields) > 1 {
			out = append(out, fields[1])
		}
	}
	return out
}

// changing is a fleet of that version of KEDA, which serves a certificate of ca.
func changing(ctx context.Context, version string, ca certtest.CA) *fleet {
	GinkgoHelper()
	f := newFleet(ctx, version, ours)
	f.put(ctx, "Secret", "my-tls", certificateFrom(ca, f.namespace))
	f.installed(ctx)
	return f
}

var _ = Describe("a change of certificate", func() {
	var first, second, third certtest.CA
	var f *fleet
	BeforeEach(func() {
		// As one that is issued anew, with the name of the one before.
		first, second, third = certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Other")
	})

	It("waits at each stage for every pod and caBundle, and tells each stage once", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		renewed := certificateFrom(second, f.namespace)
		f.put(ctx, "Secret", "my-tls", renewed)
		f.reconcile(ctx)
		Expect(f.state(ctx).CABundle).To(Equal(append(first.CertPEM, second.CertPEM...)), "at once")
		next, err := injector.ParseLeaf(renewed["tls.crt"], renewed["tls.key"])
		Expect(err).NotTo(HaveOccurred())
		Expect(f.told()).To(HaveExactElements(HavePrefix("Normal Published"), HavePrefix("Normal Published"),
			And(HavePrefix("Normal RotationStarted"), ContainSubstring("; now: "+f.pods[0].holds().leaf.String()+"; next: "+next.String()+", of "+injector.Describe(second.Cert))),
			HavePrefix("Normal RotationStarted")))

		stands := f.publishedVersion(ctx)
		unmoved := func(why string) {
			GinkgoHelper()
			f.ahead += 5 * time.Second
			Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically("~", 6*time.Second, time.Second))
			Expect(f.publishedVersion(ctx)).To(Equal(stands), why)
		}
		unmoved("nobody has it")
		f.sync(ctx, f.pods...)
		unmoved("the API server does not")
		f.carry(ctx)
		before := f.pods[0].holds()
		f.pods[0].reads(certificates{before.leaf, bundleOf(GinkgoTB(), first)})
		unmoved("one pod does not")
		f.sync(ctx, f.pods[0])
		unmoved("of several API servers one may not")
		f.ahead += 30 * time.Second
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(renewed["tls.crt"]))
		Expect(f.told()).To(HaveExactElements(HavePrefix("Normal Published"), HavePrefix("Normal Published"),
			And(HavePrefix("Normal RotationStaged"), HaveSuffix("; now: "+next.String()+"; to go: "+injector.Describe(first.Cert))),
			HavePrefix("Normal RotationStaged")))

		stands = f.publishedVersion(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods[1:]...)
		unmoved("one pod serves the old leaf")
		f.sync(ctx, f.pods[0])
		f.ahead += 30 * time.Second
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(f.reasons()).To(Equal([]string{"Published", "RotationFinished"}))
	})

	It("fails no handshake while pods come after one by one, twenty times, and leaves one generation", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		for range 20 {
			next := certtest.NewCA(GinkgoTB(), "Corp")
			f.put(ctx, "Secret", "my-tls", certificateFrom(next, f.namespace))
			f.eventually(ctx)
			Expect(f.mounted(ctx).ca.PEM()).To(Equal(next.CertPEM))
			Expect(f.state(ctx).CABundle).To(Equal(next.CertPEM))
			f.ahead += 2 * time.Minute
			f.told()
		}
	})

	It("is one publication where the CA stays", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		renewed := certificateFrom(first, f.namespace)
		f.put(ctx, "Secret", "my-tls", renewed)
		f.pods[0].deaf = true // nobody need be looked at
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.publishedSecret(ctx)).To(Equal(renewed))
		Expect(f.reasons()).To(Equal([]string{"Published", "RotationFinished"}))
	})

	It("is published at once where the owner of a caBundle has put the next CA in place of the one in use, which is told", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		fills := func(cas ...certtest.CA) {
			GinkgoHelper()
			api := &apiregistrationv1.APIService{}
			Expect(f.client.Get(ctx, client.ObjectKey{Name: injector.KEDAAPIService}, api)).To(Succeed())
			api.Annotations, api.Spec.CABundle = map[string]string{"cert-manager.io/inject-ca-from": "keda/tls"}, bundleOf(GinkgoTB(), cas...).PEM()
			Expect(f.client.Update(ctx, api)).To(Succeed())
		}
		fills(first)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		stands := f.publishedVersion(ctx)
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands))
		Expect(f.reasons()).To(Equal([]string{"BundleOwnedElsewhere"}))
		fills(second)
		f.reconcile(ctx)
		Expect(f.tlsCert(ctx, injector.PublishedSecret)).To(Equal(f.tlsCert(ctx, "my-tls")))
		Expect(f.mounted(ctx).ca.PEM()).To(BeEquivalentTo(string(first.CertPEM) + string(second.CertPEM)))
		Expect(f.told()).To(ContainElements(
			And(HavePrefix("Normal Published"), ContainSubstring("is not staged"), ContainSubstring("cert-manager's cainjector")), HavePrefix("Normal RotationStarted")))
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.ahead += DefaultConvergenceTimeout
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))

		By("putting a third beside it")
		fills(second, third)
		f.put(ctx, "Secret", "my-tls", certificateFrom(third, f.namespace))
		f.told()
		f.reconcile(ctx)
		Expect(f.tlsCert(ctx, injector.PublishedSecret)).NotTo(Equal(f.tlsCert(ctx, "my-tls")))
		Expect(f.told()).To(ContainElement(And(HavePrefix("Normal Published"), Not(ContainSubstring("is not staged")))))
	})

	It("undoes first what is given up for a third certificate, at any stage", func(ctx context.Context) {
		for _, stages := range []int{1, 2} {
			f = changing(ctx, "2.21.0", first)
			f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
			for range stages {
				f.reconcile(ctx)
				f.carry(ctx)
				f.sync(ctx, f.pods...)
				f.ahead += 30 * time.Second
			}
			f.ahead += 2 * time.Minute
			f.put(ctx, "Secret", "my-tls", certificateFrom(third, f.namespace))
			Expect(f.eventually(ctx)).To(BeNumerically(">=", 4))
			Expect(f.mounted(ctx).ca.PEM()).To(Equal(third.CertPEM))
		}
	})

	It("collapses when it is ordered at once", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.told()
		f.annotate(ctx, injector.AnnotationRotation, "immediate")
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		told := f.told()
		Expect(told).To(ContainElement(And(HavePrefix("Normal RotationStaged"), ContainSubstring("handshakes fail until everybody serves it"), HaveSuffix("no longer trusted: "+injector.Describe(first.Cert)))))
		Expect(told).To(ContainElement(And(HavePrefix("Warning RotationUnstaged"), ContainSubstring("Namespace "+f.namespace))))
		Expect(told).To(ContainElement(And(HavePrefix("Normal Published"), ContainSubstring("is not staged"))))

		By("telling who has not followed, until all have")
		f.carry(ctx)
		f.sync(ctx, f.pods[1:]...)
		f.ahead += DefaultConvergenceTimeout + time.Minute
		f.restart() // whoever leads
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically("<", 10*time.Second))
		Expect(f.told()).To(ContainElement(HavePrefix("Warning RotationWaiting Pod pod-1: serves ")))
		Expect(shown(GinkgoTB(), f.namespace)).To(And(
			HaveKeyWithValue(stageOf(stageFollowing), 1.0), HaveKeyWithValue(`keda_trust_rotation_lagging_consumers{component="operator"}`, 1.0)))
		before := testutil.ToFloat64(rotations.WithLabelValues(f.namespace, howImmediate))
		f.sync(ctx, f.pods[0])
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.reasons()).To(Equal([]string{"RotationFinished"}))
		Expect(testutil.ToFloat64(rotations.WithLabelValues(f.namespace, howImmediate)) - before).To(Equal(1.0))
		f.ahead += time.Hour
		f.reconcile(ctx)
		Expect(f.told()).To(ContainElement(HavePrefix("Warning RotationUnstaged")), "it is told for as long as it lasts")
	})

	It("stays where it is while its source is bad, which is told, and goes on", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.told()
		stands := f.published(ctx)
		bad := certificateFrom(second, f.namespace)
		bad["tls.key"] = certificateFrom(second, f.namespace)["tls.key"]
		f.put(ctx, "Secret", "my-tls", bad)
		f.ahead += 2 * time.Minute
		f.reconcile(ctx)
		Expect(f.published(ctx)).To(Equal(stands))
		Expect(f.reasons()).To(Equal([]string{"KeyMismatch"}))
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
	})

	It("keeps the CA when the published Secret is lost in the middle", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		Expect(f.client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: injector.PublishedSecret}})).To(Succeed())
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.Len()).To(Equal(2))
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
	})
})
