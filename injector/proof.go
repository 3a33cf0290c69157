package injector

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Proof is what must hold before a certificate is published.
type Proof struct {
	// Object names where the leaf is from, "Secret keda/my-tls".
	Object string
	// CAObject names where the CA is from; empty means Object.
	CAObject string
	// CAField is the field of CAObject; empty means "data[ca.crt]".
	CAField string
	Leaf    Leaf
	CA      Bundle
	// Names are the DNS names under which KEDA's components call each other,
	// and the API server calls them.
	Names []string
	Now   time.Time
}

// Prove returns everything that would make a handshake with this certificate
// fail, all at once; no fault means that it holds. Names, usages and chains
// are judged by crypto/x509, as KEDA and the API server do.
//
// What counts as CA (2026-11): crypto/x509 trusts whatever is in its pool,
// also a leaf. A leaf that is trusted for itself breaks all handshakes at its
// renewal, so only these are anchors:
//
//	basic constraints say CA   self-signed   in the CA source
//	yes                        any           anchor
//	no or none                 yes           anchor, for itself or of version 1
//	no or none                 no            fault CANotCA; a warning where
//	                                         another anchor verifies the leaf
//
// A self-signed certificate that is its own CA therefore passes. A CA that has
// expired is a fault only if the leaf needs it: overlapping bundles hold old
// ones. A near end is no fault.
func Prove(p Proof) []Finding {
	if p.CAObject == "" {
		p.CAObject = p.Object
	}
	if p.CAField == "" {
		p.CAField = dataField(keyCA)
	}
	leaf := p.Leaf.Certificate()
	if leaf == nil {
		return []Finding{fault(ReasonLeafInvalid, p.Object, dataField(keyCert), "there is no certificate; put the chain into %s and its key into %s", keyCert, keyKey)}
	}
	out := proveTime(p, leaf)
	out = append(out, proveNames(p, leaf)...)
	out = append(out, proveUsages(p, leaf)...)
	return append(out, proveCA(p, leaf)...)
}

func proveTime(p Proof, leaf *x509.Certificate) []Finding {
	reason := ReasonLeafExpired
	if p.Now.Before(leaf.NotBefore) {
		reason = ReasonLeafNotYetValid
	}
	if problem := validity(leaf, p.Now); problem != "" {
		return []Finding{fault(reason, p.Object, dataField(keyCert),
			"the certificate %s %s, now is %s; renew it or correct the clock", subject(leaf), problem, timestamp(p.Now))}
	}
	return nil
}

func proveNames(p Proof, leaf *x509.Certificate) []Finding {
	var missing []string
	onlyCN := false
	for _, name := range p.Names {
		if leaf.VerifyHostname(name) != nil {
			missing = append(missing, name)
			onlyCN = onlyCN || strings.EqualFold(leaf.Subject.CommonName, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hint := ""
	if onlyCN {
		hint = ", and its common name does not count"
	}
	return []Finding{fault(ReasonNamesMissing, p.Object, dataField(keyCert),
		"the certificate is not valid for %s; its DNS names (SANs) are %s%s; issue it for all names of KEDA's Services",
		listNames(missing), listNames(leaf.DNSNames), hint)}
}

// listNames keeps a certificate with thousands of names readable.
func listNames(names []string) string {
	const most = 12
	if len(names) == 0 {
		return "none"
	}
	quoted := make([]string, 0, most+1)
	for _, name := range names[:min(len(names), most)] {
		quoted = append(quoted, quoteName(name))
	}
	if more := len(names) - most; more > 0 {
		quoted = append(quoted, fmt.Sprintf("%d more", more))
	}
	return strings.Join(quoted, ", ")
}

// usage is one of the two roles that each of KEDA's certificates plays: one
// certificate serves HTTPS and gRPC and is the gRPC client's as well.
type usage struct {
	eku  x509.ExtKeyUsage
	name string
}

var usages = []usage{
	{x509.ExtKeyUsageServerAuth, "server auth"},
	{x509.ExtKeyUsageClientAuth, "client auth"},
}

// allows mirrors crypto/x509: no extended key usage at all allows everything.
func (u usage) allows(cert *x509.Certificate) bool {
	none := len(cert.ExtKeyUsage) == 0 && len(cert.UnknownExtKeyUsage) == 0
	return none || slices.Contains(cert.ExtKeyUsage, u.eku) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func proveUsages(p Proof, leaf *x509.Certificate) []Finding {
	var missing, present []string
	for _, u := range usages {
		if u.allows(leaf) {
			present = append(present, u.name)
			continue
		}
		missing = append(missing, u.name)
	}
	if len(missing) == 0 {
		return nil
	}
	has := "other usages only"
	if len(present) > 0 {
		has = strings.Join(present, ", ")
	}
	return []Finding{fault(ReasonUsageMissing, p.Object, dataField(keyCert),
		"the certificate's extended key usage lacks %s, it has %s; KEDA uses one certificate as server and as client, so issue it with both",
		strings.Join(missing, " and "), has)}
}

func proveCA(p Proof, leaf *x509.Certificate) []Finding {
	if p.CA.Len() == 0 {
		return []Finding{fault(ReasonCAMissing, p.CAObject, p.CAField,
			"there is no CA for the certificate %s, issued by %s; add it as %s or name a source with the annotation %s",
			subject(leaf), quoteName(leaf.Issuer.String()), keyCA, AnnotationCertificateCA)}
	}
	var out []Finding
	roots := x509.NewCertPool()
	anchors := 0
	for _, cert := range p.CA.certs {
		if isAnchor(cert) {
			roots.AddCert(cert)
			anchors++
			continue
		}
		out = append(out, fault(ReasonCANotCA, p.CAObject, p.CAField,
			"the certificate %s is not a CA%s; put the CA that issued it here, %s", Describe(cert), itself(cert, leaf), quoteName(cert.Issuer.String())))
	}
	if anchors == 0 {
		return out
	}
	unverified := newVerifier(p, leaf, roots).findings()
	if len(unverified) == 0 {
		for i := range out {
			out[i].Warning = true
		}
	}
	return append(out, unverified...)
}

func itself(cert, leaf *x509.Certificate) string {
	if cert.Equal(leaf) {
		return " but the very certificate that it should verify"
	}
	return ""
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
		return []Finding{v.unverified(err)}
	}
	var out []Finding
	for _, u := range usages {
		if !u.allows(v.leaf) {
			continue
		}
		if err := v.verify(u.eku); err != nil {
			out = append(out, fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
				"the CA does not verify the certificate %s for %s, which a CA in the chain leaves out of its extended key usage; use a CA that allows server auth and client auth",
				subject(v.leaf), u.name))
		}
	}
	return out
}

// unverified says why there is no chain, an expired issuer first: that is what
// renewals leave behind, and crypto/x509 calls it an unknown authority.
func (v verifier) unverified(err error) Finding {
	if cert, problem := v.staleIssuer(); cert != nil {
		return fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
			"the CA %s, on which the certificate %s depends, %s; renew the CA and issue the certificate anew", Describe(cert), subject(v.leaf), problem)
	}
	var unknown x509.UnknownAuthorityError
	advice := "issue the certificate anew within what its CA allows"
	if errors.As(err, &unknown) {
		advice = "put the CA that issued it here, and intermediates into " + keyCert
	}
	return fault(ReasonCAUnverified, v.p.CAObject, v.p.CAField,
		"the CA does not verify the certificate %s, issued by %s: %s; %s",
		subject(v.leaf), quoteName(v.leaf.Issuer.String()), shorten(err.Error()), advice)
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
