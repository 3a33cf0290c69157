package main

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// webhooksWith is a webhook configuration with a caBundle for each webhook.
func webhooksWith(bundles ...[]byte) *unstructured.Unstructured {
	var webhooks []any
	for _, bundle := range bundles {
		client := map[string]any{"service": map[string]any{"name": "keda-admission-webhooks"}}
		if bundle != nil {
			client["caBundle"] = base64.StdEncoding.EncodeToString(bundle)
		}
		webhooks = append(webhooks, map[string]any{"clientConfig": client})
	}
	return &unstructured.Unstructured{Object: map[string]any{"kind": objectKinds[webhookConfiguration], "webhooks": webhooks}}
}

func apiServiceWith(bundle []byte) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"kind": objectKinds[apiService],
		"spec": map[string]any{"caBundle": base64.StdEncoding.EncodeToString(bundle)},
	}}
}

// see fails the test where an object cannot be read.
func see(t *testing.T, s *sight, object *unstructured.Unstructured, at time.Time) {
	t.Helper()
	if err := s.see(object, at); err != nil {
		t.Fatal(err)
	}
}

func TestACAHasArrivedWhenEveryWebhookHasIt(t *testing.T) {
	old, next := issued(t), issued(t)
	start := time.Now()
	var s sight
	see(t, &s, webhooksWith(old.CA, old.CA), start)
	see(t, &s, webhooksWith(slices.Concat(old.CA, next.CA), old.CA), start.Add(time.Second))
	if _, arrived := s.arrivals[next.ca]; arrived {
		t.Error("it has arrived with the first of two webhooks")
	}
	see(t, &s, webhooksWith(slices.Concat(old.CA, next.CA), slices.Concat(old.CA, next.CA)), start.Add(2*time.Second))
	see(t, &s, webhooksWith(next.CA, next.CA), start.Add(3*time.Second))
	if got := s.arrivals[next.ca]; !got.Equal(start.Add(2 * time.Second)) {
		t.Errorf("it has arrived after %v, want 2s", got.Sub(start))
	}
	if got := s.arrivals[old.ca]; !got.Equal(start) {
		t.Errorf("the old one has arrived after %v, want 0s", got.Sub(start))
	}
}

func TestOnlyIsNoOtherCertificateAnywhere(t *testing.T) {
	old, next := issued(t), issued(t)
	for name, c := range map[string]struct {
		object *unstructured.Unstructured
		want   bool
	}{
		"only that one":               {webhooksWith(next.CA, next.CA), true},
		"one more in one of them":     {webhooksWith(next.CA, slices.Concat(old.CA, next.CA)), false},
		"another one":                 {webhooksWith(old.CA, old.CA), false},
		"each its own":                {webhooksWith(next.CA, old.CA), false},
		"none in one of them":         {webhooksWith(next.CA, nil), false},
		"that one in an APIService":   {apiServiceWith(next.CA), true},
		"both in an APIService":       {apiServiceWith(slices.Concat(next.CA, old.CA)), false},
		"an APIService with nothing":  {apiServiceWith(nil), false},
		"a bundle that has it double": {apiServiceWith(slices.Concat(next.CA, next.CA)), false},
	} {
		t.Run(name, func(t *testing.T) {
			var s sight
			see(t, &s, c.object, time.Now())
			if got := s.only(next.ca); got != c.want {
				t.Errorf("got %t, want %t", got, c.want)
			}
		})
	}
}

func TestChangesAreThoseOfCABundlesSinceCounted(t *testing.T) {
	old, next := issued(t), issued(t)
	var s sight
	see(t, &s, apiServiceWith(nil), time.Now())
	see(t, &s, apiServiceWith(old.CA), time.Now())
	s.count()
	if s.changes != 0 || s.most != 1 {
		t.Errorf("counted anew there are %d changes, want 0, and %d certificates, want the one that is there", s.changes, s.most)
	}
	available := apiServiceWith(old.CA)
	available.Object["status"] = map[string]any{"conditions": []any{}}
	see(t, &s, available, time.Now()) // only its status is another
	see(t, &s, apiServiceWith(slices.Concat(old.CA, next.CA)), time.Now())
	see(t, &s, apiServiceWith(next.CA), time.Now())
	if s.changes != 2 || s.most != 2 || s.certificates != 1 {
		t.Errorf("%d changes, %d certificates at most and %d now; want 2, 2 and 1", s.changes, s.most, s.certificates)
	}
}

func TestWhatIsNoCABundleIsAnError(t *testing.T) {
	for name, object := range map[string]*unstructured.Unstructured{
		"an APIService without a spec": {Object: map[string]any{"kind": "APIService"}},
		"a caBundle that is no base64": {Object: map[string]any{"kind": "APIService", "spec": map[string]any{"caBundle": "?"}}},
		"a webhook that is no object":  {Object: map[string]any{"kind": objectKinds[webhookConfiguration], "webhooks": []any{"?"}}},
		"a webhook without a client":   {Object: map[string]any{"kind": objectKinds[webhookConfiguration], "webhooks": []any{map[string]any{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := new(sight).see(object, time.Now()); err == nil {
				t.Error("no error")
			}
		})
	}
}
