package webhook

import (
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// carried is what an object tells of the state that it was injected from.
type carried struct {
	// annotations are those that are stored, for a writer may leave them out.
	annotations map[string]string
	// nudged: this write is a nudge, and nothing else is as likely to follow a
	// state that was published a moment ago.
	nudged bool
}

func carriedBy(request *admissionv1.AdmissionRequest) carried {
	before, now := annotationsOf(request.OldObject.Raw), annotationsOf(request.Object.Raw)
	return carried{
		annotations: before,
		nudged:      now[injector.AnnotationNudge] != "" && now[injector.AnnotationNudge] != before[injector.AnnotationNudge],
	}
}

// outdates says whether a cached state may not be the published one. A watch that
// has stalled is not seen to have: whoever answers by it would bring back a caBundle
// that no longer verifies what KEDA serves, or answer a nudge with what was to be
// replaced, for as long as it stays so.
func (c carried) outdates(cached *injector.State) bool {
	if c.nudged {
		return true
	}
	if _, injected := c.annotations[injector.AnnotationInjected]; !injected {
		return false
	}
	return cached == nil || !cached.CarriedBy(c.annotations)
}

// annotationsOf is empty for what cannot be decoded, of which the seam tells.
func annotationsOf(raw []byte) map[string]string {
	var object struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil
	}
	return object.Metadata.Annotations
}
