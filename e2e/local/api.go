package local

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// FieldManager is whom `kubectl apply --server-side` writes as.
const FieldManager = "kubectl"

// API is how to read and write in any cluster, as whoever a config names.
type API struct {
	Client   dynamic.Interface
	Version  string // of the API server, as v1.37.2
	Warnings Warnings

	config *rest.Config
	mapper meta.RESTMapper
}

// Connect has no limit of requests: what is measured is not to wait for itself.
func Connect(config *rest.Config) (*API, error) {
	a := &API{config: rest.CopyConfig(config)}
	a.config.WarningHandler = &a.Warnings
	a.config.QPS, a.config.Burst = -1, -1
	http, err := rest.HTTPClientFor(a.config)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if a.mapper, err = apiutil.NewDynamicRESTMapper(a.config, http); err != nil {
		return nil, fmt.Errorf("discovering APIs: %w", err)
	}
	if a.Client, err = dynamic.NewForConfigAndClient(a.config, http); err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	asked, err := discovery.NewDiscoveryClientForConfigAndClient(a.config, http)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	info, err := asked.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("asking for the version: %w", err)
	}
	a.Version = info.GitVersion
	return a, nil
}

// Clientset connects once more, with a connection of its own
// and without a limit of requests.
func (a *API) Clientset() (*kubernetes.Clientset, error) {
	client, err := kubernetes.NewForConfig(rest.CopyConfig(a.config))
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return client, nil
}

// Apply does what `kubectl apply --server-side` does and returns the object
// that the API server has stored.
func (a *API) Apply(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return a.write(ctx, object, metav1.ApplyOptions{FieldManager: FieldManager})
}

// ApplyNamespace makes a Namespace, or gives one that is there its labels and
// annotations.
func (a *API) ApplyNamespace(ctx context.Context, name string, labels, annotations map[string]string) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(name)
	namespace.SetLabels(labels)
	namespace.SetAnnotations(annotations)
	_, err := a.Apply(ctx, namespace)
	return err
}

// Preview returns what Apply would.
func (a *API) Preview(ctx context.Context, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return a.write(ctx, object, metav1.ApplyOptions{FieldManager: FieldManager, DryRun: []string{metav1.DryRunAll}})
}

func (a *API) write(ctx context.Context, object *unstructured.Unstructured, options metav1.ApplyOptions) (*unstructured.Unstructured, error) {
	resource, err := a.Resource(object)
	if err != nil {
		return nil, err
	}
	stored, err := resource.Apply(ctx, object.GetName(), object, options)
	if err != nil {
		return nil, fmt.Errorf("applying %s: %w", Title(object), err)
	}
	return stored, nil
}

// Resource is where objects like the given one are read and written, in its
// namespace if it has one.
func (a *API) Resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("applying %s: %w", Title(object), err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return a.Client.Resource(mapping.Resource), nil
	}
	return a.Client.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}
