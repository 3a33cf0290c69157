package trust

import (
	"context"
	"crypto/x509"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/consumers"
)

// view is what stands published, as far as metrics show it.
type view struct {
	state         *injector.State
	leaf          *x509.Certificate
	ca, customCAs injector.Bundle
	// stage is empty where it is not known how far a change of certificate is, for
	// the source cannot be used now.
	stage   stage
	started time.Time
	// lagging counts by component.
	lagging map[string]int
	// findings are what is told now.
	findings []injector.Finding
}

// viewOf is what stands while nothing is published.
func viewOf(have standing) view {
	return view{state: have.state, leaf: have.certificates.leaf.Certificate(), customCAs: have.customCAs}
}

// view is what stands after a look at a change of certificate.
func (r rotation) view(m marks) view {
	v := view{
		state: r.resolution.State, leaf: r.resolution.Leaf.Certificate(), customCAs: r.resolution.CustomCAs,
		stage: r.stage, started: m.rotationStarted, lagging: map[string]int{},
	}
	for _, component := range []string{
		string(injector.ComponentOperator), string(injector.ComponentMetricsAPIServer), string(injector.ComponentAdmissionWebhooks), consumers.APIServer,
	} {
		v.lagging[component] = 0
	}
	for _, l := range r.lagging {
		v.lagging[l.Component]++
	}
	return v
}

// measure shows what stands published, also while a fault keeps anything else
// from it, and what is told.
func (r *Reconciler) measure(ctx context.Context, namespace string, v view) error {
	if v.state == nil {
		published.drop(namespace)
		published.show(namespace, v)
		return nil
	}
	if ca, err := injector.ParseBundle(v.state.CABundle); err == nil { // there is none before KEDA has issued
		v.ca = ca
	}
	if name := v.state.CertificateSecret; name != injector.PublishedSecret {
		leaf, err := r.leafOf(ctx, namespace, name)
		if err != nil {
			return err
		}
		v.leaf = leaf
	}
	published.show(namespace, v)
	return nil
}

// leafOf is the certificate in a Secret that is not ours, nil where there is none
// or none that can be read: whoever issues it has to mend that.
func (r *Reconciler) leafOf(ctx context.Context, namespace, name string) (*x509.Certificate, error) {
	if name == "" {
		return nil, nil
	}
	secret := &corev1.Secret{}
	absence, err := r.reader.get(ctx, namespace, name, secret)
	if absence != nil || err != nil {
		return nil, err
	}
	leaf, invalid := injector.ParseLeaf(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if invalid != nil {
		return nil, nil
	}
	return leaf.Certificate(), nil
}
