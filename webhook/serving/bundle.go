package serving

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// parseBundle returns the certificates of a PEM bundle as the API server's own
// reader understands it: what is not a certificate is passed over.
func parseBundle(bundle []byte) []*x509.Certificate {
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		block, bundle = pem.Decode(bundle)
		if block == nil {
			return certificates
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			certificates = append(certificates, certificate)
		}
	}
}

func encodeBundle(certificates []*x509.Certificate) []byte {
	var bundle bytes.Buffer
	for _, certificate := range certificates {
		bundle.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	}
	return bundle.Bytes()
}

func contains(certificates []*x509.Certificate, wanted *x509.Certificate) bool {
	return slices.ContainsFunc(certificates, wanted.Equal)
}

// union appends to bundle what it lacks of wanted and keeps its order, so that a
// bundle which lacks nothing stays byte for byte as it is.
func union(bundle, wanted []*x509.Certificate) []*x509.Certificate {
	result := slices.Clone(bundle)
	for _, certificate := range wanted {
		if !contains(result, certificate) {
			result = append(result, certificate)
		}
	}
	return result
}

// strays remembers since when a certificate of the caBundle has belonged to
// nothing that is stored. It is the leader's memory: a new leader counts anew,
// which only keeps a certificate for longer. The key is a certificate's DER.
type strays map[string]time.Time

// note starts the count for each certificate of bundle that is not in wanted, and
// forgets those that are wanted or gone.
func (s strays) note(bundle, wanted []*x509.Certificate, now time.Time) {
	present := map[string]bool{}
	for _, certificate := range bundle {
		if contains(wanted, certificate) {
			continue
		}
		present[string(certificate.Raw)] = true
		if _, counted := s[string(certificate.Raw)]; !counted {
			s[string(certificate.Raw)] = now
		}
	}
	for certificate := range s {
		if !present[certificate] {
			delete(s, certificate)
		}
	}
}

// without returns bundle less the strays that have been such for grace or longer.
func (s strays) without(bundle []*x509.Certificate, grace time.Duration, now time.Time) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(bundle), func(certificate *x509.Certificate) bool {
		since, stray := s[string(certificate.Raw)]
		return stray && now.Sub(since) >= grace
	})
}
