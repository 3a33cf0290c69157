package injector

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Proof is what must hold before a certificate is published.
type Proof struct {
	// Object names where the leaf is from, "Secret keda/my-tls".
	Object string
	// CAObject names where the CA is from, and CAField the field of it, if it
	// has any; an empty CAObject means Object and "data[ca.crt]".
	CAObject, CAField string
	Leaf              Leaf
	CA                Bundle
	// Names are the DNS names under which KEDA's components call each other,
	// and the API server calls them.
	Names []string
	Now   time.Time
}

// Prove returns everything that would make a handshake with this certificate
// fail, all at once; no fault means that it holds. Names, usages and chains
// are judged by crypto/x509, as KEDA and the API server do.
func Prove(p Proof) []Finding {
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
			"the certificate %s %s, now is %s; renew it or correct the clock", Subject(leaf), problem, timestamp(p.Now))}
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
