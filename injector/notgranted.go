package injector

// NamespaceNotGranted is what admission and the controllers tell of a labelled
// Namespace in which keda-trust has no Role. It names the value to set, and no
// other Namespace: whoever writes KEDA need not know where else it runs.
func NamespaceNotGranted(namespace string) Finding {
	return fault(ReasonNamespaceNotGranted, "Namespace "+namespace, "labels["+LabelInject+"]",
		"keda-trust has no rights in this Namespace; install it with %q in the chart's value kedaNamespaces", namespace)
}
