package trust

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
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

var _ = Describe("a change of certificate", func() {
	var first, second, third certtest.CA
	var f *fleet
	start := func(ctx context.Context, version string) {
		GinkgoHelper()
		f = newFleet(ctx, version, ours)
		f.put(ctx, "Secret", "my-tls", certificateFrom(first, f.namespace))
		f.installed(ctx)
	}
	BeforeEach(func() {
		// As one that is issued anew, with the name of the one before.
		first, second, third = certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Other")
	})

	It("waits at each stage for every pod and caBundle, and tells each stage once", func(ctx context.Context) {
		start(ctx, "2.21.0")
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
		start(ctx, "2.21.0")
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
		start(ctx, "2.21.0")
		renewed := certificateFrom(first, f.namespace)
		f.put(ctx, "Secret", "my-tls", renewed)
		f.pods[0].deaf = true // nobody need be looked at
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.publishedSecret(ctx)).To(Equal(renewed))
		Expect(f.reasons()).To(Equal([]string{"Published", "RotationFinished"}))
	})

	It("is published at once where the owner of a caBundle has put the next CA in place of the one in use, which is told", func(ctx context.Context) {
		start(ctx, "2.21.0")
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
			start(ctx, "2.21.0")
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
		start(ctx, "2.21.0")
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
		start(ctx, "2.21.0")
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

	It("does not wait for what cannot be seen beyond the bound, and without one for what is wrong, which it tells", func(ctx context.Context) {
		start(ctx, "2.21.0")
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.pods[0].deaf = true
		stands := f.publishedVersion(ctx)
		f.ahead += DefaultConvergenceTimeout - 10*time.Second
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands))
		f.told()
		f.ahead += 20 * time.Second
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).NotTo(Equal(stands))
		Expect(f.told()).To(ContainElements(
			HavePrefix("Normal RotationStaged"),
			And(HavePrefix("Warning RotationUnseen what was published was not seen at these, which are waited for no longer than 5m0s"), ContainSubstring("Pod pod-1: cannot be reached"), Not(ContainSubstring("pod-2")))))
		Expect(testutil.ToFloat64(unseen.WithLabelValues(f.namespace, "operator"))).To(Equal(1.0))
		f.reconcile(ctx)
		Expect(f.told()).To(BeEmpty(), "once")
		Expect(testutil.ToFloat64(unseen.WithLabelValues(f.namespace, "operator"))).To(Equal(1.0))

		f.pods[0].deaf = false // and it serves the old leaf
		f.carry(ctx)
		f.sync(ctx, f.pods[1:]...)
		f.told()
		stands = f.publishedVersion(ctx)
		f.ahead += DefaultConvergenceTimeout + 10*time.Second
		f.reconcile(ctx)
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands))
		Expect(f.told()).To(HaveExactElements(
			And(HavePrefix("Warning RotationWaiting Pod pod-1: serves "), ContainSubstring("is published"), ContainSubstring(injector.AnnotationRotation)), HavePrefix("Warning RotationWaiting")))
		f.ahead += 24 * time.Hour
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands), "it would fail every handshake with it")
		f.sync(ctx, f.pods[0])
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
	})

	It("lets a renewal pass while a CA waits for somebody, and waits no longer than what that one serves is valid", func(ctx context.Context) {
		f = newFleet(ctx, "2.21.0", ours)
		leaf := first.Leaf(GinkgoTB(), certtest.KEDANames(f.namespace), certtest.Between(f.now().Add(-time.Hour), f.now().Add(12*time.Hour)))
		f.put(ctx, "Secret", "my-tls", map[string][]byte{"tls.crt": leaf.CertPEM, "tls.key": leaf.KeyPEM, "ca.crt": first.CertPEM})
		f.installed(ctx)
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		for _, come := range [][]*pod{f.pods, f.pods[1:]} {
			f.reconcile(ctx)
			f.carry(ctx)
			f.sync(ctx, come...)
			f.ahead += DefaultConvergenceTimeout + 10*time.Second
		}
		stands := f.publishedVersion(ctx)
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands), "one pod still serves the leaf before")

		renewed := certificateFrom(second, f.namespace)
		f.put(ctx, "Secret", "my-tls", renewed)
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(renewed["tls.crt"]))
		Expect(f.mounted(ctx).ca.Len()).To(Equal(2))
		f.sync(ctx, f.pods[1:]...)
		f.verifies("the renewed one beside the one before")
		f.told()
		f.ahead += 10 * time.Hour
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.Len()).To(Equal(2))
		Expect(f.told()).To(ContainElement(And(HavePrefix("Warning RotationWaiting Pod pod-1"), ContainSubstring("until the certificate that it serves has ended"))))
		f.ahead += 2 * time.Hour
		Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
		Expect(f.told()).To(ContainElement(And(HavePrefix("Warning RotationUnseen"), ContainSubstring("Pod pod-1: serves"), ContainSubstring("has ended"))))
	})

	It("is no longer waited for because an earlier leader's clock was ahead", func(ctx context.Context) {
		start(ctx, "2.21.0")
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.ahead += 24 * time.Hour
		f.reconcile(ctx)
		f.ahead = 0 // as the API server's
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.pods[0].deaf = true
		stands := f.publishedVersion(ctx)
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands))
		f.ahead += DefaultConvergenceTimeout + time.Minute
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).NotTo(Equal(stands))
	})

	It("waits for the restarts of a KEDA that reads its certificate once", func(ctx context.Context) {
		start(ctx, "2.16.1")
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		stands := f.publishedVersion(ctx)
		waits := func(long time.Duration) {
			GinkgoHelper()
			f.ahead += long
			f.reconcile(ctx)
			Expect(f.publishedVersion(ctx)).To(Equal(stands))
		}
		waits(24 * time.Hour) // it is not a matter of time
		f.restarts(ctx, "keda-operator", 1)
		waits(24 * time.Hour)
		f.restarts(ctx, "keda-metrics-apiserver", 0)
		waits(time.Minute) // within its progress deadline
		f.restarts(ctx, "keda-metrics-apiserver", 1)
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).NotTo(Equal(stands))
	})

	It("waits for a Deployment that does not mount what is published, whatever its pods show, and not for one that opted out", func(ctx context.Context) {
		start(ctx, "2.21.0")
		d := &appsv1.Deployment{}
		Expect(f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: "keda-admission"}, d)).To(Succeed())
		d.Spec.Template.Spec.Volumes[0].Secret.SecretName = "theirs"
		Expect(f.client.Update(ctx, d)).To(Succeed())
		before := f.pods[4].holds() // as its pods serve it
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.carry(ctx)
		f.sync(ctx, f.pods...)
		f.told()
		stands := f.publishedVersion(ctx)
		f.ahead += 24 * time.Hour
		f.reconcile(ctx)
		Expect(f.publishedVersion(ctx)).To(Equal(stands))
		Expect(f.told()).To(ContainElement(HavePrefix("Warning RotationWaiting Deployment " + f.namespace + "/keda-admission: does not mount Secret")))

		d.Labels = map[string]string{injector.LabelInject: "disabled"}
		Expect(f.client.Update(ctx, d)).To(Succeed())
		for range 2 {
			f.pods[4].reads(before)
			f.pods[5].reads(before)
			f.reconcile(ctx)
			f.carry(ctx)
			f.sync(ctx, f.pods[:4]...)
			f.ahead += 30 * time.Second
		}
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(second.CertPEM))
	})

	It("says whose restart it waits for where rollouts are manual", func(ctx context.Context) {
		start(ctx, "2.16.1")
		f.annotate(ctx, injector.AnnotationRollout, "manual")
		f.put(ctx, "Secret", "my-tls", certificateFrom(second, f.namespace))
		f.reconcile(ctx)
		f.told()
		f.reconcile(ctx)
		Expect(f.told()).To(ContainElements(
			And(HavePrefix("Warning RotationWaiting Deployment "+f.namespace+"/keda-operator"), ContainSubstring("kubectl rollout restart")),
			HavePrefix("Warning RotationWaiting Deployment "+f.namespace+"/keda-metrics-apiserver")))
		f.reconcile(ctx)
		Expect(f.told()).To(BeEmpty())
	})

	It("keeps the CA when the published Secret is lost in the middle", func(ctx context.Context) {
		start(ctx, "2.21.0")
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

// restarts gives a Deployment the template of the published state, as admission
// does, and the status of a controller-manager with so many replicas available.
func (f *fleet) restarts(ctx context.Context, name string, available int32) {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: name}, d)).To(Succeed())
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: injector.EnvCertificate, Value: f.state(ctx).CertificateDigest}}
	Expect(f.client.Update(ctx, d)).To(Succeed())
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: available, AvailableReplicas: available}
	d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, LastUpdateTime: metav1.NewTime(f.now())}}
	Expect(f.client.Status().Update(ctx, d)).To(Succeed())
}
