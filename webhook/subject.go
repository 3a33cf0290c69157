package webhook

import (
	"bytes"
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// subject is what a request is about. A Deployment is decoded only for what
// decides without the seam, which decodes for itself: every admission waits.
type subject struct {
	namespace  string // empty for kinds and operations that are none of ours
	deployment []byte // JSON, nil for an APIService
}

// maxObjects is far above what any Deployment of KEDA has. A container is written
// in three bytes and takes near a thousand when it is decoded, so that whoever
// reaches the port could take all memory with one body.
const maxObjects = 10_000

func crowded(raw []byte) bool { return bytes.Count(raw, []byte{'{'}) > maxObjects }

func subjectOf(request *admissionv1.AdmissionRequest) subject {
	if request.SubResource != "" || (request.Operation != admissionv1.Create && request.Operation != admissionv1.Update) {
		return subject{}
	}
	switch {
	case request.Kind.Group == appsv1.GroupName && request.Kind.Kind == "Deployment":
		return subject{namespace: request.Namespace, deployment: request.Object.Raw}
	case request.Kind.Group == apiregistrationv1.GroupName && request.Kind.Kind == "APIService" && request.Name == injector.KEDAAPIService:
		namespace, err := injector.NamespaceOf(request.Object.Raw)
		if err != nil {
			return subject{} // the API server will say what is wrong with it
		}
		return subject{namespace: namespace}
	}
	return subject{}
}

// component is the Deployment, nil for an APIService, with the component that it
// is; ours is false for what nobody should hear of: one that is no component of
// KEDA and was none when it was injected.
func (s subject) component() (deployment *appsv1.Deployment, component injector.Component, ours bool) {
	if s.deployment == nil {
		return nil, injector.ComponentNone, true
	}
	deployment = &appsv1.Deployment{}
	if err := json.Unmarshal(s.deployment, deployment); err != nil {
		return nil, injector.ComponentNone, false
	}
	deployment.Namespace = s.namespace // on a create, it may be in the request only
	component = injector.Recognise(deployment).Component
	return deployment, component, component != injector.ComponentNone || deployment.Annotations[injector.AnnotationInjected] != ""
}
