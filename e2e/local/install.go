package local

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

// Manifest is what a user would apply to install keda-trust, seen from the
// checkout.
const Manifest = "manifests/install.yaml"

// Install applies keda-trust's own manifest, with 127.0.0.1:port where it has a
// Service, and returns what it applied.
func (c *Cluster) Install(ctx context.Context, manifest string, port int) ([]*unstructured.Unstructured, error) {
	objects, err := ReadManifest(manifest)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if object.GetKind() == "MutatingWebhookConfiguration" {
			if err := callByURL(object, fmt.Sprintf("https://127.0.0.1:%d", port)); err != nil {
				return nil, err
			}
		}
		if _, err := c.Apply(ctx, object); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// WriteAccount writes how to connect with the rights of keda-trust's
// ServiceAccount and no others.
func (c *Cluster) WriteAccount(path string) error {
	account := fmt.Sprintf("system:serviceaccount:%s:%s", injector.Name, injector.Name)
	return c.WriteKubeconfig(path, account, "system:serviceaccounts", "system:serviceaccounts:"+injector.Name)
}

// callByURL makes the API server call a process where it would call a Service.
func callByURL(configuration *unstructured.Unstructured, base string) error {
	webhooks, found, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil || !found {
		return fmt.Errorf("reading %s: no list of webhooks (%w)", Title(configuration), err)
	}
	for _, entry := range webhooks {
		webhook, ok := entry.(map[string]any)
		if !ok {
			return fmt.Errorf("reading %s: a webhook is no object", Title(configuration))
		}
		path, found, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil || !found {
			return fmt.Errorf("reading %s: webhook %v has no path (%w)", Title(configuration), webhook["name"], err)
		}
		webhook["clientConfig"] = map[string]any{"url": base + path}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}

// Subjects are the objects of KEDA's manifests that have to be injected.
func Subjects(release []*unstructured.Unstructured) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range release {
		if object.GetKind() == "Deployment" || object.GetName() == injector.KEDAAPIService {
			found = append(found, object)
		}
	}
	return found
}
