package check

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// verification holds a chain against what its peer trusts.
type verification struct {
	chain, roots []*x509.Certificate
	// name is empty where none is looked at, as for a client.
	name  string
	usage x509.ExtKeyUsage
	now   time.Time
	// served and trusted are where chain and roots are from.
	served, trusted string
	mend            mend
}

// mend is what to do about a certificate, and about what is trusted.
type mend struct{ certificate, trust string }

// judge is everything that is wrong at once, and the end of the first of the
// certificates that the verification depends on.
func (v verification) judge() (ends time.Time, problems []Problem) {
	leaf := v.chain[0]
	switch {
	case v.now.After(leaf.NotAfter):
		problems = append(problems, broken(injector.ReasonLeafExpired, v.served,
			fmt.Sprintf("the certificate %s expired at %s", injector.Subject(leaf), timestamp(leaf.NotAfter)), v.mend.certificate))
	case v.now.Before(leaf.NotBefore):
		problems = append(problems, broken(injector.ReasonLeafNotYetValid, v.served,
			fmt.Sprintf("the certificate %s is not valid before %s", injector.Subject(leaf), timestamp(leaf.NotBefore)), "wait, or correct the clock"))
	}
	if v.name != "" && leaf.VerifyHostname(v.name) != nil {
		problems = append(problems, broken(injector.ReasonNamesMissing, v.served,
			fmt.Sprintf("the certificate %s is not for %s; it is for %s", injector.Subject(leaf), v.name, listNames(leaf.DNSNames)), v.mend.certificate))
	}
	chain, unverified := v.verify()
	if unverified != nil {
		return ends, append(problems, *unverified)
	}
	ends = leaf.NotAfter
	for _, cert := range chain {
		if cert.NotAfter.Before(ends) {
			ends = cert.NotAfter
		}
		if endsSoon(cert, v.now) {
			problems = append(problems, warning(injector.ReasonEndsSoon, v.where(cert),
				fmt.Sprintf("the certificate %s ends at %s, and less than a tenth of its lifetime is left", injector.Subject(cert), timestamp(cert.NotAfter)), v.mend.certificate))
		}
	}
	return ends, problems
}

func (v verification) where(cert *x509.Certificate) string {
	if cert.Equal(v.chain[0]) {
		return v.served
	}
	return v.trusted
}

func listNames(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return "no DNS name"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// verify is the chain that lasts longest, at a moment of the leaf's life, so that
// an expired leaf does not hide what else is wrong. There is neither chain nor problem
// where only the leaf's time is wrong.
func (v verification) verify() ([]*x509.Certificate, *Problem) {
	if len(v.roots) == 0 {
		p := broken(injector.ReasonCAMissing, v.trusted, "it holds no CA", v.mend.trust)
		return nil, &p
	}
	options := x509.VerifyOptions{
		Roots: pool(v.roots), Intermediates: pool(v.chain[1:]), CurrentTime: v.moment(), KeyUsages: []x509.ExtKeyUsage{v.usage},
	}
	leaf := v.chain[0]
	chains, err := leaf.Verify(options)
	if err == nil {
		return longest(chains), nil
	}
	p := broken(injector.ReasonCAUnverified, v.trusted,
		fmt.Sprintf("none of its CAs verifies the certificate %s, issued by %q: %v", injector.Subject(leaf), leaf.Issuer.String(), err), v.mend.trust)
	if old := v.stale(options.CurrentTime); old != nil {
		if !v.now.After(old.NotAfter) && !v.now.Before(old.NotBefore) {
			return nil, nil // it will verify the certificate that is issued anew, and that this one's time is over is told
		}
		p.Message = fmt.Sprintf("the CA %s, on which the certificate %s depends, is valid only from %s to %s",
			injector.Subject(old), injector.Subject(leaf), timestamp(old.NotBefore), timestamp(old.NotAfter))
		p.Mend = "renew that CA, and issue the certificate anew"
	}
	return nil, &p
}

func (v verification) moment() time.Time {
	leaf := v.chain[0]
	switch {
	case v.now.After(leaf.NotAfter):
		return leaf.NotAfter
	case v.now.Before(leaf.NotBefore):
		return leaf.NotBefore
	}
	return v.now
}

// stale is an issuer of the chain that is outside of its dates, which crypto/x509
// calls an unknown authority.
func (v verification) stale(at time.Time) *x509.Certificate {
	for _, issuer := range append(v.chain[1:len(v.chain):len(v.chain)], v.roots...) {
		if !at.After(issuer.NotAfter) && !at.Before(issuer.NotBefore) {
			continue
		}
		for _, child := range v.chain {
			if !child.Equal(issuer) && bytes.Equal(child.RawIssuer, issuer.RawSubject) && child.CheckSignatureFrom(issuer) == nil {
				return issuer
			}
		}
	}
	return nil
}

func longest(chains [][]*x509.Certificate) []*x509.Certificate {
	var best []*x509.Certificate
	var until time.Time
	for _, chain := range chains {
		end := chain[0].NotAfter
		for _, cert := range chain {
			if cert.NotAfter.Before(end) {
				end = cert.NotAfter
			}
		}
		if best == nil || end.After(until) {
			best, until = chain, end
		}
	}
	return best
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	out := x509.NewCertPool()
	for _, cert := range certs {
		out.AddCert(cert)
	}
	return out
}
