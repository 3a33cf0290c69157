package watch

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Namespaces lets through those that have the label, that had it, and those
// granted: a label may have been removed while nobody looked.
func Namespaces(label string, granted func(namespace string) bool) predicate.Predicate {
	concerns := func(object client.Object) bool {
		_, labelled := object.GetLabels()[label]
		return labelled || granted(object.GetName())
	}
	changed := predicate.Or(predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return concerns(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return (concerns(e.ObjectOld) || concerns(e.ObjectNew)) && changed.Update(e)
		},
	}
}
