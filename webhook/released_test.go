package webhook

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/preview"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

var _ = Describe("The state that a namespace leaves behind when it loses its label", Serial, func() {
	It("is carried out by no admission once the namespace has the label again", func(ctx context.Context) {
		const name = "left-behind"
		startReady(ctx, name)
		left := injector.State{
			CertificateSecret: injector.PublishedSecret, CABundle: []byte("left"),
			CustomCAConfigMap: injector.PublishedCAPrefix + "0123456789", CustomCADir: injector.DefaultCustomCADir,
		}
		ca, k := certtest.NewCA(GinkgoTB(), "Ours"), kedaIn(name)
		apply(ctx, labelled(name, "", map[string]string{injector.AnnotationCertificate: "secret/corp-tls", injector.AnnotationCustomCA: "configmap/corp"}),
			certificateSecret(name, "corp-tls", ca), rootsOf(name, certtest.NewCA(GinkgoTB(), "Corp")))
		leaveBehind(ctx, name, left)
		label(ctx, name, "enabled")

		published, err := installation.Published(ctx, direct, name)
		Expect(err).NotTo(HaveOccurred())
		Expect(published.State).To(BeNil())
		Expect(published.Left.CABundle).To(BeEquivalentTo("left"))
		apply(ctx, k.operator, k.apiService)
		Expect(k.apiService.Spec.CABundle).To(Equal(ca.CertPEM))
		Expect(customCAOf(k.operator)).To(And(HavePrefix(injector.PublishedCAPrefix), Not(Equal(left.CustomCAConfigMap))))
	})

	It("is carried out by no controller either, where sources have changed meanwhile", func(ctx context.Context) {
		const name = "changed-meanwhile"
		startReady(ctx, name)
		first, second := certtest.NewCA(GinkgoTB(), "First"), certtest.NewCA(GinkgoTB(), "Second")
		roots, k := rootsOf(name, first), kedaIn(name)
		apply(ctx, labelled(name, "enabled", map[string]string{injector.AnnotationCustomCA: "configmap/corp"}), roots, k.operator)
		Eventually(publishedState).WithArguments(ctx, name).WithTimeout(20 * time.Second).ShouldNot(BeNil())
		old := publishedState(ctx, name).CustomCAConfigMap
		Expect(customCAOf(k.operator)).To(Equal(old))

		label(ctx, name, "")
		Eventually(eventsOf).WithArguments(ctx, name, injector.ReasonReleased).WithTimeout(20 * time.Second).Should(Equal(1))
		Expect(direct.Delete(ctx, k.operator)).To(Succeed())
		k.operator = kedaIn(name).operator
		apply(ctx, k.operator)
		Expect(customCAOf(k.operator)).To(BeEmpty())
		edit(ctx, roots, func() { roots.Data["ca.crt"] = string(second.CertPEM) })

		versions := watching(ctx, k.operator)
		label(ctx, name, "enabled")
		carried := ""
		for carried == "" {
			version, isDeployment := (<-versions.ResultChan()).Object.(*appsv1.Deployment)
			Expect(isDeployment).To(BeTrue(), "nothing was injected in time")
			carried = customCAOf(version)
		}
		Expect(carried).NotTo(Equal(old), "the first that is carried out again")
		Expect(carried).To(Equal(publishedState(ctx, name).CustomCAConfigMap))
		Expect(installation.Published(ctx, direct, name)).To(HaveField("Left", BeNil()), "it is in force again")
	}, NodeTimeout(2*time.Minute))

	It("is foretold as nothing that enabling carries out, though what was injected is there", func(ctx context.Context) {
		const name = "foretold-released"
		startReady(ctx, name)
		k := kedaIn(name)
		apply(ctx, labelled(name, "enabled", map[string]string{injector.AnnotationCertificate: "secret/corp-tls"}),
			certificateSecret(name, "corp-tls", certtest.NewCA(GinkgoTB(), "Ours")), k.operator)
		isInjected(k.operator, injector.PublishedSecret)
		Eventually(publishedState).WithArguments(ctx, name).WithTimeout(20 * time.Second).ShouldNot(BeNil())
		label(ctx, name, "")
		Eventually(eventsOf).WithArguments(ctx, name, injector.ReasonReleased).WithTimeout(20 * time.Second).Should(Equal(1))

		foretold := func(certificate string) preview.Preview {
			GinkgoHelper()
			over := injector.Layer{Object: "command line", Flags: true, Annotations: map[string]string{injector.AnnotationCertificate: certificate}}
			p, err := preview.Read(ctx, trust.Reader{Live: direct}, name, over)
			Expect(err).NotTo(HaveOccurred())
			Expect(p.Released).To(BeTrue())
			Expect(p.Published).To(BeNil())
			return p
		}
		same := foretold("secret/corp-tls")
		Expect(same.Carried).To(Equal(same.Left), "sources are as they were")
		Expect(same.Objects[0].After).To(MatchJSON(same.Objects[0].Before))
		Expect(same.Unstaged()).To(BeFalse())
		Expect(foretold("keda").Unstaged()).To(BeTrue(), "pods still have the certificate that was published")
		refused := foretold("secret/absent")
		Expect(refused.Carried).To(BeNil())
		Expect(refused.Objects[0].After).To(MatchJSON(refused.Objects[0].Before))
	})
})

// leaveBehind has a state published that the leader leaves alone, as if the namespace had
// lost its label.
func leaveBehind(ctx context.Context, namespace string, state injector.State) {
	GinkgoHelper()
	Expect(state.Seal()).To(Succeed())
	object, err := state.Object(namespace)
	Expect(err).NotTo(HaveOccurred())
	object.Labels, object.Annotations = nil, map[string]string{injector.AnnotationReleased: "true"}
	Expect(direct.Create(ctx, object)).To(Succeed())
}

// label gives the Namespace the label, or takes it away where mode is empty.
func label(ctx context.Context, namespace, mode string) {
	GinkgoHelper()
	n := &corev1.Namespace{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: namespace}, n)).To(Succeed())
	edit(ctx, n, func() {
		delete(n.Labels, injector.LabelInject)
		if mode != "" {
			n.Labels[injector.LabelInject] = mode
		}
	})
}

func rootsOf(namespace string, ca certtest.CA) *corev1.ConfigMap {
	roots := &corev1.ConfigMap{Data: map[string]string{"ca.crt": string(ca.CertPEM)}}
	roots.Namespace, roots.Name = namespace, "corp"
	return roots
}

// customCAOf is the ConfigMap of custom CAs that keda-trust has a Deployment mount, empty
// without any.
func customCAOf(d *appsv1.Deployment) string {
	for _, volume := range d.Spec.Template.Spec.Volumes {
		if volume.Name == injector.VolumeCustomCA {
			return volume.Projected.Sources[0].ConfigMap.Name
		}
	}
	return ""
}

// watching tells of all that the API server stores of a Deployment from now on, until ctx
// ends.
func watching(ctx context.Context, d *appsv1.Deployment) watch.Interface {
	GinkgoHelper()
	watcher, err := client.NewWithWatch(config, client.Options{Scheme: direct.Scheme()})
	Expect(err).NotTo(HaveOccurred())
	versions, err := watcher.Watch(ctx, &appsv1.DeploymentList{}, client.InNamespace(d.Namespace), client.MatchingFields{"metadata.name": d.Name})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(versions.Stop)
	return versions
}
