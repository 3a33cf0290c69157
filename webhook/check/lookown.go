package check

import (
	"context"
	"fmt"
	"net"
	"net/url"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
	"github.com/keda-trust/keda-trust/webhook/roundtrip"
)

// usualPort is that of keda-trust's pods where it cannot be read.
const usualPort = 9443

// own looks at keda-trust itself.
func (l Looker) own(ctx context.Context) Own {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	err := l.Live.Get(ctx, types.NamespacedName{Name: injector.WebhookConfigurationName}, configuration)
	if apierrors.IsNotFound(err) {
		return Own{}
	}
	if err != nil {
		return Own{Err: err}
	}
	o := Own{Configuration: configuration, Server: l.ownServer(ctx, configuration)}
	namespace := ownNamespace(configuration)
	if namespace == "" {
		o.RoundTrip = fmt.Errorf("it has no webhook %s that names a Namespace to ask in", injector.WebhookProbe)
		return o
	}
	_, o.RoundTrip = roundtrip.Ask(ctx, l.Live, namespace)
	o.Answered = o.RoundTrip == nil
	return o
}

// ownServer is the one that all entries call.
func (l Looker) ownServer(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration) Server {
	if len(configuration.Webhooks) == 0 {
		return Server{Err: fmt.Errorf("MutatingWebhookConfiguration %s has no webhooks", configuration.Name)}
	}
	config := configuration.Webhooks[0].ClientConfig
	if config.Service == nil {
		return l.ownHost(ctx, ptr.Deref(config.URL, ""))
	}
	server := injector.Server{
		Service: config.Service.Name, Name: fmt.Sprintf("%s.%s.svc", config.Service.Name, config.Service.Namespace),
		Port: l.ownPort(ctx, config.Service),
	}
	return l.server(ctx, config.Service.Namespace, server)
}

// ownHost is keda-trust outside of the cluster.
func (l Looker) ownHost(ctx context.Context, text string) Server {
	at, err := url.Parse(text)
	if err != nil {
		return Server{Err: fmt.Errorf("reading the url of the webhook: %w", err)}
	}
	server := injector.Server{Name: at.Hostname()}
	port := at.Port()
	if port == "" {
		port = "443"
	}
	endpoint := endpoints.Endpoint{Server: server, Address: net.JoinHostPort(at.Hostname(), port)}
	return Server{Server: server, Sightings: l.sightings(ctx, "", []endpoints.Endpoint{endpoint})}
}

// ownPort is that of the pods behind the Service's port: the chart names it only
// in the container, but the EndpointSlices have its number.
func (l Looker) ownPort(ctx context.Context, reference *admissionregistrationv1.ServiceReference) int {
	service := &corev1.Service{}
	slices := &discoveryv1.EndpointSliceList{}
	key := types.NamespacedName{Namespace: reference.Namespace, Name: reference.Name}
	if l.Live.Get(ctx, key, service) != nil {
		return usualPort
	}
	if l.Live.List(ctx, slices, client.InNamespace(reference.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: reference.Name}) != nil {
		return usualPort
	}
	for _, port := range service.Spec.Ports {
		if port.Port != ptr.Deref(reference.Port, 443) {
			continue
		}
		for _, slice := range slices.Items {
			for _, served := range slice.Ports {
				if ptr.Deref(served.Name, "") == port.Name && served.Port != nil {
					return int(*served.Port)
				}
			}
		}
	}
	return usualPort
}

// ownNamespace is the one whose ConfigMaps the probe entry matches.
func ownNamespace(configuration *admissionregistrationv1.MutatingWebhookConfiguration) string {
	for _, w := range configuration.Webhooks {
		if w.Name == injector.WebhookProbe && w.NamespaceSelector != nil {
			return w.NamespaceSelector.MatchLabels[corev1.LabelMetadataName]
		}
	}
	return ""
}
