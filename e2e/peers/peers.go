package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	// teamSecret is what a platform team might call its own certificate's Secret.
	teamSecret = "keda-tls"
	// kedaSecret is what KEDA's operator calls the Secret that it issues itself.
	kedaSecret = "kedaorg-certs"
)

// cainjector is cert-manager's.
type cainjector struct{}

func (cainjector) name() string              { return "cainjector" }
func (cainjector) program() (string, string) { return "e2e", "./peers/cainjector" }
func (cainjector) dependency() string        { return "github.com/cert-manager/cert-manager" }
func (cainjector) served() string            { return teamSecret }
func (cainjector) prunes() bool              { return false }

// source also consents to being read, as cainjector wants it.
func (cainjector) source(m *material) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:        teamSecret,
			Annotations: map[string]string{"cert-manager.io/allow-direct-injection": "true"},
		},
		Type: corev1.SecretTypeTLS,
		Data: m.data(),
	}
}

func (cainjector) prepare(ctx context.Context, t *turn) error { return t.empower(ctx) }

func (cainjector) enlist(context.Context, *turn) error { return nil }

// adjust names the source, where cainjector looks for it.
func (cainjector) adjust(object *unstructured.Unstructured) {
	if object.GetKind() != objectKinds[apiService] && object.GetKind() != objectKinds[webhookConfiguration] {
		return
	}
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations["cert-manager.io/inject-ca-from-secret"] = injector.DefaultKEDANamespace + "/" + teamSecret
	object.SetAnnotations(annotations)
}

func (cainjector) start(ctx context.Context, t *turn, _ time.Duration) (*local.Process, error) {
	return t.startPeer(ctx)
}

// certController is open-policy-agent's, as KEDA's operator has it.
type certController struct{}

func (certController) name() string                        { return "cert-controller" }
func (certController) program() (string, string)           { return "e2e", "./peers/certcontroller" }
func (certController) dependency() string                  { return "github.com/open-policy-agent/cert-controller" }
func (certController) served() string                      { return kedaSecret }
func (certController) prunes() bool                        { return true }
func (certController) adjust(*unstructured.Unstructured)   {}
func (certController) enlist(context.Context, *turn) error { return nil }

func (certController) source(m *material) *corev1.Secret {
	data := m.data()
	data["ca.key"] = m.caKey
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: kedaSecret}, Type: corev1.SecretTypeOpaque, Data: data}
}

// prepare also makes the directory that it looks into before it calls itself ready.
func (certController) prepare(ctx context.Context, t *turn) error {
	if err := os.MkdirAll(t.file("certs"), 0o700); err != nil {
		return fmt.Errorf("creating a directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(t.file("certs"), corev1.TLSCertKey), t.material[0].Certificate, 0o600); err != nil {
		return fmt.Errorf("writing a certificate: %w", err)
	}
	return t.empower(ctx)
}

func (certController) start(ctx context.Context, t *turn, _ time.Duration) (*local.Process, error) {
	return t.startPeer(ctx,
		"--namespace="+injector.DefaultKEDANamespace,
		"--secret="+kedaSecret,
		"--cert-dir="+t.file("certs"),
		"--api-service="+objectNames[apiService],
		"--webhook-configuration="+objectNames[webhookConfiguration],
		"--hosts="+strings.Join(local.KEDAHosts(), ","),
	)
}
