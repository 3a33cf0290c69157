package injector

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

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
	return fmt.Sprintf("%s (SHA-256 %s, valid until %s)", Subject(cert), Fingerprint(cert), timestamp(cert.NotAfter))
}

// Subject is who the certificate is for, in quotes and cut where it is long: its
// subject, else its first DNS name.
func Subject(cert *x509.Certificate) string {
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
