package serving

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// store reads and writes the two objects. Its client reads from a cache.
type store struct {
	client client.Client
	opts   Options
}

// read returns what is stored, nil for each that there is not. Without the
// configuration there is nothing to serve for.
func (s store) read(ctx context.Context) (*corev1.Secret, *admissionregistrationv1.MutatingWebhookConfiguration, error) {
	secret := &corev1.Secret{}
	err := s.client.Get(ctx, s.opts.secretKey(), secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, nil, fmt.Errorf("reading Secret %s: %w", s.opts.secretKey(), err)
	}
	if err != nil {
		secret = nil
	}
	configuration, err := s.configuration(ctx)
	return secret, configuration, err
}

func (s store) configuration(ctx context.Context) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	err := s.client.Get(ctx, types.NamespacedName{Name: s.opts.ConfigurationName}, configuration)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading MutatingWebhookConfiguration %s: %w", s.opts.ConfigurationName, err)
	}
	return configuration, nil
}

// save writes c into the Secret that it was decided on, or creates it where
// secret is nil. A lost race is not an error: the winner's write is on its way as
// an event. It reports whether the write was ours.
func (s store) save(ctx context.Context, secret *corev1.Secret, c Certificates) (bool, error) {
	if secret == nil {
		return s.create(ctx, c)
	}
	if err := c.Apply(secret); err != nil {
		return false, err
	}
	err := s.client.Update(ctx, secret)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("updating Secret %s: %w", s.opts.secretKey(), err)
	}
	return true, nil
}

// create takes "not found" for what it is: the Namespace is missing.
func (s store) create(ctx context.Context, c Certificates) (bool, error) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.opts.Namespace,
		Name:      s.opts.SecretName,
		Labels:    map[string]string{"app.kubernetes.io/name": injector.Name},
	}}
	if err := c.Apply(secret); err != nil {
		return false, err
	}
	err := s.client.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("creating Secret %s: %w", s.opts.secretKey(), err)
	}
	return true, nil
}

// rebundle gives each caBundle the certificates that want makes of those in it,
// in one write that carries the resourceVersion, and in none if they have them.
func (s store) rebundle(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, want func([]*x509.Certificate) []*x509.Certificate) error {
	patch, err := bundlePatch(configuration, want)
	if err != nil || patch == nil {
		return err
	}
	err = s.client.Patch(ctx, configuration.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, patch))
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing the caBundles of MutatingWebhookConfiguration %s: %w", s.opts.ConfigurationName, err)
	}
	return nil
}

// add gives each caBundle what it lacks of wanted.
func (s store) add(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, wanted []*x509.Certificate) error {
	return s.rebundle(ctx, configuration, func(have []*x509.Certificate) []*x509.Certificate {
		return union(have, wanted)
	})
}

// trusted is what the caBundles must hold for c to be carried out and for the
// leaf of this replica to be verified, which can be of a CA that c has lost.
func trusted(c Certificates, authority *Authority) []*x509.Certificate {
	certificates := c.Trusted()
	if serving := authority.Serving(); serving != nil {
		certificates = union(certificates, []*x509.Certificate{serving.Certificate})
	}
	return certificates
}

// bundlePatch is a strategic merge patch: the API server finds the entries by
// name, and whatever else they hold, fields that we do not know included, stays.
func bundlePatch(configuration *admissionregistrationv1.MutatingWebhookConfiguration, want func([]*x509.Certificate) []*x509.Certificate) ([]byte, error) {
	type object = map[string]any
	var entries []object
	for _, webhook := range configuration.Webhooks {
		have := parseBundle(webhook.ClientConfig.CABundle)
		wanted := want(have)
		if slices.EqualFunc(have, wanted, (*x509.Certificate).Equal) {
			continue
		}
		entries = append(entries, object{
			"name":         webhook.Name,
			"clientConfig": object{"caBundle": encodeBundle(wanted)},
		})
	}
	if len(entries) == 0 {
		return nil, nil
	}
	patch, err := json.Marshal(object{
		"metadata": object{"resourceVersion": configuration.ResourceVersion},
		"webhooks": entries,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the caBundles of MutatingWebhookConfiguration %s: %w", configuration.Name, err)
	}
	return patch, nil
}

// inEveryBundle is false where there is no configuration and no entry: nobody
// can then be said to trust the certificate.
func inEveryBundle(configuration *admissionregistrationv1.MutatingWebhookConfiguration, certificate *x509.Certificate) bool {
	if configuration == nil || len(configuration.Webhooks) == 0 {
		return false
	}
	for _, webhook := range configuration.Webhooks {
		if !contains(parseBundle(webhook.ClientConfig.CABundle), certificate) {
			return false
		}
	}
	return true
}
