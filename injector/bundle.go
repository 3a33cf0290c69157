package injector

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"
)

const (
	// MaxBundleBytes is the most that a CA source may have: 1 MiB, what a
	// ConfigMap can hold.
	MaxBundleBytes = 1 << 20

	// maxCARSABits bounds what verifying against a foreign key may cost.
	maxCARSABits = 16384
)

// Bundle is an ordered list of certificates without duplicates. The zero value
// is the empty bundle.
type Bundle struct{ certs []*x509.Certificate }

// ParseBundle reads the CERTIFICATE blocks of a CA source and refuses
// everything else but blank lines and comments, for whatever a reader skips is
// a CA that somebody misses later. Its errors are *BundleError.
func ParseBundle(data []byte) (Bundle, error) {
	certs, err := parseCertificates(data, "CA bundle", MaxBundleBytes, maxCARSABits)
	if err != nil {
		return Bundle{}, err
	}
	return bundleOf(certs), nil
}

// Union joins bundles in the order given; the first of equal certificates
// counts.
func Union(bundles ...Bundle) Bundle {
	var all []*x509.Certificate
	for _, b := range bundles {
		all = append(all, b.certs...)
	}
	return bundleOf(all)
}

func bundleOf(certs []*x509.Certificate) Bundle {
	seen := make(map[string]bool, len(certs))
	var b Bundle
	for _, cert := range certs {
		if !seen[string(cert.Raw)] {
			seen[string(cert.Raw)] = true
			b.certs = append(b.certs, cert)
		}
	}
	return b
}

// Certificates returns the certificates in their order, in a slice of the
// caller's own.
func (b Bundle) Certificates() []*x509.Certificate { return slices.Clone(b.certs) }

// Len is the number of certificates.
func (b Bundle) Len() int { return len(b.certs) }

// Contains says whether cert, compared by its DER, is in the bundle.
func (b Bundle) Contains(cert *x509.Certificate) bool {
	return slices.ContainsFunc(b.certs, cert.Equal)
}

// Without is b without the certificates of other.
func (b Bundle) Without(other Bundle) Bundle {
	var out Bundle
	for _, cert := range b.certs {
		if !other.Contains(cert) {
			out.certs = append(out.certs, cert)
		}
	}
	return out
}

// Verifying are the certificates of b each of which verifies leaf by itself at
// now, names apart.
func (b Bundle) Verifying(leaf Leaf, now time.Time) Bundle {
	if leaf.Certificate() == nil {
		return Bundle{}
	}
	intermediates := x509.NewCertPool()
	for _, cert := range leaf.Chain[1:] {
		intermediates.AddCert(cert)
	}
	var out Bundle
	for _, cert := range b.certs {
		root := x509.NewCertPool()
		root.AddCert(cert)
		_, err := leaf.Certificate().Verify(x509.VerifyOptions{
			Roots: root, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			out.certs = append(out.certs, cert)
		}
	}
	return out
}

// Equal says whether both have the same certificates in the same order, that
// is, the same PEM. Dropped duplicates do not count.
func (b Bundle) Equal(other Bundle) bool {
	return slices.EqualFunc(b.certs, other.certs, (*x509.Certificate).Equal)
}

// PEM returns the certificates as CERTIFICATE blocks and nothing else: equal
// bundles give equal bytes, whatever comments and line ends their sources had.
func (b Bundle) PEM() []byte { return encodeCertificates(b.certs) }

// Digest names the content: the first 16 hexadecimal digits of the SHA-256 of
// PEM.
func (b Bundle) Digest() string {
	sum := sha256.Sum256(b.PEM())
	return hex.EncodeToString(sum[:8])
}

// Warnings tells what is odd about custom CAs without making them useless:
// expired, not yet valid, or neither a CA nor self-signed. Object and Field are
// left to the caller, who knows the source.
func (b Bundle) Warnings(now time.Time) []Finding {
	var out []Finding
	for _, cert := range b.certs {
		if problem := validity(cert, now); problem != "" {
			out = append(out, warn(ReasonCustomCAWarning, "", "",
				"the CA %s %s, so nothing that it signed is trusted now; replace it", Describe(cert), problem))
		}
		if !isAnchor(cert) {
			out = append(out, warn(ReasonCustomCAWarning, "", "",
				"the certificate %s is neither a CA nor self-signed, so it is trusted for itself only, until it is renewed; name the CA that issued it, %s",
				Describe(cert), quoteName(cert.Issuer.String())))
		}
	}
	return out
}
