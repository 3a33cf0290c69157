package trust

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/keda-trust/keda-trust/injector"
)

// use is what KEDA's pods have.
type use struct {
	certificates
	// since is when they were to have it.
	since time.Time
	// unread are findings where what the pods mount must not be read: then the
	// certificates are those that are published, and a change from another one to them is
	// not staged.
	unread []injector.Finding
}

// inUse are the certificate and CAs that KEDA's pods have, and since when: what the
// Secret holds that they mount, the published one or another, whatever the state
// says; and what is published where they do not show it. So the first certificate
// that is published for a running KEDA is a change like any other: its pods get their
// own one out of our Secret, with the CA of the next beside its own, before any of
// them serves the next.
func (r *Reconciler) inUse(ctx context.Context, found injector.Installation, have standing) (use, error) {
	now := r.options.now()
	published := use{certificates: have.certificates, since: now}
	if have.secretObject != nil {
		published.since = written(have.secretObject, now)
	}
	name := found.CertificateInUse()
	if name == injector.PublishedSecret && have.secretObject != nil {
		if held, valid := parsed(have.secretObject.Data); valid {
			published.certificates = held
		}
	}
	if name == "" || name == injector.PublishedSecret {
		return published, nil
	}
	theirs, err := read(ctx, r.reader.Live, "Secret", found.Namespace, name, &corev1.Secret{})
	switch {
	case apierrors.IsForbidden(err):
		published.unread = []injector.Finding{unreadable(found.Namespace, name)}
		return published, nil
	case err != nil:
		return use{}, err
	case theirs == nil:
		return published, nil
	}
	if held, valid := parsed(theirs.Data); valid {
		return use{certificates: held, since: now}, nil
	}
	return published, nil
}

func unreadable(namespace, secret string) injector.Finding {
	return injector.Finding{
		Reason: injector.ReasonSourceForbidden, Object: "Secret " + namespace + "/" + secret, Warning: true,
		Message: "holds the certificate in use, and must not be read, so the change to another one is not staged; " +
			"add its name to the chart value sourceSecrets before KEDA's pods leave it, and it is",
	}
}

// parsed are what the Secret of a certificate holds, if all of it can be used.
func parsed(data map[string][]byte) (certificates, bool) {
	leaf, invalidLeaf := injector.ParseLeaf(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	ca, invalidCA := injector.ParseBundle(data[corev1.ServiceAccountRootCAKey])
	return certificates{leaf, ca}, invalidLeaf == nil && invalidCA == nil
}
