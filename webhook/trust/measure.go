package trust

import (
	"context"
	"crypto/x509"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
)

// measure says how long the certificate is valid that KEDA's pods mount, also
// while a fault keeps another one from being published, and nothing where no
// state names one.
func (r *Reconciler) measure(ctx context.Context, namespace string) error {
	leaf, err := r.publishedLeaf(ctx, namespace)
	if err != nil {
		return err
	}
	if leaf == nil {
		unmeasure(namespace)
		return nil
	}
	notBefore.WithLabelValues(namespace).Set(float64(leaf.NotBefore.Unix()))
	notAfter.WithLabelValues(namespace).Set(float64(leaf.NotAfter.Unix()))
	return nil
}

func unmeasure(namespace string) {
	notBefore.DeleteLabelValues(namespace)
	notAfter.DeleteLabelValues(namespace)
}

// publishedLeaf is nil where there is none, or none that can be read: what the
// state names is then published anew, or told by the finding that prevents it.
func (r *Reconciler) publishedLeaf(ctx context.Context, namespace string) (*x509.Certificate, error) {
	state, err := installation.State(ctx, r.reader.Live, namespace)
	if err != nil || state == nil || state.CertificateSecret == "" {
		return nil, err
	}
	secret := &corev1.Secret{}
	absence, err := r.reader.get(ctx, namespace, state.CertificateSecret, secret)
	if absence != nil || err != nil {
		return nil, err
	}
	leaf, invalid := injector.ParseLeaf(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if invalid != nil {
		return nil, nil
	}
	return leaf.Chain[0], nil
}
