package serving

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// handshakeTimeout is short of the second that a readiness probe waits by default.
const handshakeTimeout = 900 * time.Millisecond

// readiness is unready at first, ready once a handshake verified, and draining
// from Drain to the end.
type readiness struct {
	store
	ready    atomic.Bool
	draining atomic.Bool
}

var errDraining = errors.New("the webhook is shutting down")

func (r *readiness) check(request *http.Request) error {
	if r.draining.Load() {
		return errDraining
	}
	if r.ready.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(request.Context(), handshakeTimeout)
	defer cancel()
	if err := r.verify(ctx); err != nil {
		return err
	}
	r.ready.Store(true)
	return nil
}

// verify shakes hands with our own listener as the API server will: under the
// Service's name, against each stored caBundle.
func (r *readiness) verify(ctx context.Context) error {
	configuration, err := r.configuration(ctx)
	if err != nil {
		return err
	}
	if configuration == nil || len(configuration.Webhooks) == 0 {
		return fmt.Errorf("MutatingWebhookConfiguration %s: not found, or without webhooks", r.opts.ConfigurationName)
	}
	verified := map[string]bool{}
	for _, webhook := range configuration.Webhooks {
		bundle := webhook.ClientConfig.CABundle
		if verified[string(bundle)] {
			continue
		}
		if err := r.handshake(ctx, bundle); err != nil {
			return fmt.Errorf("verifying our own certificate against the caBundle of webhook %s in MutatingWebhookConfiguration %s: %w", webhook.Name, r.opts.ConfigurationName, err)
		}
		verified[string(bundle)] = true
	}
	return nil
}

func (r *readiness) handshake(ctx context.Context, bundle []byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return errors.New("it holds no certificate")
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: handshakeTimeout},
		Config:    &tls.Config{RootCAs: roots, ServerName: r.opts.serverName(), MinVersion: tls.VersionTLS13},
	}
	connection, err := dialer.DialContext(ctx, "tcp", r.opts.Address)
	if err != nil {
		return fmt.Errorf("shaking hands with %s: %w", r.opts.Address, err)
	}
	if err := connection.Close(); err != nil {
		return fmt.Errorf("closing the connection to %s: %w", r.opts.Address, err)
	}
	return nil
}
