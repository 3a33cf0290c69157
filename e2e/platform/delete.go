package platform

import (
	"context"
	"fmt"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// DeleteKEDA takes the release away again, with everything in its Namespace.
func (p *Platform) DeleteKEDA(ctx context.Context, release keda.Release) error {
	objects, err := p.release(ctx, release)
	if err != nil {
		return err
	}
	return p.Delete(ctx, objects)
}

// DeleteNamespace takes a Namespace away with all that is in it; it need not be
// there.
func (p *Platform) DeleteNamespace(ctx context.Context, name string) error {
	return p.Delete(ctx, []*unstructured.Unstructured{namespace(name)})
}

// Delete deletes what there is of objects, last applied first, and returns when it
// is gone.
func (p *Platform) Delete(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range slices.Backward(objects) {
		resource, err := p.Resource(object)
		if meta.IsNoMatchError(err) {
			continue // its CustomResourceDefinition is gone
		}
		if err != nil {
			return err
		}
		err = resource.Delete(ctx, object.GetName(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting %s: %w", local.Title(object), err)
		}
	}
	for _, object := range objects {
		if err := p.awaitGone(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) awaitGone(ctx context.Context, object *unstructured.Unstructured) error {
	return p.await(ctx, 2*time.Minute, local.Title(object)+" to be gone", func(ctx context.Context) (string, error) {
		resource, err := p.Resource(object)
		if meta.IsNoMatchError(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if object.GetKind() == "CustomResourceDefinition" {
			if err := p.releaseInstances(ctx, object); err != nil {
				return "", err
			}
		}
		left, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("its finalizers are %q", left.GetFinalizers()), nil
	})
}

// releaseInstances takes the finalizers of what is of a kind that goes: the
// operator, which is gone before, would have.
func (p *Platform) releaseInstances(ctx context.Context, object *unstructured.Unstructured) error {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &definition); err != nil {
		return fmt.Errorf("reading %s: %w", local.Title(object), err)
	}
	spec := definition.Spec
	resource := schema.GroupVersionResource{Group: spec.Group, Version: spec.Versions[0].Name, Resource: spec.Names.Plural}
	instances, err := p.Client.Resource(resource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", resource.Resource, err)
	}
	for _, instance := range instances.Items {
		if len(instance.GetFinalizers()) == 0 {
			continue
		}
		_, err := p.Client.Resource(resource).Namespace(instance.GetNamespace()).
			Patch(ctx, instance.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("releasing %s: %w", local.Title(&instance), err)
		}
	}
	return nil
}

func namespace(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	object.SetName(name)
	return object
}
