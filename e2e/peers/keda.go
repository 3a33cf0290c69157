package main

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	webhooksService    = "keda-admission-webhooks"
	webhooksDeployment = "keda-admission"
)

// installKEDA applies KEDA's release, with the consumer in the place of its
// admission webhooks.
func (t *turn) installKEDA(ctx context.Context) error {
	if err := t.contender.enlist(ctx, t); err != nil {
		return err
	}
	for _, object := range t.bench.release {
		if object.GetKind() == "Namespace" {
			continue // is there, with what the contender wants on it
		}
		object = object.DeepCopy()
		if err := t.consumer.replace(object); err != nil {
			return err
		}
		t.contender.adjust(object)
		if _, err := t.cluster.Apply(ctx, object); err != nil {
			return err
		}
	}
	if t.consumer.address == "" {
		return nil
	}
	_, err := t.client.DiscoveryV1().EndpointSlices(injector.DefaultKEDANamespace).Create(ctx, t.consumer.endpoints(), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating the EndpointSlice of Service %s: %w", webhooksService, err)
	}
	return nil
}

// replace leads the API server to the consumer: by the Service, whose name it
// verifies, and with no way around it.
func (c *consumer) replace(object *unstructured.Unstructured) error {
	switch local.Title(object) {
	case "Service " + webhooksService:
		object.Object["spec"] = map[string]any{"type": string(corev1.ServiceTypeExternalName), "externalName": "localhost"}
	case "Deployment " + webhooksDeployment:
		return c.replaceFlags(object)
	case objectKinds[webhookConfiguration] + " " + webhookConfigurationName:
		return c.replaceService(object)
	}
	return nil
}

func (c *consumer) replaceService(configuration *unstructured.Unstructured) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return fmt.Errorf("reading %s: %w", local.Title(configuration), err)
	}
	for _, entry := range webhooks {
		webhook, ok := entry.(map[string]any)
		if !ok {
			return fmt.Errorf("reading %s: a webhook is no object", local.Title(configuration))
		}
		webhook["failurePolicy"] = "Fail"
		if err := unstructured.SetNestedField(webhook, int64(c.port), "clientConfig", "service", "port"); err != nil {
			return fmt.Errorf("changing %s: %w", local.Title(configuration), err)
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}

// replaceFlags says where the pods listen, to who looks at them and not at the
// Service.
func (c *consumer) replaceFlags(deployment *unstructured.Unstructured) error {
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		return fmt.Errorf("reading %s: %d containers, want one (%w)", local.Title(deployment), len(containers), err)
	}
	container, ok := containers[0].(map[string]any)
	if !ok {
		return fmt.Errorf("reading %s: its container is no object", local.Title(deployment))
	}
	args, _, err := unstructured.NestedStringSlice(container, "args")
	if err != nil {
		return fmt.Errorf("reading %s: %w", local.Title(deployment), err)
	}
	if err := unstructured.SetNestedStringSlice(container, append(args, "--port="+strconv.Itoa(c.port)), "args"); err != nil {
		return fmt.Errorf("changing %s: %w", local.Title(deployment), err)
	}
	return unstructured.SetNestedSlice(deployment.Object, containers, "spec", "template", "spec", "containers")
}

// endpoints show the consumer as the one ready pod of its Service.
func (c *consumer) endpoints() *discoveryv1.EndpointSlice {
	ready, port, name, family := true, int32(c.port), "https", discoveryv1.AddressTypeIPv4
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:   webhooksService,
			Labels: map[string]string{discoveryv1.LabelServiceName: webhooksService},
		},
		AddressType: family,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{c.address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
	}
}
