package trust

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/keda-trust/keda-trust/injector"
)

// inUse are the certificate and CAs that KEDA's pods have: what is published, or,
// where they mount another Secret yet, what that one holds. So the first certificate
// that is published for a running KEDA is a change like any other: its pods get
// their own one out of our Secret, with the CA of the next beside its own, before
// any of them serves the next.
func (r *Reconciler) inUse(ctx context.Context, found injector.Installation, have standing) (certificates, error) {
	name := found.CertificateInUse()
	if have.certificates.leaf.Certificate() != nil || name == "" || name == injector.PublishedSecret {
		return have.certificates, nil
	}
	theirs, err := read(ctx, r.reader.Live, "Secret", found.Namespace, name, &corev1.Secret{})
	if apierrors.IsForbidden(err) {
		logf.FromContext(ctx).Info("Changing the certificate at once, for the one in use must not be read; the chart's sourceSecrets grants it", "secret", name)
		return have.certificates, nil
	}
	if err != nil || theirs == nil {
		return have.certificates, err
	}
	if held, valid := parsed(theirs.Data); valid {
		return held, nil
	}
	return have.certificates, nil
}

// parsed are what the Secret of a certificate holds, if all of it can be used.
func parsed(data map[string][]byte) (certificates, bool) {
	leaf, invalidLeaf := injector.ParseLeaf(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	ca, invalidCA := injector.ParseBundle(data[corev1.ServiceAccountRootCAKey])
	return certificates{leaf, ca}, invalidLeaf == nil && invalidCA == nil
}
