package notice

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Audience is whom an Event is about.
type Audience struct {
	Namespace *corev1.Namespace
	// Also is another object whose Events have it, nil for none.
	Also runtime.Object
	// Ungranted: keda-trust has no Role in the Namespace, or not all of it.
	Ungranted bool
}

// regarding are the objects. An Event is kept in the namespace of its object: one
// about the Namespace under its own name, where whoever installed KEDA looks. The
// API server takes it also in "default", the only place that is left where
// keda-trust may write nothing in the namespace.
func (a Audience) regarding() []runtime.Object {
	namespace := &corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: a.Namespace.Name, UID: a.Namespace.UID}
	if !a.Ungranted {
		namespace.Namespace = a.Namespace.Name
	}
	if a.Also == nil {
		return []runtime.Object{namespace}
	}
	return []runtime.Object{namespace, a.Also}
}
