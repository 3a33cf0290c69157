package check

import (
	"crypto/x509"
	"encoding/pem"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// Certificate is what is told of one; nothing of it is private.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	SHA256    string    `json:"sha256"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

func certificateOf(cert *x509.Certificate) Certificate {
	return Certificate{
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), SHA256: injector.Fingerprint(cert),
		NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC(),
	}
}

func certificatesOf(certs []*x509.Certificate) []Certificate {
	var out []Certificate
	for _, cert := range certs {
		out = append(out, certificateOf(cert))
	}
	return out
}

// lenient reads certificates as x509.CertPool.AppendCertsFromPEM does, by which
// the API server and KEDA read them: what is not one is skipped.
func lenient(text []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return out
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			out = append(out, cert)
		}
	}
}

// endsSoon: less than a tenth of the lifetime is left.
func endsSoon(cert *x509.Certificate, now time.Time) bool {
	left := cert.NotAfter.Sub(now)
	return left >= 0 && left < cert.NotAfter.Sub(cert.NotBefore)/10
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
