package webhook

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		Expect(foretold(ctx, name).Restarts()).To(HaveLen(3), "KEDA's own certificate, and TLS 1.3")

		annotations := map[string]string{injector.AnnotationCertificate: "secret/corp-tls", injector.AnnotationCustomCA: "configmap/corp"}
		before := foretold(ctx, name, injector.Layer{Object: "command line", Flags: true, Annotations: annotations})
		Expect(before.Refused()).To(BeFalse())
		Expect(before.Published).To(BeNil())
		Expect(before.Restarts()).To(HaveExactElements(
			HaveField("Report.Name", k.admission.Name), HaveField("Report.Name", k.metrics.Name), HaveField("Report.Name", k.operator.Name)))
		var order []string
		for _, object := range before.Objects {
			order = append(order, object.Report.Name)
		}
		Expect(order).To(Equal([]string{k.apiService.Name, k.validating.Name, k.admission.Name, k.metrics.Name, k.operator.Name}))

		n.Labels, n.Annotations = map[string]string{injector.LabelInject: "enabled"}, annotations
		Expect(direct.Update(ctx, n)).To(Succeed())
		Eventually(publishedBundle).WithArguments(ctx, name).WithTimeout(20 * time.Second).Should(Equal(string(ca.CertPEM)))
		writes := []client.Object{k.operator, k.metrics, k.admission, k.apiService}
		for _, object := range writes { // any write, as the one of the controllers
			edit(ctx, object, func() {
				if object.GetAnnotations() == nil {
					object.SetAnnotations(map[string]string{})
				}
			})
		}
		for _, object := range before.Objects {
			kind, name := object.Report.Kind, object.Report.Name
			Eventually(func() map[string]any { return whole(stored(ctx, object)) }).WithTimeout(20*time.Second).Should(Equal(whole(object.After)), "%s %s", kind, name)
		}

		after := foretold(ctx, name)
		Expect(after.Enabled).To(BeTrue())
		Expect(after.Published.ID).To(Equal(before.Resolution.State.ID), "what was to be published was")
		Expect(after.Lag).To(Equal(preview.LagNone))
		Expect(after.Restarts()).To(BeEmpty())
		for _, object := range after.Objects {
			Expect(object.After).To(MatchJSON(object.Before))
		}
	})

	It("is no restart where only another version of keda-trust would inject otherwise", func(ctx context.Context) {
		const name = "upgraded"
		k := kedaIn(name)
		state := injector.State{
			CertificateSecret: injector.PublishedSecret, CABundle: []byte("corp"),
			CustomCAConfigMap: injector.PublishedCAPrefix + "0123456789", CustomCADir: injector.DefaultCustomCADir,
		}
		Expect(state.Seal()).To(Succeed())
		k.operator.Labels[injector.LabelState] = injector.StateInjected
		injectLess(k.operator, state)
		apply(ctx, labelled(name, "enabled", nil), k.operator, k.metrics)
		publish(ctx, name, state)
		p := foretold(ctx, name)
		Expect(p.Restarts()).To(HaveExactElements(HaveField("Report.Name", k.metrics.Name)), "which was not injected yet")
		Expect(p.Objects).To(HaveExactElements(
			And(HaveField("Report.Name", k.operator.Name), HaveField("Carries", true)),
			And(HaveField("Report.Name", k.metrics.Name), HaveField("Carries", false))))
		Expect(p.Objects[0].After).To(ContainSubstring("KEDA_SERVICE_MIN_TLS_VERSION"), "somebody else's next write brings it")

		Expect(direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: injector.StateConfigMap}})).To(Succeed())
		state.CustomCAConfigMap = injector.PublishedCAPrefix + "fedcba9876"
		publish(ctx, name, state)
		Expect(foretold(ctx, name).Restarts()).To(HaveExactElements(
			And(HaveField("Report.Name", k.metrics.Name), HaveField("NotBefore", BeZero())),
			And(HaveField("Report.Name", k.operator.Name), HaveField("NotBefore", BeZero()))), "another state restarts the operator too")

		nudged := time.Now().Truncate(time.Second)
		edit(ctx, k.operator, func() { k.operator.Annotations[injector.AnnotationNudge] = nudged.UTC().Format(time.RFC3339) })
		waits := foretold(ctx, name).Restarts()[1]
		Expect(waits.Report.Name).To(Equal(k.operator.Name))
		Expect(waits.NotBefore).To(BeTemporally("==", nudged.Add(2*time.Minute)), "the brake holds it")
		Expect(direct.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: injector.StateConfigMap}})).To(Succeed())
		state.ManualRollout = true
		publish(ctx, name, state)
		Expect(foretold(ctx, name).Restarts()).To(HaveEach(HaveField("NotBefore", BeZero())), "the next write by somebody else restarts it at once")
	})

	It("is what is published while that is carried out, and what the options give where they are tried", func(ctx context.Context) {
		const name = "published-before"
		k := kedaIn(name)
		ca := certtest.NewCA(GinkgoTB(), "Ours")
		apply(ctx, labelled(name, "enabled", nil), k.operator, certificateSecret(name, "corp-tls", ca))
		Expect(foretold(ctx, name).Lag).To(Equal(preview.LagUnpublished))
		publish(ctx, name, injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte("earlier")})
		p := foretold(ctx, name)
		Expect(p.Carried).To(Equal(p.Published))
		Expect(p.Carried.CABundle).To(BeEquivalentTo("earlier"))
		Expect(p.Lag).To(Equal(preview.LagUnpublished))
		published := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: injector.StateConfigMap}}
		edit(ctx, published, func() { published.Annotations = map[string]string{injector.AnnotationTarget: p.Resolution.State.ID} })
		Expect(foretold(ctx, name).Lag).To(Equal(preview.LagStaged))

		tried := injector.Layer{Object: "command line", Annotations: map[string]string{injector.AnnotationCertificate: "secret/corp-tls"}}
		p = foretold(ctx, name, tried)
		Expect(p.Carried).To(Equal(p.Resolution.State))
		Expect(p.Carried.CABundle).To(Equal(ca.CertPEM))
		Expect(p.Lag).To(Equal(preview.LagNone))

		tried.Annotations[injector.AnnotationCertificate] = "secret/absent"
		p = foretold(ctx, name, tried)
		Expect(p.Refused()).To(BeTrue())
		Expect(p.Carried).To(Equal(p.Published), "the last good state stays")
	})

	It("is a restart at each stage for what reads its certificate once, where another than its own comes", func(ctx context.Context) {
		const name = "staged-before"
		k := kedaIn(name)
		deployments := []*appsv1.Deployment{k.operator, k.metrics, k.admission}
		for _, d := range deployments {
			d.Labels["app.kubernetes.io/version"] = "2.17.1"
			container := &d.Spec.Template.Spec.Containers[0]
			container.Image = strings.TrimSuffix(container.Image, "2.21.0") + "2.17.1"
		}
		theirs := certificateSecret(name, injector.KEDACertSecret, certtest.NewCA(GinkgoTB(), "KEDA"))
		same := theirs.DeepCopy()
		same.Name = "same"
		apply(ctx, labelled(name, "", nil), theirs, same, certificateSecret(name, "another", certtest.NewCA(GinkgoTB(), "Corp")))
		apply(ctx, k.all()...)
		for _, d := range deployments {
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
			Expect(direct.Status().Update(ctx, d)).To(Succeed())
		}
		inStages := func(annotations map[string]string) []string {
			GinkgoHelper()
			p := foretold(ctx, name, injector.Layer{Annotations: annotations})
			Expect(p.Restarts()).To(HaveLen(3))
			var names []string
			for _, object := range p.Restarts() {
				if p.InStages(object) {
					names = append(names, object.Report.Name)
				}
			}
			return names
		}
		another := map[string]string{injector.AnnotationCertificate: "secret/another"}
		Expect(inStages(another)).To(Equal([]string{k.metrics.Name, k.operator.Name}))
		Expect(inStages(map[string]string{injector.AnnotationCertificate: "secret/same"})).To(BeEmpty())
		another[injector.AnnotationRotation] = "immediate"
		Expect(inStages(another)).To(BeEmpty())
		Expect(direct.Delete(ctx, theirs)).To(Succeed())
		delete(another, injector.AnnotationRotation)
		Expect(inStages(another)).To(BeEmpty(), "nobody is served by what is gone")
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
		Expect(p.Objects[0].After).To(Equal(p.Objects[0].Before), "not even a label is written before something is published")
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

// stored is an object of the preview, as it is now.
func stored(ctx context.Context, object preview.Object) []byte {
	GinkgoHelper()
	now := &unstructured.Unstructured{}
	Expect(now.UnmarshalJSON(object.Before)).To(Succeed())
	Expect(direct.Get(ctx, client.ObjectKeyFromObject(now), now)).To(Succeed())
	raw, err := now.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	return raw
}

// injectLess is what a keda-trust makes of an operator that does not know the
// variable for TLS 1.3 yet.
func injectLess(operator *appsv1.Deployment, state injector.State) {
	GinkgoHelper()
	const variable = "KEDA_SERVICE_MIN_TLS_VERSION"
	operator.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	raw, err := json.Marshal(operator)
	Expect(err).NotTo(HaveOccurred())
	result := injector.Inject(injector.Request{Object: raw, OldObject: raw, Mode: injector.ModeEnabled, State: &state})
	operations, err := json.Marshal(result.Patch)
	Expect(err).NotTo(HaveOccurred())
	patch, err := jsonpatch.DecodePatch(operations)
	Expect(err).NotTo(HaveOccurred())
	raw, err = patch.Apply(raw)
	Expect(err).NotTo(HaveOccurred())
	*operator = appsv1.Deployment{}
	Expect(json.Unmarshal(raw, operator)).To(Succeed())

	container := &operator.Spec.Template.Spec.Containers[0]
	more := len(container.Env)
	container.Env = slices.DeleteFunc(container.Env, func(v corev1.EnvVar) bool { return v.Name == variable })
	Expect(container.Env).To(HaveLen(more - 1))
	var record map[string]any
	Expect(json.Unmarshal([]byte(operator.Annotations[injector.AnnotationInjected]), &record)).To(Succeed())
	edits := record["edits"].([]any)
	record["edits"] = slices.DeleteFunc(edits, func(e any) bool {
		return slices.Contains(slices.Collect(maps.Values(e.(map[string]any))), any(variable))
	})
	Expect(record["edits"]).To(HaveLen(len(edits) - 1))
	raw, err = json.Marshal(record)
	Expect(err).NotTo(HaveOccurred())
	operator.Annotations[injector.AnnotationInjected] = string(raw)
}
