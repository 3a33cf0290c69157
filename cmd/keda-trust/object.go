package main

import (
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apijson "k8s.io/apimachinery/pkg/util/json"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/patched"
)

// The kinds that are injected, and those in which options and contents stand.
var (
	deployments        = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	apiServices        = metav1.TypeMeta{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"}
	validatingWebhooks = metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration"}
	namespaces         = metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}
	secrets            = metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}
	configMaps         = metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}
)

// object is one Kubernetes object of the input. Its JSON is only replaced by the
// result of a patch, so fields and numbers that nobody here knows stay.
type object struct {
	metav1.PartialObjectMetadata
	raw      []byte
	document *document
	where    string // for errors
	changed  bool
	dropped  bool
}

func newObject(raw []byte, d *document, where string) (*object, error) {
	o := &object{raw: raw, document: d, where: where}
	if err := apijson.Unmarshal(raw, &o.PartialObjectMetadata); err != nil {
		return nil, fmt.Errorf("it is not a Kubernetes object: %w", plain(err))
	}
	if o.APIVersion == "" || o.Kind == "" {
		return nil, errors.New("it is not a Kubernetes object: it has no apiVersion or no kind")
	}
	return o, nil
}

// isList tells a list, which has no name, from an AllowList and the like.
func (o *object) isList() bool {
	return o.Kind == "List" || strings.HasSuffix(o.Kind, "List") && o.Name == ""
}

func (o *object) injectable() bool {
	return o.TypeMeta == deployments || o.TypeMeta == apiServices || o.TypeMeta == validatingWebhooks
}

// published says whether this is the document that inject adds.
func (o *object) published() bool {
	return o.TypeMeta == configMaps && strings.HasPrefix(o.Name, injector.PublishedCAPrefix) && injector.Published(o.Labels)
}

func (o *object) describe() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// become is what the injector makes of the object.
func (o *object) become(result injector.Result) error {
	raw, err := patched.Object(o.raw, result)
	if err != nil {
		return fmt.Errorf("changing %s: %w", o.describe(), err)
	}
	o.raw, o.changed = raw, o.changed || len(result.Patch) > 0
	return nil
}
