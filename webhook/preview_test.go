package webhook

import (
	"context"
	"encoding/json"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/preview"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

var _ = Describe("What is foretold of enabling a namespace", Serial, func() {
	foretold := func(ctx context.Context, namespace string, over ...injector.Layer) preview.Preview {
		GinkgoHelper()
		p, err := preview.Read(ctx, trust.Reader{Live: direct}, namespace, over...)
		Expect(err).NotTo(HaveOccurred())
		return p
	}

	It("is what admission then does, and nothing else, and nothing is left to do", func(ctx context.Context) {
		const name = "foretold"
		startReady(ctx, name)
		ca, corp := certtest.NewCA(GinkgoTB(), "Ours"), certtest.NewCA(GinkgoTB(), "Corp")
		n := labelled(name, "", nil)
		k := kedaIn(name)
		roots := &corev1.ConfigMap{Data: map[string]string{"ca.crt": string(corp.CertPEM)}}
		roots.Namespace, roots.Name = name, "corp"
		apply(ctx, n, certificateSecret(name, "corp-tls", ca), roots)
		apply(ctx, k.all()...)
		Expect(foretold(ctx, name).Restarts()).To(HaveLen(2), "KEDA's own certificate, and TLS 1.3")

		annotations := map[string]string{injector.AnnotationCertificate: "secret/corp-tls", injector.AnnotationCustomCA: "configmap/corp"}
		before := foretold(ctx, name, injector.Layer{Object: "command line", Flags: true, Annotations: annotations})
		Expect(before.Refused()).To(BeFalse())
		Expect(before.Published).To(BeNil())
		Expect(before.Restarts()).To(HaveExactElements(HaveField("Name", k.metrics.Name), HaveField("Name", k.operator.Name)))

		n.Labels, n.Annotations = map[string]string{injector.LabelInject: "enabled"}, annotations
		Expect(direct.Update(ctx, n)).To(Succeed())
		Eventually(publishedBundle).WithArguments(ctx, name).WithTimeout(20 * time.Second).Should(Equal(string(ca.CertPEM)))
		for _, object := range k.all() { // any write, as the one of the controllers
			edit(ctx, object, func() {
				if object.GetAnnotations() == nil {
					object.SetAnnotations(map[string]string{})
				}
			})
		}
		for _, object := range before.Objects {
			kind, name := object.Report.Kind, object.Report.Name
			for _, now := range k.all() {
				if now.GetName() != name {
					continue
				}
				apiVersion := "apiregistration.k8s.io/v1"
				if _, isDeployment := now.(*appsv1.Deployment); isDeployment {
					apiVersion = "apps/v1"
				}
				Expect(whole(stored(ctx, now, apiVersion, kind))).To(Equal(whole(object.After)), "%s %s", kind, name)
			}
		}

		after := foretold(ctx, name)
		Expect(after.Enabled).To(BeTrue())
		Expect(after.Published.ID).To(Equal(before.Resolution.State.ID), "what was to be published was")
		Expect(after.Restarts()).To(BeEmpty())
		for _, object := range after.Objects {
			Expect(object.After).To(MatchJSON(object.Before))
		}
	})

	It("is what is published while that is carried out, and what the options give where they are tried", func(ctx context.Context) {
		const name = "published-before"
		k := kedaIn(name)
		ca := certtest.NewCA(GinkgoTB(), "Ours")
		apply(ctx, labelled(name, "enabled", nil), k.operator, certificateSecret(name, "corp-tls", ca))
		publish(ctx, name, injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte("earlier")})
		p := foretold(ctx, name)
		Expect(p.Carried).To(Equal(p.Published))
		Expect(p.Carried.CABundle).To(BeEquivalentTo("earlier"))

		tried := injector.Layer{Object: "command line", Annotations: map[string]string{injector.AnnotationCertificate: "secret/corp-tls"}}
		p = foretold(ctx, name, tried)
		Expect(p.Carried).To(Equal(p.Resolution.State))
		Expect(p.Carried.CABundle).To(Equal(ca.CertPEM))

		tried.Annotations[injector.AnnotationCertificate] = "secret/absent"
		p = foretold(ctx, name, tried)
		Expect(p.Refused()).To(BeTrue())
		Expect(p.Carried).To(Equal(p.Published), "the last good state stays")
	})

	It("is nothing where the proof fails", func(ctx context.Context) {
		const name = "refused-before"
		k := kedaIn(name)
		apply(ctx, labelled(name, "", nil), k.operator)
		p := foretold(ctx, name, injector.Layer{Annotations: map[string]string{injector.AnnotationCertificate: "secret/absent"}})
		Expect(p.Refused()).To(BeTrue())
		Expect(p.Carried).To(BeNil())
		Expect(p.Restarts()).To(BeEmpty())
		Expect(p.Objects[0].Report.Reason).To(Equal(injector.ReasonSourceMissing))
	})
})

// whole is an object as the API server has it, but for what each write changes.
func whole(raw []byte) map[string]any {
	GinkgoHelper()
	object := map[string]any{}
	Expect(json.Unmarshal(raw, &object)).To(Succeed())
	metadata, isObject := object["metadata"].(map[string]any)
	Expect(isObject).To(BeTrue())
	for _, key := range []string{"managedFields", "resourceVersion", "generation"} {
		delete(metadata, key)
	}
	if annotations, isObject := metadata["annotations"].(map[string]any); isObject {
		delete(annotations, injector.AnnotationNudge) // when it was carried out
	}
	delete(object, "status")
	return object
}

// stored is an object of a kind, as it is now.
func stored(ctx context.Context, object client.Object, apiVersion, kind string) []byte {
	GinkgoHelper()
	now := &unstructured.Unstructured{}
	now.SetAPIVersion(apiVersion)
	now.SetKind(kind)
	Expect(direct.Get(ctx, client.ObjectKeyFromObject(object), now)).To(Succeed())
	raw, err := now.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	return raw
}
