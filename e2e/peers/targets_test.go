package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// watched are targets whose events come from the test.
func watched(t *testing.T) (*targets, [objects]chan watch.Event) {
	t.Helper()
	observed := &targets{moved: make(chan struct{})}
	var events [objects]chan watch.Event
	for i := range events {
		events[i] = make(chan watch.Event)
		observed.watchers.Go(func() { observed.follow(t.Context(), i, events[i]) })
	}
	return observed, events
}

func added(object *unstructured.Unstructured) watch.Event {
	return watch.Event{Type: watch.Added, Object: object}
}

func TestUntilWaitsForEachObject(t *testing.T) {
	m := issued(t)
	observed, events := watched(t)
	has := func(s *sight) bool { return slices.Contains(s.everywhere, m.ca) }
	result := make(chan error)
	go func() { result <- observed.until(t.Context(), has) }()
	events[apiService] <- added(apiServiceWith(m.CA))
	bounded, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errBound)
	defer cancel()
	err := observed.until(bounded, has)
	var missing *missingError
	if !errors.As(err, &missing) || !strings.Contains(missing.object, webhookConfigurationName) || !errors.Is(err, errBound) {
		t.Errorf("without the webhook configuration: %v", err)
	}
	events[webhookConfiguration] <- added(webhooksWith(m.CA, m.CA))
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestAWatchThatEndsEndsTheWaiting(t *testing.T) {
	for name, end := range map[string]func(chan watch.Event){
		"closed": func(c chan watch.Event) { close(c) },
		"an error": func(c chan watch.Event) {
			c <- watch.Event{Type: watch.Error, Object: &metav1.Status{Reason: "Expired"}}
		},
		"garbage": func(c chan watch.Event) {
			c <- added(&unstructured.Unstructured{Object: map[string]any{"kind": "APIService"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			observed, events := watched(t)
			go end(events[apiService])
			if err := observed.until(t.Context(), func(*sight) bool { return false }); err == nil {
				t.Error("no error")
			}
		})
	}
}
