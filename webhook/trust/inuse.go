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
// Secret holds that they mount, the published one or another, whatever the state says,
// and what is published where they do not show it. So the first certificate that is published for a running KEDA is
// a change like any other: its pods get their own one out of our Secret, with the CA
// of the next beside its own, before any of them serves the next.
func (r *Reconciler) inUse(ctx context.Context, found injector.Installation, have standing) (certificates, time.Time, error) {
	now := r.options.now()
	if ours := have.secretObject; ours != nil && found.CertificateInUse() == injector.PublishedSecret {
		if held, valid := parsed(ours.Data); valid {
			return held, written(ours, now), nil
		}
	}
	theirs, err := r.mounted(ctx, found)
	switch {
	case err != nil:
		return certificates{}, now, err
	case theirs.leaf.Certificate() != nil:
		return theirs, now, nil
	case have.secretObject == nil:
		return have.certificates, now, nil
	}
	return have.certificates, written(have.secretObject, now), nil
}

// mounted are those of the Secret that all of KEDA's pods mount, if that is not the
// published one, and can be used.
func (r *Reconciler) mounted(ctx context.Context, found injector.Installation) (certificates, error) {
	name := found.CertificateInUse()
	if name == "" || name == injector.PublishedSecret {
		return certificates{}, nil
	}
	theirs, err := read(ctx, r.reader.Live, "Secret", found.Namespace, name, &corev1.Secret{})
	if apierrors.IsForbidden(err) {
		logf.FromContext(ctx).Info("Changing the certificate at once, for the one in use must not be read; the chart's sourceSecrets grants it", "secret", name)
		return certificates{}, nil
	}
	if err != nil || theirs == nil {
		return certificates{}, err
	}
	if held, valid := parsed(theirs.Data); valid {
		return held, nil
	}
	return certificates{}, nil
}

// parsed are what the Secret of a certificate holds, if all of it can be used.
func parsed(data map[string][]byte) (certificates, bool) {
	leaf, invalidLeaf := injector.ParseLeaf(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	ca, invalidCA := injector.ParseBundle(data[corev1.ServiceAccountRootCAKey])
	return certificates{leaf, ca}, invalidLeaf == nil && invalidCA == nil
}
