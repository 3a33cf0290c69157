package main

import (
	"errors"
	"maps"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// input is all documents of a command line as one set of manifests.
type input struct {
	objects   []*object
	namespace string // of objects that name none
	crlf      bool   // every line of the last file ends so
}

func newInput(documents []*document, namespace string) *input {
	in := &input{namespace: namespace}
	for _, d := range documents {
		in.objects = append(in.objects, d.objects...)
		in.crlf = d.crlf
	}
	return in
}

// namespaceOf is where an object is, or, for one without a namespace of its own,
// the Service that it points to.
func (in *input) namespaceOf(o *object) string {
	switch {
	case o.TypeMeta == apiServices, o.TypeMeta == validatingWebhooks:
		namespace, err := injector.NamespaceOf(o.raw)
		if err != nil {
			return "" // what is wrong is told where the object is read
		}
		return namespace
	case o.Namespace == "":
		return in.namespace
	}
	return o.Namespace
}

// of returns the objects of one kind in a namespace, in their order.
func (in *input) of(kind metav1.TypeMeta, namespace string) []*object {
	var found []*object
	for _, o := range in.objects {
		if o.TypeMeta == kind && in.namespaceOf(o) == namespace {
			found = append(found, o)
		}
	}
	return found
}

// find is nil where there is no such object; of two, the last counts, as where
// both are applied.
func (in *input) find(kind metav1.TypeMeta, namespace, name string) *object {
	var found *object
	for _, o := range in.of(kind, namespace) {
		if o.Name == name {
			found = o
		}
	}
	return found
}

// namespaceSays is nothing where the Namespace is not in the input. KEDA's release
// brings it as well, without a word of keda-trust: of two, what the later says counts,
// key by key.
func (in *input) namespaceSays(namespace string) (labels map[string]string, layer injector.Layer, err error) {
	labels, layer.Annotations = map[string]string{}, map[string]string{}
	layer.Object = "Namespace " + namespace
	for _, o := range in.objects {
		if o.TypeMeta == namespaces && o.Name == namespace {
			maps.Copy(labels, o.Labels)
			maps.Copy(layer.Annotations, o.Annotations)
			err = errors.Join(err, o.checkKeys())
		}
	}
	return labels, layer, err
}

// installation is KEDA in namespace as far as the input shows it.
func (in *input) installation(namespace string) (injector.Installation, []injector.Finding, error) {
	var all []*appsv1.Deployment
	for _, o := range in.of(deployments, namespace) {
		d, err := decodeAny[appsv1.Deployment](o)
		if err != nil {
			return injector.Installation{}, nil, err
		}
		all = append(all, d)
	}
	var api *apiregistrationv1.APIService
	if o := in.find(apiServices, namespace, injector.KEDAAPIService); o != nil {
		var err error
		if api, err = decode[apiregistrationv1.APIService](o); err != nil {
			return injector.Installation{}, nil, err
		}
	}
	installation, findings := injector.NewInstallation(namespace, all, api, nil)
	o := in.find(validatingWebhooks, namespace, installation.ValidatingWebhookName())
	if o == nil {
		return installation, findings, nil
	}
	vwc, err := decode[admissionregistrationv1.ValidatingWebhookConfiguration](o)
	installation.ValidatingWebhook = vwc
	return installation, findings, err
}
