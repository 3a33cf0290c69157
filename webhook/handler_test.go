package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("The handler", func() {
	apiService := &admissionv1.AdmissionRequest{
		UID: "1", Name: injector.KEDAAPIService, Operation: admissionv1.Update,
		Object: runtime.RawExtension{Raw: []byte(`{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{"name":"` + injector.KEDAAPIService + `"},"spec":{"service":{"namespace":"keda","name":"m"}}}`)},
	}
	apiService.Kind.Group, apiService.Kind.Kind = "apiregistration.k8s.io", "APIService"

	It("allows an object as it came when its own code panics, and says so", func(ctx context.Context) {
		response := handler{namespaces: reader(func() error { panic("fault") })}.mutate(ctx, apiService)
		Expect(response.Allowed).To(BeTrue())
		Expect(response.Patch).To(BeEmpty())
		Expect(response.Warnings).To(ConsistOf(ContainSubstring("a fault of its own")))
	})

	It("allows an object as it came when the API server cannot be read, and says so", func(ctx context.Context) {
		broken := reader(func() error { return errors.New("etcd is away") })
		response := handler{namespaces: broken, live: broken}.mutate(ctx, apiService)
		Expect(response.Allowed).To(BeTrue())
		Expect(response.Patch).To(BeEmpty())
		Expect(response.Warnings).To(ConsistOf(ContainSubstring("Namespace keda: could not be read")))
	})

	It("tells the writer that the state cannot be read, and the log why", func(ctx context.Context) {
		broken := reader(func() error { return errors.New("etcd is away") })
		h := handler{
			namespaces: cacheOf[*corev1.Namespace]{stored: labelled("keda", "enabled", nil)},
			states:     states{live: broken, caches: map[string]stateCache{"keda": {informer: syncing{}}}},
		}
		var logged []string
		ctx = logr.NewContext(ctx, funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{}))
		response := h.mutate(ctx, apiService)
		Expect(response.Allowed).To(BeTrue())
		Expect(response.Patch).To(BeEmpty())
		Expect(response.Warnings).To(ConsistOf(And(ContainSubstring("could not be read"), Not(ContainSubstring("etcd is away")))))
		Expect(logged).To(ContainElement(ContainSubstring("etcd is away")))
	})

	It("reads a Namespace live that was labelled after the cache last heard of it", func(ctx context.Context) {
		before := cacheOf[*corev1.Namespace]{stored: labelled("keda", "", nil)}
		after := cacheOf[*corev1.Namespace]{stored: labelled("keda", "enabled", nil)}
		Expect(handler{namespaces: before, live: before}.mutate(ctx, apiService).Warnings).To(BeEmpty())
		response := handler{namespaces: before, live: after}.mutate(ctx, apiService)
		Expect(response.Warnings).To(ConsistOf(ContainSubstring("NamespaceNotGranted")))
	})

	DescribeTable("answers by the state that is published now where the object tells that its cache may be behind",
		func(stored, written map[string]string, want string) {
			h := handler{
				namespaces: cacheOf[*corev1.Namespace]{stored: labelled("keda", "enabled", nil)},
				states: states{
					live: cacheOf[*corev1.ConfigMap]{stored: stateOf("published")},
					caches: map[string]stateCache{"keda": {
						Cache: cacheOf[*corev1.ConfigMap]{stored: stateOf("cached")}, informer: synced{}, parsed: &atomic.Pointer[parsedState]{},
					}},
				},
			}
			response := h.mutate(context.Background(), writing(apiService, stored, written))
			Expect(string(response.Patch)).To(ContainSubstring(base64.StdEncoding.EncodeToString([]byte(want))))
		},
		Entry("it was never injected", nil, nil, "cached"),
		Entry("it carries what is cached", map[string]string{injector.AnnotationInjected: recordOf("cached")}, nil, "cached"),
		Entry("it carries another", map[string]string{injector.AnnotationInjected: recordOf("published")}, nil, "published"),
		Entry("it is nudged", nil, map[string]string{injector.AnnotationNudge: "2026-11-01T12:00:00Z"}, "published"),
		Entry("it was nudged before", map[string]string{injector.AnnotationNudge: "2026-11-01T12:00:00Z"}, map[string]string{injector.AnnotationNudge: "2026-11-01T12:00:00Z"}, "cached"),
	)

	It("does not decode what is made to take all memory", func(ctx context.Context) {
		unread := handler{namespaces: reader(func() error { panic("it was looked at") })}
		of := func(containers int) *admissionv1.AdmissionRequest {
			request := &admissionv1.AdmissionRequest{UID: "1", Name: "keda-operator", Namespace: "keda", Operation: admissionv1.Create}
			request.Kind.Group, request.Kind.Kind = "apps", "Deployment"
			request.Object.Raw = []byte(`{"spec":{"template":{"spec":{"containers":[{}` + strings.Repeat(",{}", containers-1) + `]}}}}`)
			return request
		}
		Expect(unread.mutate(ctx, of(maxObjects)).Warnings).To(ConsistOf(ContainSubstring("Deployment keda-operator: holds more than 10000 objects")))
		Expect(unread.mutate(ctx, of(maxObjects/2)).Warnings).To(ConsistOf(ContainSubstring("a fault of its own")), "it is looked at")
	})

	It("allows what it cannot decode", func(ctx context.Context) {
		garbage := apiService.DeepCopy()
		garbage.Object.Raw = []byte(`{"spec":7}`)
		Expect(handler{}.mutate(ctx, garbage).Allowed).To(BeTrue())
	})

	It("shows each warning whole, once, and a handful of them", func() {
		many := strings.Split(strings.Repeat("x ", 30), " ")
		for i := range many {
			many[i] = strings.Repeat("ü", 100+i)
		}
		shown := limited(append(many, many...))
		Expect(shown).To(HaveLen(maxWarnings))
		Expect(shown).To(HaveEach(WithTransform(func(s string) int { return len(s) }, BeNumerically("<=", maxWarningBytes))))
		Expect(shown[maxWarnings-1]).To(ContainSubstring("more"))
		Expect(limited([]string{"a\nb", "a b"})).To(Equal([]string{"keda-trust: a b"}))
	})

	DescribeTable("answers before the API server stops waiting", func(query string, want time.Duration) {
		Expect(answerTime(httptest.NewRequest("POST", "/mutate"+query, nil))).To(Equal(want))
	},
		Entry("which says for how long", "?timeout=5s", 4500*time.Millisecond),
		Entry("however short", "?timeout=600ms", 300*time.Millisecond),
		Entry("or longer than one can", "?timeout=1000h", 29500*time.Millisecond),
		Entry("or does not say", "", 9500*time.Millisecond),
		Entry("or says nonsense", "?timeout=-1s", 9500*time.Millisecond),
	)
})

// stateOf is a published one with that caBundle.
func stateOf(bundle string) *corev1.ConfigMap {
	state := injector.State{CertificateSecret: injector.PublishedSecret, CABundle: []byte(bundle)}
	err := state.Seal()
	encoded, encoding := state.Encode()
	if err := errors.Join(err, encoding); err != nil {
		panic(err) // when the specs are listed
	}
	return &corev1.ConfigMap{Data: map[string]string{injector.StateKey: string(encoded)}}
}

// recordOf is that of an APIService with that caBundle.
func recordOf(bundle string) string {
	return fmt.Sprintf(`{"v":1,"bundles":[{"now":"%x"}]}`, sha256.Sum256([]byte(bundle)))
}

// writing is the request, over an object with other annotations.
func writing(request *admissionv1.AdmissionRequest, stored, written map[string]string) *admissionv1.AdmissionRequest {
	GinkgoHelper()
	annotated := func(annotations map[string]string) []byte {
		var object map[string]any
		Expect(json.Unmarshal(request.Object.Raw, &object)).To(Succeed())
		object["metadata"] = map[string]any{"name": injector.KEDAAPIService, "annotations": annotations}
		raw, err := json.Marshal(object)
		Expect(err).NotTo(HaveOccurred())
		return raw
	}
	out := request.DeepCopy()
	out.OldObject.Raw, out.Object.Raw = annotated(stored), annotated(written)
	return out
}

// reader answers every Get alike.
type reader func() error

func (r reader) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return r()
}
func (reader) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// syncing is an informer that has not heard of anything yet.
type syncing struct{ cache.Informer }

func (syncing) HasSynced() bool { return false }
