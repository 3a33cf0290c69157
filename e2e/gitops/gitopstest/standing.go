package gitopstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// Stands says what of KEDA is not as keda-trust has published it, nil if all is.
func (i *Installation) Stands(ctx context.Context) error {
	state, err := i.cluster.State(ctx, namespace)
	if err != nil {
		return err
	}
	if state == nil {
		return errors.New("no state is published")
	}
	var faults []error
	for _, object := range i.git {
		if !injected(object) {
			continue
		}
		stored, err := i.Stored(ctx, object)
		switch {
		case err != nil:
			return err
		case stored == nil:
			faults = append(faults, fmt.Errorf("%s is not there", local.Title(object)))
		case stored.GetKind() == "ValidatingWebhookConfiguration":
			faults = append(faults, verifyWebhooks(stored, state)...)
		default:
			faults = append(faults, local.Verify(stored, state)...)
		}
	}
	return errors.Join(faults...)
}

// injected are what keda-trust changes, by admission or by its controller.
func injected(object *unstructured.Unstructured) bool {
	return object.GetName() == injector.KEDAValidatingWebhook && object.GetKind() == "ValidatingWebhookConfiguration" ||
		len(local.Subjects([]*unstructured.Unstructured{object})) > 0
}

// StandsFor says what of KEDA does not stand, or not with a ConfigMap of custom
// CAs other than the one given.
func (i *Installation) StandsFor(ctx context.Context, before string) error {
	now, err := i.CustomCAs(ctx)
	if err != nil {
		return err
	}
	if now == before {
		return fmt.Errorf("ConfigMap %s is still what is published", before)
	}
	return i.Stands(ctx)
}

// CustomCAs names the ConfigMap of them that is published.
func (i *Installation) CustomCAs(ctx context.Context) (string, error) {
	state, err := i.cluster.State(ctx, namespace)
	if err != nil || state == nil {
		return "", fmt.Errorf("reading the state: %w", err)
	}
	return state.CustomCAConfigMap, nil
}

func verifyWebhooks(configuration *unstructured.Unstructured, state *injector.State) []error {
	webhooks, found, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil || !found {
		return []error{fmt.Errorf("%s has no list of webhooks (%w)", local.Title(configuration), err)}
	}
	var faults []error
	for _, entry := range webhooks {
		webhook, ok := entry.(map[string]any)
		if !ok {
			return []error{fmt.Errorf("%s: a webhook is no object", local.Title(configuration))}
		}
		encoded, _, err := unstructured.NestedString(webhook, "clientConfig", "caBundle")
		if err != nil {
			return []error{err}
		}
		bundle, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !bytes.Equal(bundle, state.CABundle) {
			faults = append(faults, fmt.Errorf("%s: webhook %v has not the published caBundle (%w)", local.Title(configuration), webhook["name"], err))
		}
	}
	return faults
}
