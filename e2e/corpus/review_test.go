package corpus

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"slices"

	jsonpatch "github.com/evanphx/json-patch/v5"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/injector"
)

// review asks the running process as the API server does, and returns what the
// API server would make of its answer. Without an old object it is a create.
func review(ctx context.Context, object, old *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	request := requestFor(object, old)
	response := post(ctx, entryFor(ctx, object), request)
	Expect(response.UID).To(Equal(request.UID))
	Expect(response.Allowed).To(BeTrue())
	if len(response.Patch) == 0 {
		return object
	}
	Expect(response.PatchType).To(HaveValue(Equal(admissionv1.PatchTypeJSONPatch)))
	patch, err := jsonpatch.DecodePatch(response.Patch)
	Expect(err).NotTo(HaveOccurred())
	content, err := patch.Apply(request.Object.Raw)
	Expect(err).NotTo(HaveOccurred())
	patched := &unstructured.Unstructured{}
	Expect(patched.UnmarshalJSON(content)).To(Succeed())
	return patched
}

func requestFor(object, old *unstructured.Unstructured) *admissionv1.AdmissionRequest {
	GinkgoHelper()
	kind := object.GroupVersionKind()
	request := &admissionv1.AdmissionRequest{
		UID: "00000000-0000-4000-8000-000000000001", Operation: admissionv1.Create, Name: object.GetName(), Namespace: object.GetNamespace(),
		Kind:   metav1.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind},
		Object: encoded(object),
	}
	if old != nil {
		request.Operation, request.OldObject = admissionv1.Update, encoded(old)
	}
	return request
}

func encoded(object *unstructured.Unstructured) runtime.RawExtension {
	GinkgoHelper()
	content, err := object.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	return runtime.RawExtension{Raw: content}
}

// entryFor is the stored entry by which the API server would call admission.
func entryFor(ctx context.Context, object *unstructured.Unstructured) admissionregistrationv1.WebhookClientConfig {
	GinkgoHelper()
	stored, err := cluster.Client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}).
		Get(ctx, injector.WebhookConfigurationName, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, &configuration)).To(Succeed())
	name := map[string]string{"Deployment": injector.WebhookDeployments, "APIService": injector.WebhookAPIServices}[object.GetKind()]
	at := slices.IndexFunc(configuration.Webhooks, func(w admissionregistrationv1.MutatingWebhook) bool { return w.Name == name })
	Expect(at).NotTo(BeNumerically("<", 0), "no webhook %q", name)
	return configuration.Webhooks[at].ClientConfig
}

// post trusts the caBundle and nothing else.
func post(ctx context.Context, to admissionregistrationv1.WebhookClientConfig, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	GinkgoHelper()
	roots := x509.NewCertPool()
	Expect(roots.AppendCertsFromPEM(to.CABundle)).To(BeTrue())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	defer transport.CloseIdleConnections()
	review := admissionv1.AdmissionReview{Request: request}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	body, err := json.Marshal(review)
	Expect(err).NotTo(HaveOccurred())
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, *to.URL+"?timeout=5s", bytes.NewReader(body))
	Expect(err).NotTo(HaveOccurred())
	call.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: transport}).Do(call)
	Expect(err).NotTo(HaveOccurred())
	defer answer.Body.Close()
	Expect(answer).To(HaveHTTPStatus(http.StatusOK))
	var answered admissionv1.AdmissionReview
	Expect(json.NewDecoder(answer.Body).Decode(&answered)).To(Succeed())
	Expect(answered.Response).NotTo(BeNil())
	return answered.Response
}
