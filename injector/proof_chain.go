package injector

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

func proveCA(p Proof, leaf *x509.Certificate) []Finding {
	p = p.withCAObject()
	if p.CA.Len() == 0 {
		return []Finding{fault(ReasonCAMissing, p.CAObject, p.CAField,
			"there is no CA for the certificate %s, issued by %s; add it as %s or name a source with the annotation %s",
			Subject(leaf), quoteName(leaf.Issuer.String()), keyCA, AnnotationCertificateCA)}
	}
	roots, out := p.anchors()
	if roots == nil {
		return out
	}
	unverified := newVerifier(p, leaf, roots).findings()
	if len(unverified) == 0 {
		out = asWarnings(out)
	}
	return append(out, unverified...)
}

func (p Proof) withCAObject() Proof {
	if p.CAObject == "" {
		p.CAObject, p.CAField = p.Object, dataField(keyCA)
	}
	return p
}

// anchors are the certificates of the CA source that may verify others, and a
// fault for each that may not; nil where there is none.
//
// What counts as CA (2026-11): crypto/x509 trusts whatever is in its pool,
// also a leaf. A leaf that is trusted for itself breaks all handshakes at its
// renewal, so only these are anchors:
//
//	basic constraints say CA   self-signed   in the CA source
//	yes                        any           anchor
//	no or none                 yes           anchor, for itself or of version 1
//	no or none                 no            fault CANotCA; a warning where
//	                                         an anchor verifies the leaf
//
// A self-signed certificate that is its own CA therefore passes. A CA that has
// expired is a fault only if the leaf needs it: overlapping bundles hold old
// ones. A near end is no fault.
func (p Proof) anchors() (*x509.CertPool, []Finding) {
	var out []Finding
	roots, anchors := x509.NewCertPool(), 0
	for _, cert := range p.CA.certs {
		if isAnchor(cert) {
			roots.AddCert(cert)
			anchors++
			continue
		}
		itself := ""
		if cert.Equal(p.Leaf.Certificate()) {
			itself = " but the very certificate that it should verify"
		}
		out = append(out, fault(ReasonCANotCA, p.CAObject, p.CAField,
			"the certificate %s is not a CA%s; put the CA that issued it here, %s", Describe(cert), itself, quoteName(cert.Issuer.String())))
	}
	if anchors == 0 {
		return nil, out
	}
	return roots, out
}

// proveCAAlone is all that can be proven where the certificate is not given.
func proveCAAlone(p Proof) []Finding {
	roots, out := p.withCAObject().anchors()
	if roots == nil {
		return out
	}
	return asWarnings(out)
}

func asWarnings(findings []Finding) []Finding {
	for i := range findings {
		findings[i].Warning = true
	}
	return findings
}

// verifier builds chains. Names were judged before: crypto/x509 does not let
// them influence the chain, and applies name constraints to all of them.
type verifier struct {
	p             Proof
	leaf          *x509.Certificate
	intermediates *x509.CertPool
	roots         *x509.CertPool
	// at is now, or the moment of the leaf's life nearest to it, so that an
	// expired leaf does not hide what else is wrong.
	at time.Time
}

func newVerifier(p Proof, leaf *x509.Certificate, roots *x509.CertPool) verifier {
	v := verifier{p: p, leaf: leaf, intermediates: x509.NewCertPool(), roots: roots, at: p.Now}
	for _, cert := range p.Leaf.Chain[1:] {
		v.intermediates.AddCert(cert)
	}
	if v.at.After(leaf.NotAfter) {
		v.at = leaf.NotAfter
	}
	if v.at.Before(leaf.NotBefore) {
		v.at = leaf.NotBefore
	}
	return v
}

func (v verifier) verify(eku x509.ExtKeyUsage) error {
	_, err := v.leaf.Verify(x509.VerifyOptions{
		Roots:         v.roots,
		Intermediates: v.intermediates,
		CurrentTime:   v.at,
		KeyUsages:     []x509.ExtKeyUsage{eku},
	})
	return err
}

func (v verifier) findings() []Finding {
	if err := v.verify(x509.ExtKeyUsageAny); err != nil {
		return v.unverified(err)
	}
	var out []Finding
	for _, u := range usages {
		if !u.allows(v.leaf) {
			continue
		}
		if err := v.verify(u.eku); err != nil {
			out = append(out, fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
				"the CA does not verify the certificate %s for %s, which a CA in the chain leaves out of its extended key usage; use a CA that allows server auth and client auth",
				Subject(v.leaf), u.name))
		}
	}
	return out
}

// unverified says why there is no chain, an expired issuer first: that is what
// renewals leave behind, and crypto/x509 calls it an unknown authority. One that is
// valid now, and was not yet or no longer while the leaf was, is no fault beside the
// leaf's own: it will verify the one that is issued anew.
func (v verifier) unverified(err error) []Finding {
	if cert, problem := v.staleIssuer(); cert != nil {
		if validity(cert, v.p.Now) == "" {
			return nil
		}
		return []Finding{fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
			"the CA %s, on which the certificate %s depends, %s; renew the CA and issue the certificate anew", Describe(cert), Subject(v.leaf), problem)}
	}
	var unknown x509.UnknownAuthorityError
	advice := "issue the certificate anew within what its CA allows"
	if errors.As(err, &unknown) {
		advice = "put the CA that issued it here, and intermediates into " + keyCert
	}
	return []Finding{fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
		"the CA does not verify the certificate %s, issued by %s: %s; %s",
		Subject(v.leaf), quoteName(v.leaf.Issuer.String()), shorten(err.Error()), advice)}
}

// staleIssuer finds a CA that signed a certificate of the chain and is outside
// of its dates. The bound is on signatures, which cost time.
func (v verifier) staleIssuer() (*x509.Certificate, string) {
	const mostSignatures = 100
	signatures := 0
	for _, issuer := range slices.Concat(v.p.Leaf.Chain[1:], v.p.CA.certs) {
		problem := validity(issuer, v.at)
		if problem == "" {
			continue
		}
		for _, child := range v.p.Leaf.Chain {
			if child.Equal(issuer) || !bytes.Equal(child.RawIssuer, issuer.RawSubject) {
				continue
			}
			if signatures++; signatures > mostSignatures {
				return nil, ""
			}
			if child.CheckSignatureFrom(issuer) == nil {
				return issuer, problem
			}
		}
	}
	return nil, ""
}
