package trust

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
)

// inUse are the certificate and CAs that KEDA's pods have, and since when: what the
// Secret holds that they mount, the published one or another, whatever the state
// says; and what is published where they do not show it. So the first certificate
// that is published for a running KEDA is a change like any other: its pods get their
// own one out of our Secret, with the CA of the next beside its own, before any of
// them serves the next.
func (r *Reconciler) inUse(ctx context.Context, found injector.Installation, have standing) (certificates, time.Time, error) {
	now := r.options.now()
	published := now
	if have.secretObject != nil {
		published = written(have.secretObject, now)
	}
	switch name := found.CertificateInUse(); {
	case name == injector.PublishedSecret && have.secretObject != nil:
		if held, valid := parsed(have.secretObject.Data); valid {
			return held, published, nil
		}
	case name != "" && name != injector.PublishedSecret:
		held, valid, err := r.heldBy(ctx, found.Namespace, name)
		if err != nil || valid {
			return held, now, err
		}
	}
	return have.certificates, published, nil
}

// heldBy are those of a Secret of somebody else's, if they can be used.
func (r *Reconciler) heldBy(ctx context.Context, namespace, name string) (held certificates, valid bool, err error) {
	theirs, err := read(ctx, r.reader.Live, "Secret", namespace, name, &corev1.Secret{})
	if apierrors.IsForbidden(err) {
		logf.FromContext(ctx).Info("Changing the certificate at once, for the one in use must not be read; the chart's sourceSecrets grants it", "secret", name)
		return certificates{}, false, nil
	}
	if err != nil || theirs == nil {
		return certificates{}, false, err
	}
	held, valid = parsed(theirs.Data)
	return held, valid, nil
}

// parsed are what the Secret of a certificate holds, if all of it can be used.
func parsed(data map[string][]byte) (certificates, bool) {
	leaf, invalidLeaf := injector.ParseLeaf(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	ca, invalidCA := injector.ParseBundle(data[corev1.ServiceAccountRootCAKey])
	return certificates{leaf, ca}, invalidLeaf == nil && invalidCA == nil
}
