package trust

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/keda-trust/keda-trust/injector"
)

// target is one object to watch, or all of a namespace where name is empty.
type target struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

func secretTarget(namespace, name string) target {
	return target{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, namespace, name}
}

func configMapTarget(namespace, name string) target {
	return target{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, namespace, name}
}

func certificateTarget(namespace, name string) target {
	return target{certificateKind.GroupVersion().WithResource("certificates"), namespace, name}
}

func bundleTarget(version, name string) target {
	return target{schema.GroupVersionResource{Group: "certificates.k8s.io", Version: version, Resource: "clustertrustbundles"}, "", name}
}

// standingTargets are watched whatever the annotations name: what is KEDA, and
// what somebody may change or delete under us.
func standingTargets(namespace string) []target {
	deployments := target{appsv1.SchemeGroupVersion.WithResource("deployments"), namespace, ""}
	return []target{deployments, secretTarget(namespace, injector.PublishedSecret), configMapTarget(namespace, injector.StateConfigMap)}
}

func (t target) limit(o *metav1.ListOptions) {
	if t.name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, t.name).String()
	}
}

// withoutStatus leaves out what a Deployment changes all the time.
var withoutStatus = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})

// changed says whether an update is one to look at. A source has no status, and
// what it holds is not in its metadata.
func (t target) changed(before, after any) bool {
	old, wasObject := before.(client.Object)
	object, isObject := after.(client.Object)
	if t.name != "" || !wasObject || !isObject {
		return true
	}
	return withoutStatus.Update(event.UpdateEvent{ObjectOld: old, ObjectNew: object})
}
