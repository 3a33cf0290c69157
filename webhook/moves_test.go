package webhook

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

var _ = Describe("KEDA's APIService, once it points to another namespace", Serial, func() {
	var api *apiregistrationv1.APIService
	pointTo := func(ctx context.Context, namespace string) {
		GinkgoHelper()
		edit(ctx, api, func() { api.Spec.Service.Namespace = namespace })
	}
	BeforeEach(func(ctx context.Context) {
		startReady(ctx, "from", "to", "off")
		for name, mode := range map[string]string{"from": "enabled", "to": "enabled", "off": "disabled", "nobodys": ""} {
			Expect(client.IgnoreAlreadyExists(direct.Create(ctx, labelled(name, mode, nil)))).To(Succeed())
		}
		for _, name := range []string{"from", "to"} {
			state := injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte("CA of " + name)}
			Expect(client.IgnoreAlreadyExists(publishing(ctx, name, state))).To(Succeed())
		}
		api = kedaIn("from").apiService
		apply(ctx, api)
		Expect(string(api.Spec.CABundle)).To(Equal("CA of from"))
	})

	It("gets that one's caBundle, and un-injects to what the user last said", func(ctx context.Context) {
		pointTo(ctx, "to")
		Expect(string(api.Spec.CABundle)).To(Equal("CA of to"))
		pointTo(ctx, "off")
		Expect(api.Spec.CABundle).To(BeEmpty(), "the user gave none, and that of another namespace is none of theirs")
		Expect(api.Spec.InsecureSkipTLSVerify).To(BeFalse(), "nobody is put back to not verifying")
		Expect(api.Annotations).NotTo(HaveKey(injector.AnnotationInjected))

		edit(ctx, api, func() { api.Spec.Service.Namespace, api.Spec.CABundle = "from", []byte("theirs") })
		Expect(string(api.Spec.CABundle)).To(Equal("CA of from"))
		pointTo(ctx, "to")
		pointTo(ctx, "off")
		Expect(string(api.Spec.CABundle)).To(Equal("theirs"))
	})

	It("stays as it is where that one is not managed, and goes on where it is again", func(ctx context.Context) {
		record := api.Annotations[injector.AnnotationInjected]
		pointTo(ctx, "nobodys")
		Expect(string(api.Spec.CABundle)).To(Equal("CA of from"))
		Expect(api.Annotations).To(HaveKeyWithValue(injector.AnnotationInjected, record))
		pointTo(ctx, "to")
		Expect(string(api.Spec.CABundle)).To(Equal("CA of to"))
		pointTo(ctx, "off")
		Expect(api.Spec.CABundle).To(BeEmpty())
	})
})

var _ = Describe("A namespace whose label is taken away", Serial, func() {
	It("keeps all that was injected and published, hears of it once, and is followed again with the label", func(ctx context.Context) {
		const name = "released"
		startReady(ctx, name)
		ca, next := certtest.NewCA(GinkgoTB(), "Corp"), certtest.NewCA(GinkgoTB(), "Next")
		n := labelled(name, "enabled", map[string]string{injector.AnnotationCertificate: "secret/corp-tls"})
		secret := certificateSecret(name, "corp-tls", ca)
		k := kedaIn(name)
		apply(ctx, n, secret)
		apply(ctx, k.all()...)
		Eventually(publishedBundle).WithArguments(ctx, name).WithTimeout(20 * time.Second).Should(Equal(string(ca.CertPEM)))

		delete(n.Labels, injector.LabelInject)
		Expect(direct.Update(ctx, n)).To(Succeed())
		Eventually(eventsOf).WithArguments(ctx, name, injector.ReasonReleased).WithTimeout(20 * time.Second).Should(Equal(1))
		secret.Data = certificateSecret(name, "corp-tls", next).Data
		Expect(direct.Update(ctx, secret)).To(Succeed())

		operator := k.operator.DeepCopy()
		before := calls()
		k.operator.Spec.Replicas = new(int32(2))
		Expect(direct.Update(ctx, k.operator)).To(Succeed())
		Expect(calls()).To(Equal(before), "nobody is asked about it")
		Expect(k.operator.Annotations).To(Equal(operator.Annotations))
		Expect(k.operator.Spec.Template).To(Equal(operator.Spec.Template))

		record := k.apiService.Annotations[injector.AnnotationInjected]
		edit(ctx, k.apiService, func() { k.apiService.Spec.VersionPriority++ })
		Expect(k.apiService.Spec.CABundle).To(Equal(ca.CertPEM))
		Expect(k.apiService.Annotations).To(HaveKeyWithValue(injector.AnnotationInjected, record))
		Expect(publishedBundle(ctx, name)).To(Equal(string(ca.CertPEM)))
		Expect(eventsOf(ctx, name, injector.ReasonReleased)).To(Equal(1))

		n.Labels[injector.LabelInject] = "enabled"
		Expect(direct.Update(ctx, n)).To(Succeed())
		Eventually(publishedBundle).WithArguments(ctx, name).WithTimeout(time.Minute).Should(Equal(string(next.CertPEM)), "at the end of its stages")
	})
})

// edit patches what change changes, whatever the API server's controllers wrote
// to the object meanwhile.
func edit(ctx context.Context, object client.Object, change func()) {
	GinkgoHelper()
	before := object.DeepCopyObject().(client.Object)
	change()
	Expect(direct.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
}

// publishedBundle is the caBundle of the state, empty where there is none.
func publishedBundle(ctx context.Context, namespace string) string {
	GinkgoHelper()
	state := publishedState(ctx, namespace)
	if state == nil {
		return ""
	}
	return string(state.CABundle)
}

// publishedState is nil where there is none.
func publishedState(ctx context.Context, namespace string) *injector.State {
	GinkgoHelper()
	published := &corev1.ConfigMap{}
	err := direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: injector.StateConfigMap}, published)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	if err != nil {
		return nil
	}
	state, err := injector.ParseState([]byte(published.Data[injector.StateKey]))
	Expect(err).NotTo(HaveOccurred())
	return state
}

// eventsOf is how many Events about the Namespace have the reason.
func eventsOf(ctx context.Context, namespace string, reason injector.Reason) int {
	GinkgoHelper()
	list := &corev1.EventList{}
	Expect(direct.List(ctx, list, client.InNamespace(namespace))).To(Succeed())
	told := 0
	for _, event := range list.Items {
		if event.InvolvedObject.Kind == "Namespace" && event.Reason == string(reason) {
			told++
		}
	}
	return told
}
