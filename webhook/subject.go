package webhook

import (
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// subject is what a request is about, as far as it decides whether to look
// further.
type subject struct {
	namespace  string
	deployment *appsv1.Deployment // nil for an APIService
	component  injector.Component
}

// subjectOf is the zero subject for kinds and operations that are none of ours.
func subjectOf(request *admissionv1.AdmissionRequest) (subject, error) {
	if request.SubResource != "" || (request.Operation != admissionv1.Create && request.Operation != admissionv1.Update) {
		return subject{}, nil
	}
	switch {
	case request.Kind.Group == appsv1.GroupName && request.Kind.Kind == "Deployment":
		var deployment appsv1.Deployment
		if err := json.Unmarshal(request.Object.Raw, &deployment); err != nil {
			return subject{}, fmt.Errorf("decoding Deployment %s/%s: %w", request.Namespace, request.Name, err)
		}
		// On a create, the namespace may be in the request only.
		deployment.Namespace = request.Namespace
		component := injector.Recognise(&deployment).Component
		return subject{namespace: request.Namespace, deployment: &deployment, component: component}, nil
	case request.Kind.Group == apiregistrationv1.GroupName && request.Kind.Kind == "APIService" && request.Name == injector.KEDAAPIService:
		namespace, err := injector.NamespaceOf(request.Object.Raw)
		return subject{namespace: namespace}, err
	}
	return subject{}, nil
}

// concerns says whether a writer should hear of it: a component of KEDA, also
// one that was such when it was injected, or KEDA's APIService.
func (s subject) concerns() bool {
	return s.deployment == nil || s.component != injector.ComponentNone || s.deployment.Annotations[injector.AnnotationInjected] != ""
}
