package local

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/injector"
)

// State is what keda-trust has published in a namespace of KEDA, nil where there
// is nothing yet.
func (a *API) State(ctx context.Context, namespace string) (*injector.State, error) {
	published := a.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace)
	list, err := published.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + injector.StateConfigMap})
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, injector.StateConfigMap, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	raw, _, err := unstructured.NestedString(list.Items[0].Object, "data", injector.StateKey)
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, injector.StateConfigMap, err)
	}
	return injector.ParseState([]byte(raw))
}
