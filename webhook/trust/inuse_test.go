package trust

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("a KEDA that runs on another certificate when it is enabled", func() {
	var theirs, corp certtest.CA
	var f *fleet
	BeforeEach(func(ctx context.Context) {
		theirs, corp = certtest.NewCA(GinkgoTB(), "KEDA"), certtest.NewCA(GinkgoTB(), "Corp")
		f = newFleet(ctx, "2.21.0", nil)
		f.runsOn(ctx, theirs)
		f.put(ctx, "Secret", "my-tls", certificateFrom(corp, f.namespace))
	})

	It("gets the provided one without a handshake that fails, while it restarts pod by pod", func(ctx context.Context) {
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.reconcile(ctx)
		Expect(f.state(ctx).CABundle).To(BeEquivalentTo(string(theirs.CertPEM) + string(corp.CertPEM)))
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(f.tlsCert(ctx, injector.KEDACertSecret)), "which pods serve now")
		Expect(f.told()).To(And(HaveLen(4), HaveEach(Not(ContainSubstring("not staged"))), ContainElement(HavePrefix("Normal RotationStarted"))))
		f.rolls(ctx)
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(corp.CertPEM))
		Expect(f.state(ctx).CABundle).To(Equal(corp.CertPEM))
	})

	It("gets it so after its own one was published as KEDA's, too", func(ctx context.Context) {
		f.rotates(ctx)
		f.reconcile(ctx)
		Expect(f.state(ctx).KEDAIssues).To(BeTrue())
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.ahead += 2 * time.Minute
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(f.tlsCert(ctx, injector.KEDACertSecret)))
		f.rolls(ctx)
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(corp.CertPEM))
	})

	It("keeps what its pods serve when its own was named for a moment", func(ctx context.Context) {
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.reconcile(ctx)
		f.rolls(ctx)
		f.eventually(ctx)
		f.ahead += 2 * time.Minute
		f.annotate(ctx, injector.AnnotationCertificate, "keda")
		f.told()
		f.reconcile(ctx)
		Expect(f.state(ctx).KEDAIssues).To(BeTrue())
		Expect(f.told()).To(HaveEach(And(HavePrefix("Normal Published"), ContainSubstring("KEDA's own"), ContainSubstring("is not staged"))))
		other := certtest.NewCA(GinkgoTB(), "Other")
		f.put(ctx, "Secret", "my-tls", certificateFrom(other, f.namespace))
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.ahead += 2 * time.Minute
		f.reconcile(ctx)
		Expect(f.state(ctx).CABundle).To(BeEquivalentTo(string(corp.CertPEM) + string(other.CertPEM)))
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(other.CertPEM))
	})

	It("gets so what was published before it was disabled, and is old", func(ctx context.Context) {
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.reconcile(ctx)
		f.rolls(ctx)
		f.eventually(ctx)
		f.label(ctx, "disabled")
		f.reconcile(ctx)
		f.runsOn(ctx, theirs)
		f.ahead += 24 * time.Hour
		f.label(ctx, "enabled")
		f.reconcile(ctx)
		Expect(f.publishedSecret(ctx)["tls.crt"]).To(Equal(f.tlsCert(ctx, injector.KEDACertSecret)))
		f.rolls(ctx)
		f.eventually(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(corp.CertPEM))
	})

	DescribeTable("gets it at once where nobody is served by its own", func(ctx context.Context, change func(context.Context)) {
		change(ctx)
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(corp.CertPEM))
		Expect(f.tlsCert(ctx, injector.PublishedSecret)).To(Equal(f.tlsCert(ctx, "my-tls")))
	},
		Entry("no pod is available", func(ctx context.Context) {
			for _, name := range deploymentOf {
				f.mounts(ctx, name, injector.KEDACertSecret, 0)
			}
		}),
		Entry("they do not agree on a Secret", func(ctx context.Context) { f.mounts(ctx, "keda-operator", "another", 1) }),
		Entry("it is gone", func(ctx context.Context) {
			Expect(f.client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: injector.KEDACertSecret}})).To(Succeed())
		}),
		Entry("it is none", func(ctx context.Context) {
			f.put(ctx, "Secret", injector.KEDACertSecret, map[string][]byte{"tls.crt": []byte("none")})
		}),
		Entry("its CA does not verify it", func(ctx context.Context) {
			broken := certificateFrom(theirs, f.namespace)
			broken["ca.crt"] = corp.CertPEM
			f.put(ctx, "Secret", injector.KEDACertSecret, broken)
		}),
	)

	It("gets it at once where its own must not be read, which is told before, then, and until its pods have left it", func(ctx context.Context) {
		f.client = forbidding{f.client, injector.KEDACertSecret}
		f.restart()
		f.annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
		const unstaged = "this change of certificate is not staged"
		hidden := And(HavePrefix("Warning SourceForbidden Secret "+f.namespace+"/"+injector.KEDACertSecret), ContainSubstring("sourceSecrets"))
		f.label(ctx, "audit")
		f.reconcile(ctx)
		Expect(f.told()).To(ContainElements(hidden, And(HavePrefix("Normal Audit"), ContainSubstring(unstaged))))
		f.label(ctx, "enabled")
		f.restart()
		f.reconcile(ctx)
		Expect(f.mounted(ctx).ca.PEM()).To(Equal(corp.CertPEM))
		Expect(f.told()).To(ContainElements(hidden, And(HavePrefix("Normal Published"), ContainSubstring(unstaged))))

		const told = `keda_trust_findings{reason="SourceForbidden"}`
		Expect(shown(GinkgoTB(), f.namespace)).To(HaveKeyWithValue(told, 1.0))
		f.put(ctx, "ConfigMap", "corp", bundle(corp))
		f.annotate(ctx, injector.AnnotationCustomCA, "configmap/corp")
		f.reconcile(ctx)
		Expect(f.told()).To(ContainElement(And(HavePrefix("Normal Published"), Not(ContainSubstring(unstaged)))), "other CAs are no change of certificate")
		for _, name := range deploymentOf {
			f.mounts(ctx, name, injector.PublishedSecret, 1)
		}
		f.reconcile(ctx)
		Expect(shown(GinkgoTB(), f.namespace)).NotTo(HaveKey(told))
	})
})

var _ = It("KEDA's own CA is trusted on beside that of the certificate that takes its place, until all serve it", func(ctx context.Context) {
	issued, provided := certtest.NewCA(GinkgoTB(), "KEDA"), certtest.NewCA(GinkgoTB(), "Corp")
	k := newKEDA(ctx, nil)
	k.operator(ctx, "--enable-cert-rotation=true")
	k.put(ctx, "Secret", injector.KEDACertSecret, certificateFrom(issued, k.namespace))
	k.reconcile(ctx)
	Expect(k.publishedCA(ctx)).To(Equal(string(issued.CertPEM)))
	k.put(ctx, "Secret", "my-tls", certificateFrom(provided, k.namespace))
	(&fleet{keda: k}).annotate(ctx, injector.AnnotationCertificate, "secret/my-tls")
	k.reconcile(ctx)
	Expect(k.publishedCA(ctx)).To(Equal(string(provided.CertPEM) + string(issued.CertPEM)))
	k.converge(ctx)
	Expect(k.publishedCA(ctx)).To(Equal(string(provided.CertPEM)))
})

// runsOn has every pod serve a certificate of this CA, which the API server trusts,
// from KEDA's own Secret.
func (f *fleet) runsOn(ctx context.Context, ca certtest.CA) {
	GinkgoHelper()
	data := certificateFrom(ca, f.namespace)
	f.put(ctx, "Secret", injector.KEDACertSecret, data)
	held, valid := parsed(data)
	Expect(valid).To(BeTrue())
	for _, p := range f.pods {
		p.reads(held)
	}
	for _, name := range deploymentOf {
		f.mounts(ctx, name, injector.KEDACertSecret, 1)
	}
	f.apiServer = held.ca
	f.verifies("before")
}

// rolls has one Deployment after the other mount what is published, pod by pod.
func (f *fleet) rolls(ctx context.Context) {
	GinkgoHelper()
	held := f.mounted(ctx)
	for _, component := range injector.RolloutOrder {
		f.ahead += time.Minute
		f.carry(ctx)
		f.reconcile(ctx)
		Expect(f.mounted(ctx)).To(Equal(held), "it waits for all to restart")
		for _, p := range f.pods {
			if p.component == component {
				p.reads(held)
				f.verifies(fmt.Sprintf("after %s of %s restarted", p.address, component))
			}
		}
		f.mounts(ctx, deploymentOf[component], injector.PublishedSecret, 1)
	}
}

var deploymentOf = map[injector.Component]string{
	injector.ComponentAdmissionWebhooks: "keda-admission", injector.ComponentMetricsAPIServer: "keda-metrics-apiserver", injector.ComponentOperator: "keda-operator",
}

// mounts has a Deployment mount a Secret at KEDA's directory, with so many replicas
// available.
func (f *fleet) mounts(ctx context.Context, name, secret string, available int32) {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: name}, d)).To(Succeed())
	spec := &d.Spec.Template.Spec
	spec.Volumes = []corev1.Volume{{Name: "certificates", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret}}}}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "certificates", MountPath: injector.DefaultCertDir}}
	Expect(f.client.Update(ctx, d)).To(Succeed())
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: available, AvailableReplicas: available}
	Expect(f.client.Status().Update(ctx, d)).To(Succeed())
}

// rotates has the operator issue the certificate.
func (f *fleet) rotates(ctx context.Context) {
	GinkgoHelper()
	d := &appsv1.Deployment{}
	Expect(f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: "keda-operator"}, d)).To(Succeed())
	d.Spec.Template.Spec.Containers[0].Args = []string{"--enable-cert-rotation=true"}
	Expect(f.client.Update(ctx, d)).To(Succeed())
}

func (f *fleet) tlsCert(ctx context.Context, secret string) []byte {
	GinkgoHelper()
	s := &corev1.Secret{}
	Expect(f.client.Get(ctx, client.ObjectKey{Namespace: f.namespace, Name: secret}, s)).To(Succeed())
	return s.Data["tls.crt"]
}

// forbidding lets nobody read one object, as where the chart's sourceSecrets leave
// it out.
type forbidding struct {
	client.Client
	name string
}

func (c forbidding) Get(ctx context.Context, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
	if key.Name == c.name {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, key.Name, nil)
	}
	return c.Client.Get(ctx, key, object, o...)
}
