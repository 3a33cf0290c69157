package serving

import (
	"crypto/x509"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
)

// Keys of the Secret.
const (
	keyCurrentCertificate = "current.crt"
	keyCurrentKey         = "current.key"
	keyNextCertificate    = "next.crt"
	keyNextKey            = "next.key"
	keyPrevious           = "previous.crt"
)

// Certificates is what the Secret holds and what Decide has to know about it.
type Certificates struct {
	Current, Next *CA
	Previous      []*x509.Certificate

	// Why is the reason for Next.
	Why Reason
	// NextInBundle says whether every stored caBundle holds Next.
	NextInBundle bool
	// NextPublished is zero as long as nobody has seen Next in the caBundles.
	NextPublished time.Time
	// Promoted is when Previous was extended last.
	Promoted time.Time
	// Requested and Rotated are the values of injector.AnnotationRotate: the present one,
	// and the one that was taken up last.
	Requested, Rotated string

	// Fault is what makes the Secret unusable, nil if nothing does. Current can
	// be usable in spite of it.
	Fault error
}

// Parse reads the Secret. It does not fail: what is wrong is the Fault, for
// Decide to judge.
func Parse(secret *corev1.Secret) Certificates {
	c := Certificates{
		Why:       Reason(secret.Annotations[injector.AnnotationRotationReason]),
		Requested: secret.Annotations[injector.AnnotationRotate],
		Rotated:   secret.Annotations[injector.AnnotationRotated],
	}
	// A stamp that does not parse counts as none: the dwell starts anew.
	c.NextPublished, _ = time.Parse(time.RFC3339, secret.Annotations[injector.AnnotationNextPublished])
	fault := func(key string, err error) {
		if err != nil && c.Fault == nil {
			c.Fault = fmt.Errorf("reading Secret %s/%s, key %q: %w", secret.Namespace, secret.Name, key, err)
		}
	}
	var err error
	c.Current, err = parseCA(secret.Data[keyCurrentCertificate], secret.Data[keyCurrentKey])
	fault(keyCurrentCertificate, err)
	if len(secret.Data[keyNextCertificate])+len(secret.Data[keyNextKey]) > 0 {
		c.Next, err = parseCA(secret.Data[keyNextCertificate], secret.Data[keyNextKey])
		fault(keyNextCertificate, err)
	}
	if len(secret.Data[keyPrevious]) > 0 {
		c.Previous = parseBundle(secret.Data[keyPrevious])
		c.Promoted, err = parsePromoted(secret, len(c.Previous))
		fault(keyPrevious, err)
	}
	return c
}

func parsePromoted(secret *corev1.Secret, previous int) (time.Time, error) {
	if previous == 0 {
		return time.Time{}, fmt.Errorf("no certificate found, at least one is needed")
	}
	promoted, err := time.Parse(time.RFC3339, secret.Annotations[injector.AnnotationPromoted])
	if err != nil {
		// Without it nobody knows until when leaves of these CAs are served.
		return time.Time{}, fmt.Errorf("annotation %s, which dates it: %w", injector.AnnotationPromoted, err)
	}
	return promoted, nil
}

// Trusted returns every certificate that the caBundle must hold.
func (c Certificates) Trusted() []*x509.Certificate {
	var trusted []*x509.Certificate
	if c.Current != nil {
		trusted = append(trusted, c.Current.Certificate)
	}
	if c.Next != nil {
		trusted = append(trusted, c.Next.Certificate)
	}
	return append(trusted, c.Previous...)
}

// Apply writes c into the Secret and leaves alone what is not ours in it.
func (c Certificates) Apply(secret *corev1.Secret) error {
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	if err := c.Current.apply(secret, keyCurrentCertificate, keyCurrentKey); err != nil {
		return err
	}
	if err := c.Next.apply(secret, keyNextCertificate, keyNextKey); err != nil {
		return err
	}
	setOrDelete(secret.Data, keyPrevious, encodeBundle(c.Previous), len(c.Previous) > 0)
	setOrDelete(secret.Annotations, injector.AnnotationRotate, c.Requested, c.Requested != "")
	setOrDelete(secret.Annotations, injector.AnnotationRotated, c.Rotated, c.Rotated != "")
	setOrDelete(secret.Annotations, injector.AnnotationRotationReason, string(c.Why), c.Next != nil)
	setOrDelete(secret.Annotations, injector.AnnotationNextPublished, stamp(c.NextPublished), c.Next != nil && !c.NextPublished.IsZero())
	setOrDelete(secret.Annotations, injector.AnnotationPromoted, stamp(c.Promoted), len(c.Previous) > 0)
	return nil
}

func (ca *CA) apply(secret *corev1.Secret, certificate, key string) error {
	if ca == nil {
		delete(secret.Data, certificate)
		delete(secret.Data, key)
		return nil
	}
	encoded, err := ca.encodeKey()
	if err != nil {
		return err
	}
	secret.Data[certificate] = encodeBundle([]*x509.Certificate{ca.Certificate})
	secret.Data[key] = encoded
	return nil
}

func setOrDelete[V any](m map[string]V, key string, value V, set bool) {
	if set {
		m[key] = value
		return
	}
	delete(m, key)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
