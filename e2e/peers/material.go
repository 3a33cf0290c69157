package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/keda-trust/keda-trust/e2e/certificates"
	"github.com/keda-trust/keda-trust/e2e/local"
)

// caName is also a DNS name of the CA: cert-controller takes no other for its own.
const caName = "KEDA"

// fingerprint is the SHA-256 of a certificate, as DER.
type fingerprint [sha256.Size]byte

// material is what a Secret holds before or after a rotation: a leaf and a CA of
// its own.
type material struct {
	*certificates.Pair

	caKey    []byte // PEM, which only cert-controller keeps in its Secret
	ca, leaf fingerprint
}

// newMaterial makes n of them, before anything is measured: an RSA key takes
// longer than a rotation.
func newMaterial(n int) ([]*material, error) {
	all := make([]*material, n)
	for i := range all {
		made, err := issue()
		if err != nil {
			return nil, err
		}
		all[i] = made
	}
	return all, nil
}

func issue() (*material, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("creating a CA's key: %w", err)
	}
	authority, err := certificates.NewAuthority(caName, key, caName)
	if err != nil {
		return nil, err
	}
	pair, err := authority.Issue(local.OperatorDeployment, local.KEDAHosts())
	if err != nil {
		return nil, err
	}
	m := &material{Pair: pair}
	m.caKey = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	m.ca, m.leaf = fingerprints(pair.CA)[0], fingerprints(pair.Certificate)[0]
	return m, nil
}

// fingerprints are those of all certificates in a bundle, in its order; what else
// a bundle holds is passed over.
func fingerprints(bundle []byte) []fingerprint {
	var found []fingerprint
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			found = append(found, sha256.Sum256(block.Bytes))
		}
	}
	return found
}
