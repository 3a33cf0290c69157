package check

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/roundtrip"
)

// answering is a keda-trust that answers the probe, and no more.
func answering(w *world, leaf certtest.Pair) string {
	GinkgoHelper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(to http.ResponseWriter, from *http.Request) {
		review := admissionv1.AdmissionReview{}
		if json.NewDecoder(from.Body).Decode(&review) != nil {
			return // which is no answer
		}
		review.Response = &admissionv1.AdmissionResponse{
			UID: review.Request.UID, Allowed: true, Patch: []byte(roundtrip.Answer), PatchType: ptr.To(admissionv1.PatchTypeJSONPatch),
		}
		_ = json.NewEncoder(to).Encode(review) // who asked may be gone
	}))
	server.TLS = w.config(leaf)
	server.TLS.NextProtos = nil
	server.StartTLS()
	DeferCleanup(server.Close)
	return server.URL
}

// registered is the webhook configuration of keda-trust's own manifest, which
// trusts ca.
func registered(ctx context.Context, w *world, at string, ca certtest.CA) *admissionregistrationv1.MutatingWebhookConfiguration {
	GinkgoHelper()
	configuration := clustertest.WebhookConfiguration(GinkgoTB(), at)
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig.CABundle, configuration.Webhooks[i].TimeoutSeconds = ca.CertPEM, ptr.To[int32](1)
	}
	w.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: injector.Name}}, configuration)
	return configuration
}

var _ = Describe("keda-trust itself", Serial, func() {
	It("holds where it verifies and the API server is answered", func(ctx context.Context) {
		w := newWorld(ctx, "answered")
		ca := certtest.NewCA(GinkgoTB(), "Own")
		registered(ctx, w, answering(w, ca.Leaf(GinkgoTB(), nil, loopback)), ca)
		Eventually(func() Edge { return edge(w.check(ctx), EdgeOwn) }).WithTimeout(20 * time.Second).Should(And( // the API server calls it when it has seen it
			HaveField("Verdict", Holds), HaveField("Facts", ConsistOf(ContainSubstring("keda-trust answers")))))
		Expect(edge(w.check(ctx), EdgeOwn).Sides).To(HaveLen(1), "all entries trust the same")
	})

	It("is broken where its caBundle verifies nothing", func(ctx context.Context) {
		w := newWorld(ctx, "unverified")
		ca := certtest.NewCA(GinkgoTB(), "Own")
		registered(ctx, w, answering(w, ca.Leaf(GinkgoTB(), nil, loopback)), certtest.NewCA(GinkgoTB(), "Another"))
		Expect(reasons(edge(w.check(ctx), EdgeOwn))).To(ConsistOf(injector.ReasonCAUnverified, injector.ReasonNotAnswered))
	})

	It("is broken where it has no endpoint, or the API server does not reach one that is well", func(ctx context.Context) {
		w := newWorld(ctx, "unanswered")
		ca := certtest.NewCA(GinkgoTB(), "Own")
		configuration := registered(ctx, w, "https://127.0.0.1:1", ca)
		for i := range configuration.Webhooks {
			configuration.Webhooks[i].ClientConfig.URL = nil
			configuration.Webhooks[i].ClientConfig.Service = &admissionregistrationv1.ServiceReference{Namespace: injector.Name, Name: injector.ServiceName}
		}
		Expect(direct.Update(ctx, configuration)).To(Succeed())
		unseen := edge(w.check(ctx), EdgeOwn)
		Expect(reasons(unseen)).To(ConsistOf(injector.ReasonNoEndpoints, injector.ReasonNotReached, injector.ReasonNotAnswered))
		Expect(problems(unseen)).To(ContainElement(And(HaveField("Reason", injector.ReasonNotReached),
			HaveField("Object", "Service "+injector.Name+"/"+injector.ServiceName), HaveField("Message", ContainSubstring("in memory")))), "nothing is mounted that could be judged by")

		w.serve("192.0.2.9:9443", w.config(ca.Leaf(GinkgoTB(), []string{injector.ServiceName + "." + injector.Name + ".svc"})))
		w.create(ctx, slice(injector.Name, injector.ServiceName, endpoint("192.0.2.9", "keda-trust-0")))
		e := edge(w.check(ctx), EdgeOwn)
		Expect(reasons(e)).To(ConsistOf(injector.ReasonNotAnswered))
		Expect(e.Sides[0].Verifies).To(BeTrue())
	})
})

// loopback is for a server that is called by its address.
func loopback(template *x509.Certificate) { template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }
