package injector

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	// MaxLeafBytes is the most that tls.crt may have: the longest chain that
	// Go's TLS accepts in a handshake.
	MaxLeafBytes = 256 << 10
	// MaxKeyBytes is the most that tls.key may have; an RSA key of 8192 bits
	// needs half of it.
	MaxKeyBytes = 16 << 10

	// Go's TLS refuses a peer's RSA key outside of these.
	minLeafRSABits = 1024
	maxLeafRSABits = 8192
)

// The keys of a kubernetes.io/tls Secret, and the file names that KEDA reads.
const (
	keyCert = "tls.crt"
	keyKey  = "tls.key"
	keyCA   = "ca.crt"
)

// Leaf is a certificate with its private key, known to match. It prints
// without its key.
type Leaf struct {
	// CertPEM is the chain as CERTIFICATE blocks and nothing else, leaf first.
	CertPEM []byte
	// KeyPEM is the private key as one block, in the encoding it was given in.
	KeyPEM []byte
	// Chain is CertPEM, parsed: the leaf and then intermediates.
	Chain []*x509.Certificate
}

// Certificate is the leaf itself, nil for the zero Leaf.
func (l Leaf) Certificate() *x509.Certificate {
	if len(l.Chain) == 0 {
		return nil
	}
	return l.Chain[0]
}

// String describes the certificate, so that no log line can hold the key.
func (l Leaf) String() string {
	if len(l.Chain) == 0 {
		return "no certificate"
	}
	return Describe(l.Chain[0])
}

// GoString is String, for %#v.
func (l Leaf) GoString() string { return l.String() }

// LeafError says why a pair of tls.crt and tls.key is unusable, without a word
// of their content.
type LeafError struct {
	// Reason is ReasonLeafInvalid or ReasonKeyMismatch.
	Reason Reason
	// Key is "tls.crt" or "tls.key".
	Key string
	err error
}

func (e *LeafError) Error() string { return fmt.Sprintf("parsing %s: %v", e.Key, e.err) }

// Unwrap gives the *BundleError where PEM was the trouble.
func (e *LeafError) Unwrap() error { return e.err }

// Finding is the error as a fault of object.
func (e *LeafError) Finding(object string) Finding {
	return fault(e.Reason, object, dataField(e.Key), "%v", e.err)
}

func dataField(key string) string { return "data[" + key + "]" }

// ParseLeaf reads a chain and its private key (PKCS#1, PKCS#8 or SEC 1) and
// holds the one against the other. It is as strict as ParseBundle; its errors
// are *LeafError.
func ParseLeaf(certPEM, keyPEM []byte) (Leaf, error) {
	chain, err := parseCertificates(certPEM, "certificate", MaxLeafBytes, maxLeafRSABits)
	if err != nil {
		return Leaf{}, &LeafError{ReasonLeafInvalid, keyCert, err}
	}
	if err := checkLeafKey(chain[0].PublicKey); err != nil {
		return Leaf{}, &LeafError{ReasonLeafInvalid, keyCert, err}
	}
	block, err := readKeyBlock(keyPEM)
	if err != nil {
		return Leaf{}, &LeafError{ReasonLeafInvalid, keyKey, err}
	}
	public, err := parsePublicOf(block.der)
	if err != nil {
		return Leaf{}, &LeafError{ReasonLeafInvalid, keyKey, err}
	}
	if err := matchKey(chain, public); err != nil {
		return Leaf{}, &LeafError{ReasonKeyMismatch, keyKey, err}
	}
	return Leaf{
		CertPEM: encodeCertificates(chain),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: block.label, Bytes: block.der}),
		Chain:   chain,
	}, nil
}

// checkLeafKey refuses keys with which a handshake of Go's TLS must fail.
func checkLeafKey(public any) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minLeafRSABits {
			return fmt.Errorf("the certificate has an RSA key of %d bits, allowed are %d to %d; issue one with 2048 or more",
				key.N.BitLen(), minLeafRSABits, maxLeafRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P224() {
			return errors.New("the certificate has an ECDSA key on P-224, allowed are P-256, P-384 and P-521; issue it anew")
		}
		return nil
	case ed25519.PublicKey:
		return nil
	}
	return errors.New("the certificate has a key of another type, allowed are RSA, ECDSA and Ed25519; issue it anew")
}

// readKeyBlock finds the one private key. `openssl ecparam -genkey` writes the
// parameters before the key, and Go's TLS skips them; so do we.
func readKeyBlock(keyPEM []byte) (pemBlock, error) {
	blocks, err := readPEM(keyPEM, "private key", MaxKeyBytes, keysOnly)
	if err != nil {
		return pemBlock{}, err
	}
	var keys []pemBlock
	for _, block := range blocks {
		if block.label != "EC PARAMETERS" {
			keys = append(keys, block)
		}
	}
	if len(keys) != 1 {
		return pemBlock{}, fmt.Errorf("it has %d private keys, allowed is one; keep the one of the first certificate in %s", len(keys), keyCert)
	}
	return keys[0], nil
}

func keysOnly(block int, label string) *BundleError {
	const allowed = "allowed is one PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY"
	switch label {
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "EC PARAMETERS":
		return nil
	case "ENCRYPTED PRIVATE KEY":
		return bundleError(BundleUnexpectedBlock, block, "is an encrypted private key, %s; decrypt it with: openssl pkey -in FILE", allowed)
	case certificateLabel:
		return bundleError(BundleUnexpectedBlock, block, "is a certificate, %s; certificates belong in %s", allowed, keyCert)
	}
	return bundleError(BundleUnexpectedBlock, block, "is of another type, %s; export the key again", allowed)
}

// parsePublicOf tries the encodings in turn whatever the label says, as Go's
// TLS does. It drops their errors: they are about a secret, and the one
// sentence says as much.
func parsePublicOf(der []byte) (crypto.PublicKey, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer.Public(), nil
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key.Public(), nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key.Public(), nil
	}
	return nil, errors.New("the private key cannot be read, allowed are RSA, ECDSA and Ed25519 in PKCS#8, PKCS#1 or SEC 1; export it again")
}

func matchKey(chain []*x509.Certificate, public crypto.PublicKey) error {
	for i, cert := range chain {
		key, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		if !ok || !key.Equal(public) {
			continue
		}
		if i == 0 {
			return nil
		}
		return fmt.Errorf("the private key belongs to certificate %d of %s, %s; put that one first, and then its intermediates",
			i+1, keyCert, Subject(cert))
	}
	return fmt.Errorf("the private key does not belong to the certificate in %s, %s; take both from the same issuance",
		keyCert, Subject(chain[0]))
}
