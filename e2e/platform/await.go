package platform

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// rolloutBound is for a KEDA whose first pod comes too early and is restarted.
const rolloutBound = 5 * time.Minute

// AwaitRollout returns when a Deployment is what its spec says: all replicas new
// and available, none old.
func (p *Platform) AwaitRollout(ctx context.Context, namespace, name string) error {
	what := fmt.Sprintf("Deployment %s/%s to be rolled out", namespace, name)
	return p.await(ctx, rolloutBound, what, func(ctx context.Context) (string, error) {
		d, err := p.Pods.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return lacking(d), nil
	})
}

// lacking says what a rollout still lacks, nothing where it is done.
func lacking(d *appsv1.Deployment) string {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	s := d.Status
	if s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == wanted && s.Replicas == wanted && s.AvailableReplicas == wanted {
		return ""
	}
	return fmt.Sprintf("of %d pods %d are new and %d available, there are %d (generation %d, observed %d)",
		wanted, s.UpdatedReplicas, s.AvailableReplicas, s.Replicas, d.Generation, s.ObservedGeneration)
}

// AwaitAPIService returns when the API server reaches an aggregated API.
func (p *Platform) AwaitAPIService(ctx context.Context, name string) error {
	services := p.Client.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	return p.await(ctx, rolloutBound, "APIService "+name+" to be Available", func(ctx context.Context) (string, error) {
		service, err := services.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		conditions, _, err := unstructured.NestedSlice(service.Object, "status", "conditions")
		if err != nil {
			return "", err
		}
		for _, entry := range conditions {
			condition, ok := entry.(map[string]any)
			if !ok || condition["type"] != "Available" {
				continue
			}
			if condition["status"] == "True" {
				return "", nil
			}
			return fmt.Sprintf("%v: %v", condition["reason"], condition["message"]), nil
		}
		return "nobody has looked yet", nil
	})
}

// await asks again until nothing lacks any more, and tells what last did.
func (p *Platform) await(ctx context.Context, bound time.Duration, what string, lacks func(context.Context) (string, error)) error {
	last := ""
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, bound, true, func(ctx context.Context) (bool, error) {
		var err error
		last, err = lacks(ctx)
		return err == nil && last == "", err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w (%s)", what, err, last)
	}
	return nil
}
