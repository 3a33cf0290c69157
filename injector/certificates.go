package injector

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
)

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
