package injector

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
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
type Bundle struct {
	certs      []*x509.Certificate
	duplicates int
}

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
		if seen[string(cert.Raw)] {
			b.duplicates++
			continue
		}
		seen[string(cert.Raw)] = true
		b.certs = append(b.certs, cert)
	}
	return b
}

// Certificates returns the certificates in their order, in a slice of the
// caller's own.
func (b Bundle) Certificates() []*x509.Certificate { return slices.Clone(b.certs) }

// Len is the number of certificates.
func (b Bundle) Len() int { return len(b.certs) }

// Duplicates is how many certificates were dropped because an equal one came
// before.
func (b Bundle) Duplicates() int { return b.duplicates }

// Contains says whether cert, compared by its DER, is in the bundle.
func (b Bundle) Contains(cert *x509.Certificate) bool {
	return slices.ContainsFunc(b.certs, cert.Equal)
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

// Fingerprint is the SHA-256 of the certificate's DER, in lower case
// hexadecimal digits, as `openssl x509 -fingerprint -sha256` has it but for the
// colons.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Describe is a certificate in one line for Events and messages: subject,
// SHA-256 and end of validity.
func Describe(cert *x509.Certificate) string {
	return fmt.Sprintf("%s (SHA-256 %s, valid until %s)", subject(cert), Fingerprint(cert), timestamp(cert.NotAfter))
}

func subject(cert *x509.Certificate) string {
	if name := cert.Subject.String(); name != "" {
		return quoteName(name)
	}
	if len(cert.DNSNames) > 0 {
		return quoteName(cert.DNSNames[0])
	}
	return "without a subject"
}

// quoteName keeps what somebody wrote into a certificate from filling or
// forging a message.
func quoteName(name string) string { return fmt.Sprintf("%q", shorten(name)) }

func shorten(text string) string {
	const limit = 200
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// validity is empty for a certificate that is valid now, else a predicate.
func validity(cert *x509.Certificate, now time.Time) string {
	switch {
	case now.After(cert.NotAfter):
		return "expired at " + timestamp(cert.NotAfter)
	case now.Before(cert.NotBefore):
		return "is not valid before " + timestamp(cert.NotBefore)
	}
	return ""
}

// isAnchor says whether trusting cert makes sense beyond one certificate's
// life: it is a CA, or self-signed and so its own issuer (old roots have no
// basic constraints at all).
func isAnchor(cert *x509.Certificate) bool {
	return cert.BasicConstraintsValid && cert.IsCA || isSelfSigned(cert)
}

// isSelfSigned takes the names' word for it where the signature is of a kind
// that Go no longer checks, as old roots have it.
func isSelfSigned(cert *x509.Certificate) bool {
	if !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
		return false
	}
	err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure)
}

func parseCertificates(data []byte, what string, limit, maxRSABits int) ([]*x509.Certificate, error) {
	blocks, err := readPEM(data, what, limit, certificatesOnly)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, 0, len(blocks))
	for _, block := range blocks {
		cert, err := x509.ParseCertificate(block.der)
		if err != nil {
			e := bundleError(BundleBadCertificate, block.index, "is not a certificate that Go can read: %s; export it again", shorten(err.Error()))
			e.err = err
			return nil, e
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSABits {
			return nil, bundleError(BundleTooLarge, block.index, "has an RSA key of %d bits, allowed are %d", key.N.BitLen(), maxRSABits)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

// certificatesOnly refuses the other labels, of which it repeats only known
// ones: an unknown one may be anything that was pasted.
func certificatesOnly(block int, label string) *BundleError {
	switch {
	case label == certificateLabel:
		return nil
	case strings.Contains(label, "PRIVATE KEY"):
		return bundleError(BundlePrivateKey, block, "is a private key, allowed are CERTIFICATE blocks only; "+
			"remove it, and replace that key if others could read it here")
	case label == "TRUSTED CERTIFICATE":
		return bundleError(BundleUnexpectedBlock, block, "is a TRUSTED CERTIFICATE, allowed are CERTIFICATE blocks only; convert it with: openssl x509 -in FILE")
	case slices.Contains(knownLabels, label):
		return bundleError(BundleUnexpectedBlock, block, "is a %s, allowed are CERTIFICATE blocks only; remove it", label)
	}
	return bundleError(BundleUnexpectedBlock, block, "is of an unknown type, allowed are CERTIFICATE blocks only; remove it")
}

var knownLabels = []string{
	"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "X509 CERTIFICATE", "X509 CRL",
	"PKCS7", "CMS", "PUBLIC KEY", "RSA PUBLIC KEY", "DH PARAMETERS", "EC PARAMETERS",
}

func encodeCertificates(certs []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: certificateLabel, Bytes: cert.Raw}))
	}
	return out.Bytes()
}
