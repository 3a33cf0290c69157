package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	toolswatch "k8s.io/client-go/tools/watch"

	"github.com/keda-trust/keda-trust/injector"
)

// The objects that all contenders write to.
const (
	apiService = iota
	webhookConfiguration
	objects // how many they are
)

// webhookConfigurationName is what KEDA calls it.
const webhookConfigurationName = "keda-admission"

var (
	objectResources = [objects]schema.GroupVersionResource{
		apiService:           {Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
		webhookConfiguration: {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	}
	objectNames = [objects]string{apiService: injector.KEDAAPIService, webhookConfiguration: webhookConfigurationName}
	objectKinds = [objects]string{apiService: "APIService", webhookConfiguration: "ValidatingWebhookConfiguration"}
)

// targets watches the objects, independently of who writes them.
type targets struct {
	mutex    sync.Mutex
	sights   [objects]sight
	moved    chan struct{} // closed with the next event
	fault    error         // why a watch has ended
	watchers sync.WaitGroup
}

// watchTargets watches until ctx is done. The objects need not be there yet.
func watchTargets(ctx context.Context, client dynamic.Interface) (*targets, error) {
	t := &targets{moved: make(chan struct{})}
	for i := range objects {
		events, err := watchOne(ctx, client.Resource(objectResources[i]), objectNames[i])
		if err != nil {
			return nil, err
		}
		t.watchers.Go(func() { t.follow(ctx, i, events) })
	}
	return t, nil
}

// watchOne watches one object by name, from now on, across watches that end.
func watchOne(ctx context.Context, resource dynamic.ResourceInterface, name string) (<-chan watch.Event, error) {
	only := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		return o
	}
	list, err := resource.List(ctx, only(metav1.ListOptions{}))
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", name, err)
	}
	watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, list.GetResourceVersion(), watching(func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		return resource.Watch(ctx, only(o))
	}))
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", name, err)
	}
	return watcher.ResultChan(), nil
}

// watching is what a RetryWatcher asks for a watch.
type watching func(context.Context, metav1.ListOptions) (watch.Interface, error)

func (w watching) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	return w(ctx, o)
}

func (t *targets) follow(ctx context.Context, i int, events <-chan watch.Event) {
	for event := range events {
		now := time.Now()
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			t.end(fmt.Errorf("watching %s: %v", objectNames[i], event.Object))
			return
		}
		t.mutex.Lock()
		err := t.sights[i].see(object, now)
		t.wake()
		t.mutex.Unlock()
		if err != nil {
			t.end(err)
			return
		}
	}
	if ctx.Err() == nil {
		t.end(fmt.Errorf("watching %s: the watch has ended", objectNames[i]))
	}
}

// wake is called with the mutex held.
func (t *targets) wake() {
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *targets) end(fault error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.fault = errors.Join(t.fault, fault)
	t.wake()
}

// wait returns when the watches, whose context is done, have ended.
func (t *targets) wait() { t.watchers.Wait() }

// count begins to count changes.
func (t *targets) count() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i := range t.sights {
		t.sights[i].count()
	}
}

// look calls back with what was seen, which is only good for as long as it runs.
func (t *targets) look(at func(*[objects]sight)) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	at(&t.sights)
}

// until returns when what was seen of each object holds, or ctx is done.
func (t *targets) until(ctx context.Context, holds func(*sight) bool) error {
	for {
		t.mutex.Lock()
		moved, fault, missing := t.moved, t.fault, ""
		for i := range t.sights {
			if missing == "" && !holds(&t.sights[i]) {
				missing = objectKinds[i] + " " + objectNames[i]
			}
		}
		t.mutex.Unlock()
		switch {
		case fault != nil:
			return fault
		case missing == "":
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return &missingError{missing, context.Cause(ctx)}
		}
	}
}

// missingError names the object that something did not hold of.
type missingError struct {
	object string
	cause  error
}

func (e *missingError) Error() string { return e.object + ": " + e.cause.Error() }
func (e *missingError) Unwrap() error { return e.cause }
