package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

const noopPath = "/noop"

// noop is the least that a webhook can be: controller-runtime's server, which
// allows everything and changes nothing.
type noop struct {
	answered atomic.Int64
	caBundle []byte
	port     int
	stop     context.CancelFunc
	stopped  chan error
}

// startNoop serves on a port of this machine until it is closed.
func startNoop(ctx context.Context, port int) (*noop, error) {
	pair, err := issue("no-op", nil, net.ParseIP(loopback))
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.certificate, pair.key)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of the no-op webhook: %w", err)
	}
	server := webhook.NewServer(webhook.Options{
		Host: loopback,
		Port: port,
		TLSOpts: []func(*tls.Config){func(c *tls.Config) {
			c.MinVersion = tls.VersionTLS13 // as ours
			c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }
		}},
	})
	ctx, cancel := context.WithCancel(ctx)
	n := &noop{caBundle: pair.ca, port: port, stop: cancel, stopped: make(chan error, 1)}
	server.Register(noopPath, &admission.Webhook{Handler: admission.HandlerFunc(n.allow)})
	go func() { n.stopped <- server.Start(ctx) }()
	return n, nil
}

func (n *noop) allow(context.Context, admission.Request) admission.Response {
	n.answered.Add(1)
	return admission.Allowed("")
}

func (n *noop) close() error {
	n.stop()
	if err := <-n.stopped; err != nil {
		return fmt.Errorf("serving the no-op webhook: %w", err)
	}
	return nil
}

// configuration calls the no-op for Deployments of one namespace, with the same
// rules as keda-trust's own.
func (n *noop) configuration(namespace string) *admissionregistrationv1.MutatingWebhookConfiguration {
	url := fmt.Sprintf("https://%s:%d%s", loopback, n.port, noopPath)
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "bench-noop"},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name:         "noop.bench.keda-trust.io",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: n.caBundle},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}, Scope: ptr(admissionregistrationv1.NamespacedScope)},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             ptr(admissionregistrationv1.SideEffectClassNone),
			FailurePolicy:           ptr(admissionregistrationv1.Fail), // a measurement of nothing would be worse
			ReinvocationPolicy:      ptr(admissionregistrationv1.IfNeededReinvocationPolicy),
			TimeoutSeconds:          ptr[int32](5),
		}},
	}
}

func ptr[T any](v T) *T { return &v }
