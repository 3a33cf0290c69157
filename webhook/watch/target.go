package watch

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Target is one object to watch, or all of a namespace where Name is empty.
type Target struct {
	Resource        schema.GroupVersionResource
	Namespace, Name string
	// Status has changes of an object's status told as well; without it, only
	// those of its spec, labels and annotations. What is watched by name is always
	// told, for a Secret has no status, and what it holds is not in its metadata.
	Status bool
}

// Secret is one Secret.
func Secret(namespace, name string) Target {
	return Target{Resource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, Namespace: namespace, Name: name}
}

// ConfigMap is one ConfigMap.
func ConfigMap(namespace, name string) Target {
	return Target{Resource: schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, Namespace: namespace, Name: name}
}

// Certificate is one Certificate of cert-manager.
func Certificate(namespace, name string) Target {
	return Target{Resource: schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "certificates"}, Namespace: namespace, Name: name}
}

// ClusterTrustBundle is one ClusterTrustBundle, in a version that the cluster
// serves.
func ClusterTrustBundle(version, name string) Target {
	return Target{Resource: schema.GroupVersionResource{Group: "certificates.k8s.io", Version: version, Resource: "clustertrustbundles"}, Name: name}
}

// Deployments are all Deployments of a namespace.
func Deployments(namespace string) Target {
	return Target{Resource: appsv1.SchemeGroupVersion.WithResource("deployments"), Namespace: namespace}
}

func (t Target) limit(o *metav1.ListOptions) {
	if t.Name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, t.Name).String()
	}
}

// withoutStatus leaves out what a Deployment changes all the time.
var withoutStatus = predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})

// changed says whether an update is one to look at.
func (t Target) changed(before, after any) bool {
	old, wasObject := before.(client.Object)
	object, isObject := after.(client.Object)
	if t.Name != "" || t.Status || !wasObject || !isObject {
		return true
	}
	return withoutStatus.Update(event.UpdateEvent{ObjectOld: old, ObjectNew: object})
}
