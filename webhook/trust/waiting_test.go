package trust

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("a change of certificate that waits", func() {
	var first, second certtest.CA
	var f *fleet
	BeforeEach(func() {
		first, second = certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Corp")
	})

	It("does not wait for what cannot be seen beyond the bound, and without one for what is wrong, which it tells", func(ctx context.Context) {
		f = changing(ctx, "2.21.0", first)
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
		f = changing(ctx, "2.21.0", first)
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
		f = changing(ctx, "2.16.1", first)
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
		f = changing(ctx, "2.21.0", first)
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
		f = changing(ctx, "2.16.1", first)
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
