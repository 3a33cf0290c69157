package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// Now is a moment within the validity of what this package makes.
var Now = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// Edit changes a certificate's template before it is signed.
type Edit func(*x509.Certificate)

// Between sets the validity.
func Between(notBefore, notAfter time.Time) Edit {
	return func(template *x509.Certificate) { template.NotBefore, template.NotAfter = notBefore, notAfter }
}

// For replaces the extended key usages; none at all allows every usage.
func For(usages ...x509.ExtKeyUsage) Edit {
	return func(template *x509.Certificate) { template.ExtKeyUsage = usages }
}

// Pair is a certificate with its key, as a kubernetes.io/tls Secret holds it.
type Pair struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
	// CertPEM is the certificate alone, KeyPEM its key in PKCS#8.
	CertPEM []byte
	KeyPEM  []byte
}

// CA is a pair that signs others. Its CertPEM is what belongs in ca.crt.
type CA struct{ Pair }

// NewCA makes a self-signed root whose common name is name.
func NewCA(tb testing.TB, name string, edits ...Edit) CA {
	tb.Helper()
	return CA{issue(tb, caTemplate(tb, name), nil, edits)}
}

// Intermediate makes a CA that ca has signed.
func (ca CA) Intermediate(tb testing.TB, name string, edits ...Edit) CA {
	tb.Helper()
	return CA{issue(tb, caTemplate(tb, name), &ca.Pair, edits)}
}

// Reissue makes another certificate of the same name for the same key.
func (ca CA) Reissue(tb testing.TB) CA {
	tb.Helper()
	again := caTemplate(tb, ca.Cert.Subject.CommonName)
	der, err := x509.CreateCertificate(rand.Reader, again, again, ca.Key.Public(), ca.Key)
	if err != nil {
		tb.Fatalf("signing certificate %q anew: %v", ca.Cert.Subject, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatalf("parsing certificate %q: %v", ca.Cert.Subject, err)
	}
	pair := ca.Pair
	pair.Cert, pair.CertPEM = cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return CA{pair}
}

// Leaf makes a certificate for DNS names, the first of which is its common
// name, for server and client.
func (ca CA) Leaf(tb testing.TB, names []string, edits ...Edit) Pair {
	tb.Helper()
	return issue(tb, leafTemplate(tb, names), &ca.Pair, edits)
}

// SelfSigned is like Leaf, but signed by its own key and not a CA.
func SelfSigned(tb testing.TB, names []string, edits ...Edit) Pair {
	tb.Helper()
	return issue(tb, leafTemplate(tb, names), nil, edits)
}

// KEDANames are the DNS names of KEDA's Services in namespace, as KEDA's own
// manifests and as its Helm chart call them.
func KEDANames(namespace string) []string {
	var names []string
	for _, service := range []string{"keda-operator", "keda-metrics-apiserver", "keda-operator-metrics-apiserver", "keda-admission-webhooks"} {
		names = append(names, service+"."+namespace+".svc", service+"."+namespace+".svc.cluster.local")
	}
	return names
}

func template(tb testing.TB, name string) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatalf("making a serial number: %v", err)
	}
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2120, time.January, 1, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true,
	}
}

func caTemplate(tb testing.TB, name string) *x509.Certificate {
	tb.Helper()
	ca := template(tb, name)
	ca.IsCA = true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return ca
}

func leafTemplate(tb testing.TB, names []string) *x509.Certificate {
	tb.Helper()
	name := ""
	if len(names) > 0 {
		name = names[0]
	}
	leaf := template(tb, name)
	leaf.DNSNames = names
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return leaf
}

// issue signs template by parent, or by itself where parent is nil.
func issue(tb testing.TB, template *x509.Certificate, parent *Pair, edits []Edit) Pair {
	tb.Helper()
	for _, edit := range edits {
		edit(template)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("making a key: %v", err)
	}
	signer, signerKey := template, key
	if parent != nil {
		signer, signerKey = parent.Cert, parent.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		tb.Fatalf("signing certificate %q: %v", template.Subject, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatalf("parsing certificate %q: %v", template.Subject, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatalf("encoding the key of %q: %v", template.Subject, err)
	}
	return Pair{
		Cert:    cert,
		Key:     key,
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}
