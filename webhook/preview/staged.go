package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

// staged says whether the certificate of the decision comes in stages: it is
// published, and not ordered at once, and what KEDA's pods mount can be read and is
// another. What may not be read may be another.
func staged(ctx context.Context, reader trust.Reader, decision trust.Decision) (bool, error) {
	r := decision.Resolution
	ordered := slices.ContainsFunc(r.Findings, func(f injector.Finding) bool { return f.Reason == injector.ReasonRotationUnstaged })
	if r.Secret == nil || ordered {
		return false, nil
	}
	inUse := injector.Source{Kind: injector.SourceSecret, Name: decision.Installation.CertificateInUse()}
	if inUse.Name == "" {
		inUse.Name = injector.PublishedSecret
	}
	namespace := decision.Installation.Namespace
	contents, err := reader.Contents(ctx, namespace, []injector.Source{inUse})
	if err != nil {
		return false, fmt.Errorf("reading the certificate in use in Namespace %s: %w", namespace, err)
	}
	held := contents[inUse]
	if errors.Is(held.Err, injector.ErrForbidden) {
		return true, nil
	}
	leaf, noLeaf := injector.ParseLeaf(held.Data[corev1.TLSCertKey], held.Data[corev1.TLSPrivateKeyKey])
	ca, noCA := injector.ParseBundle(held.Data[corev1.ServiceAccountRootCAKey])
	if held.Err != nil || noLeaf != nil || noCA != nil {
		return false, nil
	}
	return !bytes.Equal(leaf.CertPEM, r.Leaf.CertPEM) || !ca.Equal(r.CA), nil
}
