package journeys

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/e2e/local"
)

const (
	// shop is the Namespace of a team whose Deployment of the same name KEDA scales.
	shop        = "shop"
	plainServer = "http://prometheus.shop.svc:9090"
)

var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

func asUnstructured(content map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: content}
}

// scaledObject scales the shop by the answers of servers to a Prometheus query.
func scaledObject(name, query string, servers ...string) *unstructured.Unstructured {
	var triggers []any
	for _, server := range servers {
		triggers = append(triggers, map[string]any{
			"type":     "prometheus",
			"metadata": map[string]any{"serverAddress": server, "query": query, "threshold": "1"},
		})
	}
	return asUnstructured(map[string]any{
		"apiVersion": "keda.sh/v1alpha1",
		"kind":       "ScaledObject",
		"metadata":   map[string]any{"name": name, "namespace": shop},
		"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"name": shop},
			"pollingInterval": int64(5),
			"minReplicaCount": int64(1),
			"maxReplicaCount": int64(3),
			"triggers":        triggers,
		},
	})
}

// tryBadScaledObject asks, without anything being stored, for a ScaledObject that
// only KEDA's validating webhook refuses. That fails open: nil says that the API
// server did not trust it, or did not reach it.
func tryBadScaledObject(ctx context.Context) error {
	bad := scaledObject("bad", "vector(1)", plainServer)
	if err := unstructured.SetNestedField(bad.Object, int64(1), "spec", "idleReplicaCount"); err != nil {
		return fmt.Errorf("editing a ScaledObject: %w", err)
	}
	_, err := on.Client.Resource(scaledObjects).Namespace(shop).
		Create(ctx, bad, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: local.FieldManager})
	return err
}
