package serving

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/cert-manager/cert-manager/pkg/util/pki"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	// clockSkew is how far the NotBefore of a CA lies in the past, for API
	// servers whose clock is behind ours.
	clockSkew = time.Hour
	// shortestLeaf is the least that a CA must have left to sign. DynamicSource
	// renews at two thirds, so that without it the last leaves of a CA that
	// nobody could replace would be minted ever faster.
	shortestLeaf = time.Second
)

// CA is a certificate authority with its key.
type CA struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// NewCA makes a self-signed ECDSA P-256 CA that is valid from an hour before now
// until lifetime after it. Its common name carries a part of its serial, so that
// the generations can be told apart in a caBundle.
func NewCA(now time.Time, lifetime time.Duration) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating the key of a serving CA: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: injector.Name + "-serving-ca-" + hex.EncodeToString(serial.Bytes()[:4])},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	_, certificate, err := pki.SignCertificate(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing a serving CA: %w", err)
	}
	return &CA{Certificate: certificate, Key: key}, nil
}

// sign completes a leaf's template and signs it. The leaf's NotBefore is
// backdated by a quarter of its lifetime at most: DynamicSource counts its two
// thirds from NotBefore, so that a larger part would have a short leaf renewed
// as soon as it is there.
func (ca *CA) sign(template *x509.Certificate, now time.Time, lifetime time.Duration) (*x509.Certificate, error) {
	lifetime = min(lifetime, ca.Certificate.NotAfter.Sub(now))
	if lifetime < shortestLeaf {
		return nil, fmt.Errorf("signing a serving leaf: CA %s ended or is about to, at %s", ca.Certificate.Subject.CommonName, ca.Certificate.NotAfter)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.BasicConstraintsValid = true
	template.NotBefore = now.Add(-min(clockSkew, lifetime/4))
	template.NotAfter = now.Add(lifetime)
	_, leaf, err := pki.SignCertificate(template, ca.Certificate, template.PublicKey, ca.Key)
	if err != nil {
		return nil, fmt.Errorf("signing a serving leaf with CA %s: %w", ca.Certificate.Subject.CommonName, err)
	}
	return leaf, nil
}

func newSerial() (*big.Int, error) {
	serial := make([]byte, 16)
	if _, err := rand.Read(serial); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	// A serial is positive, and of a constant length for the common name.
	serial[0] = serial[0]&0x7f | 0x40
	return new(big.Int).SetBytes(serial), nil
}

// parseCA reads one CA and holds its key against its certificate.
func parseCA(certificate, key []byte) (*CA, error) {
	certificates := parseBundle(certificate)
	if len(certificates) != 1 {
		return nil, fmt.Errorf("found %d certificates, exactly one is allowed", len(certificates))
	}
	signer, err := pki.DecodePrivateKeyBytes(key)
	if err != nil {
		return nil, errors.New("the private key does not parse")
	}
	ca := &CA{Certificate: certificates[0], Key: signer}
	if !ca.Certificate.IsCA {
		return nil, fmt.Errorf("%s is not a CA", ca.Certificate.Subject.CommonName)
	}
	matches, err := pki.PublicKeyMatchesCertificate(signer.Public(), ca.Certificate)
	if err != nil {
		return nil, fmt.Errorf("comparing the key with certificate %s: %w", ca.Certificate.Subject.CommonName, err)
	}
	if !matches {
		return nil, fmt.Errorf("the private key is not that of certificate %s", ca.Certificate.Subject.CommonName)
	}
	return ca, nil
}

func (ca *CA) encodeKey() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(ca.Key)
	if err != nil {
		return nil, fmt.Errorf("encoding the key of CA %s: %w", ca.Certificate.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
