package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	// lead is how long there are calls before the CA changes.
	lead = 2 * time.Second
	// callTimeout is more than the API server gives a webhook.
	callTimeout = 15 * time.Second
)

var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// callsThroughChange counts calls that fail while the CA changes and the served
// certificate lags behind its Secret. Each contender is called for at least three
// times the lag after the change, and one that has more to do for as long as it
// does.
func (t *turn) callsThroughChange(ctx context.Context, counted *calls) (err error) {
	lag := t.bench.options.lag
	stop, process, err := t.begin(ctx, lag, 3*lag, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := t.untilInjected(ctx, process, "has the CA that the Secret holds from the start"); err != nil {
		return err
	}
	if err := within(ctx, patience, process, "calls are admitted before the CA changes", t.untilAdmitted); err != nil {
		return err
	}
	load := startLoad(ctx, t.call)
	changed := time.Now()
	err = pause(ctx, lead)
	if err == nil {
		changed, err = t.change(ctx)
	}
	if err == nil {
		err = errors.Join(t.settle(ctx, process, 10*lag), pause(ctx, time.Until(changed.Add(3*lag))))
	}
	*counted = load.end(changed)
	return err
}

// call has the API server ask the consumer.
func (t *turn) call(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := t.cluster.Client.Resource(scaledObjects).Namespace(injector.DefaultKEDANamespace).
		Create(ctx, scaledObject(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: local.FieldManager})
	if err != nil {
		return fmt.Errorf("creating a ScaledObject: %w", err)
	}
	return nil
}

// untilAdmitted also waits for the API server to serve KEDA's own kinds.
func (t *turn) untilAdmitted(ctx context.Context) error {
	for t.call(ctx) != nil {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func scaledObject() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "keda.sh/v1alpha1",
		"kind":       "ScaledObject",
		"metadata":   map[string]any{"name": "called"},
		"spec": map[string]any{
			"scaleTargetRef": map[string]any{"name": "example"},
			"triggers": []any{map[string]any{
				"type":     "cpu",
				"metadata": map[string]any{"value": "50"},
			}},
		},
	}}
}
