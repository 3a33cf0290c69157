package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// sight is what was seen of one object that has caBundles.
type sight struct {
	arrivals     map[fingerprint]time.Time // when a CA was first in every caBundle of the object
	everywhere   []fingerprint             // what now is in every caBundle
	certificates int                       // in the largest caBundle
	most         int                       // the most that certificates was since changes were counted
	changes      int                       // how often a caBundle became another
	content      string
}

// see takes an event, seen at a time. One that changes no caBundle, such as one
// about a status, is no change.
func (s *sight) see(object *unstructured.Unstructured, at time.Time) error {
	bundles, err := bundlesOf(object)
	if err != nil {
		return err
	}
	content := strings.Join(bundles, "\x00")
	if content == s.content {
		return nil
	}
	s.content = content
	s.changes++
	s.everywhere, s.certificates = nil, 0
	for i, bundle := range bundles {
		found := fingerprints([]byte(bundle))
		s.certificates = max(s.certificates, len(found))
		if i == 0 {
			s.everywhere = found
		}
		s.everywhere = slices.DeleteFunc(s.everywhere, func(f fingerprint) bool { return !slices.Contains(found, f) })
	}
	s.most = max(s.most, s.certificates)
	for _, f := range s.everywhere {
		if s.arrivals == nil {
			s.arrivals = map[fingerprint]time.Time{}
		}
		if _, before := s.arrivals[f]; !before {
			s.arrivals[f] = at
		}
	}
	return nil
}

// count begins to count changes.
func (s *sight) count() { s.changes, s.most = 0, s.certificates }

// only says whether a CA is in every caBundle, and no other certificate in any.
func (s *sight) only(ca fingerprint) bool {
	return s.certificates == 1 && slices.Equal(s.everywhere, []fingerprint{ca})
}

// bundlesOf are the caBundles of an APIService or of a webhook configuration,
// decoded, an empty one where there is none.
func bundlesOf(object *unstructured.Unstructured) ([]string, error) {
	holders := []any{object.Object["spec"]}
	if object.GetKind() != "APIService" {
		webhooks, _, err := unstructured.NestedSlice(object.Object, "webhooks")
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", local.Title(object), err)
		}
		holders = nil
		for _, webhook := range webhooks {
			entry, ok := webhook.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("reading %s: a webhook is no object", local.Title(object))
			}
			holders = append(holders, entry["clientConfig"])
		}
	}
	var bundles []string
	for _, holder := range holders {
		fields, ok := holder.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("reading %s: nothing there to hold a caBundle", local.Title(object))
		}
		encoded, _, err := unstructured.NestedString(fields, "caBundle")
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", local.Title(object), err)
		}
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("reading %s: decoding a caBundle: %w", local.Title(object), err)
		}
		bundles = append(bundles, string(decoded))
	}
	return bundles, nil
}
