package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// BenchmarkHandler is one admission of KEDA's operator from a published state,
// from the bytes of the request to those of the answer. Wanted is a median of
// 400 µs.
func BenchmarkHandler(b *testing.B) {
	review := operatorReview(b)
	handler := reviews{answer: publishedHandler(b).mutate, log: logr.Discard()}
	assertInjected(b, answerTo(b, handler, review))
	var samples []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		answerTo(b, handler, review)
		samples = append(samples, time.Since(start))
	}
	slices.Sort(samples)
	b.ReportMetric(float64(samples[(len(samples)-1)/2].Nanoseconds())/1e3, "p50-µs")
}

// operatorReview creates the operator that the seam's benchmark injects.
func operatorReview(b *testing.B) []byte {
	b.Helper()
	operator, err := os.ReadFile("../injector/testdata/bench/operator-2.21.0.json")
	if err != nil {
		b.Fatal(err)
	}
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID:       "705ab4f5-6393-11e8-b7cc-42010a800002",
			Kind:      metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
			Resource:  metav1.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
			Namespace: injector.DefaultKEDANamespace,
			Name:      "keda-operator",
			Operation: admissionv1.Create,
			Object:    runtime.RawExtension{Raw: operator},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return review
}

func answerTo(b *testing.B, handler http.Handler, review []byte) []byte {
	request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, injector.PathMutate+"?timeout=5s", bytes.NewReader(review))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		b.Fatalf("the answer is %d: %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.Bytes()
}

func assertInjected(b *testing.B, body []byte) {
	b.Helper()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		b.Fatal(err)
	}
	if !bytes.Contains(review.Response.Patch, []byte(injector.VolumeCustomCA)) {
		b.Fatalf("what is measured is no injection: %s", body)
	}
}

// publishedHandler has everything in its caches, as it is a moment after start.
func publishedHandler(b *testing.B) handler {
	b.Helper()
	state := injector.State{
		CertificateSecret: injector.PublishedSecret,
		CABundle:          bytes.Repeat([]byte("x"), 1200), // as long as one CA's
		CustomCAConfigMap: injector.PublishedCAPrefix + "0123456789abcdef",
		CustomCADir:       injector.DefaultCustomCADir,
	}
	if err := state.Seal(); err != nil {
		b.Fatal(err)
	}
	encoded, err := state.Encode()
	if err != nil {
		b.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: injector.DefaultKEDANamespace, Labels: map[string]string{injector.LabelInject: string(injector.ModeEnabled)},
	}}
	published := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: injector.StateConfigMap},
		Data:       map[string]string{injector.StateKey: string(encoded)},
	}
	return handler{
		namespaces: cacheOf[*corev1.Namespace]{stored: namespace},
		states: states{caches: map[string]stateCache{
			namespace.Name: {Cache: cacheOf[*corev1.ConfigMap]{stored: published}, informer: synced{}, parsed: &atomic.Pointer[parsedState]{}},
		}},
	}
}

// cacheOf is a cache of one object, which copies what it gives away, as a cache does.
type cacheOf[T interface {
	client.Object
	DeepCopyInto(T)
}] struct {
	cache.Cache
	stored T
}

func (o cacheOf[T]) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	o.stored.DeepCopyInto(into.(T))
	return nil
}

type synced struct{ cache.Informer }

func (synced) HasSynced() bool { return true }
func (synced) IsStopped() bool { return false }
