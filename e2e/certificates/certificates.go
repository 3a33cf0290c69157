package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority is a CA.
type Authority struct {
	PEM []byte

	certificate *x509.Certificate
	key         crypto.Signer
}

// Pair is a certificate, its key and the CA that signed it, all PEM.
type Pair struct{ Certificate, Key, CA []byte }

// NewAuthority makes a CA with a key of the caller's; dnsNames are for who
// verifies a CA itself by name, as cert-controller does.
func NewAuthority(name string, key crypto.Signer, dnsNames ...string) (*Authority, error) {
	template, err := template(name)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	template.DNSNames = dnsNames
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("creating the CA %s: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("creating the CA %s: %w", name, err)
	}
	return &Authority{PEM: encode("CERTIFICATE", der), certificate: certificate, key: key}, nil
}

// Issue makes a certificate for names and addresses.
func (a *Authority) Issue(name string, names []string, addresses ...net.IP) (*Pair, error) {
	key, err := newKey(name)
	if err != nil {
		return nil, err
	}
	leaf, err := template(name)
	if err != nil {
		return nil, err
	}
	leaf.DNSNames, leaf.IPAddresses, leaf.KeyUsage = names, addresses, x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of %s: %w", name, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of %s: %w", name, err)
	}
	return &Pair{Certificate: encode("CERTIFICATE", der), Key: encode("PRIVATE KEY", encoded), CA: a.PEM}, nil
}

// Issue makes a CA and a certificate that it signs, both with ECDSA keys.
func Issue(name string, names []string, addresses ...net.IP) (*Pair, error) {
	key, err := newKey(name + " CA")
	if err != nil {
		return nil, err
	}
	authority, err := NewAuthority(name+" CA", key)
	if err != nil {
		return nil, err
	}
	return authority.Issue(name, names, addresses...)
}

func newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("creating the key of %s: %w", name, err)
	}
	return key, nil
}

func template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("creating a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
	}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
