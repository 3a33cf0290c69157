package injector

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/keda-trust/keda-trust/injector/certtest"
)

func encode(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func sec1(tb testing.TB, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return encode("EC PRIVATE KEY", der)
}

// selfSign makes a certificate with a key of any type.
func selfSign(tb testing.TB, public, private any) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		tb.Fatal(err)
	}
	return encode("CERTIFICATE", der)
}

func pkcs8(tb testing.TB, key any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return encode("PRIVATE KEY", der)
}

func TestParseLeafAcceptsWhatServes(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "root")
	leaf := ca.Leaf(t, []string{"a.example"})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaCert := selfSign(t, rsaKey.Public(), rsaKey)
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ cert, key []byte }{
		"an ECDSA key in PKCS#8":       {leaf.CertPEM, leaf.KeyPEM},
		"an ECDSA key in SEC 1":        {leaf.CertPEM, sec1(t, leaf.Key)},
		"parameters before the key":    {leaf.CertPEM, join(encode("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), sec1(t, leaf.Key))},
		"an RSA key in PKCS#1":         {rsaCert, encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		"an RSA key in PKCS#8":         {rsaCert, pkcs8(t, rsaKey)},
		"an Ed25519 key":               {selfSign(t, edPublic, edKey), pkcs8(t, edKey)},
		"a chain with an intermediate": {join(leaf.CertPEM, ca.CertPEM), leaf.KeyPEM},
		"Windows line ends": {
			bytes.ReplaceAll(leaf.CertPEM, []byte("\n"), []byte("\r\n")),
			bytes.ReplaceAll(leaf.KeyPEM, []byte("\n"), []byte("\r\n")),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseLeaf(c.cert, c.key)
			if err != nil {
				t.Fatalf("ParseLeaf: %v", err)
			}
			if _, err := tls.X509KeyPair(got.CertPEM, got.KeyPEM); err != nil {
				t.Errorf("Go's TLS does not take what ParseLeaf returned: %v", err)
			}
			if want := bytes.Count(c.cert, []byte("-----BEGIN")); len(got.Chain) != want {
				t.Errorf("chain has %d certificates, want %d", len(got.Chain), want)
			}
		})
	}
}

func TestParseLeafRefuses(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "root")
	leaf, other := ca.Leaf(t, []string{"a.example"}), ca.Leaf(t, []string{"b.example"})
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("x"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}})
	cases := []struct {
		name      string
		cert, key []byte
		reason    Reason
		field     string
		says      string
	}{
		{"a key of another certificate", leaf.CertPEM, other.KeyPEM, ReasonKeyMismatch, "tls.key", `does not belong to the certificate in tls.crt, "CN=a.example"`},
		{"a chain in the wrong order", join(ca.CertPEM, leaf.CertPEM), leaf.KeyPEM, ReasonKeyMismatch, "tls.key", `belongs to certificate 2 of tls.crt, "CN=a.example"; put that one first`},
		{"no certificate", nil, leaf.KeyPEM, ReasonLeafInvalid, "tls.crt", "the certificate is empty"},
		{"no key", leaf.CertPEM, nil, ReasonLeafInvalid, "tls.key", "the private key is empty"},
		{"the two swapped", leaf.KeyPEM, leaf.CertPEM, ReasonLeafInvalid, "tls.crt", "block 1 is a private key"},
		{"the certificate in both", leaf.CertPEM, leaf.CertPEM, ReasonLeafInvalid, "tls.key", "certificates belong in tls.crt"},
		{"a key beside the certificate", join(leaf.CertPEM, leaf.KeyPEM), leaf.KeyPEM, ReasonLeafInvalid, "tls.crt", "block 2 is a private key"},
		{"two keys", leaf.CertPEM, join(leaf.KeyPEM, other.KeyPEM), ReasonLeafInvalid, "tls.key", "2 private keys"},
		{"parameters without a key", leaf.CertPEM, encode("EC PARAMETERS", []byte{5, 0}), ReasonLeafInvalid, "tls.key", "0 private keys"},
		{"an encrypted key", leaf.CertPEM, encode("ENCRYPTED PRIVATE KEY", []byte("x")), ReasonLeafInvalid, "tls.key", "openssl pkey"},
		{"a key encrypted the old way", leaf.CertPEM, encrypted, ReasonLeafInvalid, "tls.key", "must be decrypted"},
		{"an OpenSSH key", leaf.CertPEM, encode("OPENSSH PRIVATE KEY", []byte("x")), ReasonLeafInvalid, "tls.key", "another type"},
		{"a key that is noise", leaf.CertPEM, encode("PRIVATE KEY", []byte("noise")), ReasonLeafInvalid, "tls.key", "cannot be read"},
		{"a key over the limit", leaf.CertPEM, bytes.Repeat([]byte("#\n"), MaxKeyBytes), ReasonLeafInvalid, "tls.key", "allowed are 16384"},
		{"a chain over the limit", bytes.Repeat(leaf.CertPEM, MaxLeafBytes/len(leaf.CertPEM)+1), leaf.KeyPEM, ReasonLeafInvalid, "tls.crt", "allowed are 262144"},
		{"a curve that TLS does not have", selfSign(t, p224.Public(), p224), sec1(t, p224), ReasonLeafInvalid, "tls.crt", "P-224"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseLeaf(c.cert, c.key)
			var leafErr *LeafError
			if !errors.As(err, &leafErr) {
				t.Fatalf("error is %v, want a *LeafError", err)
			}
			if leafErr.Reason != c.reason || leafErr.Key != c.field || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %s of %s: %v, want %s of %s that says %q", leafErr.Reason, leafErr.Key, err, c.reason, c.field, c.says)
			}
			finding := leafErr.Finding("Secret keda/my-tls")
			if finding.Warning || finding.Object != "Secret keda/my-tls" || finding.Field != "data["+c.field+"]" {
				t.Errorf("finding is %+v, want a fault at data[%s]", finding, c.field)
			}
		})
	}
}

func TestCheckLeafKeyRefusesWhatTLSRefuses(t *testing.T) {
	t.Parallel()
	small := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 511), E: 65537}
	if err := checkLeafKey(small); err == nil || !strings.Contains(err.Error(), "512 bits") {
		t.Errorf("error for RSA with 512 bits is %v", err)
	}
	if err := checkLeafKey("dsa"); err == nil {
		t.Error("a key of an unknown type is accepted")
	}
}

func TestLeafPrintsWithoutItsKey(t *testing.T) {
	t.Parallel()
	pair := certtest.NewCA(t, "root").Leaf(t, []string{"a.example"})
	leaf, err := ParseLeaf(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	proof := Proof{Leaf: leaf}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{leaf, &leaf, proof} {
			printed := fmt.Sprintf(format, value)
			key := strings.Trim(fmt.Sprintf(format, leaf.KeyPEM[:24]), "[]byte{}")
			if strings.Contains(printed, key) {
				t.Errorf("%s of %T prints the key", format, value)
			}
		}
	}
	if got := (Leaf{}).String(); got != "no certificate" {
		t.Errorf("the zero Leaf prints %q", got)
	}
}

func TestParsingRefusesKeysThatCostTooMuch(t *testing.T) {
	t.Parallel()
	ca := certtest.NewCA(t, "root")
	certificateWith := func(bits uint) []byte {
		huge := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1), E: 65537}
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2)}, ca.Cert, huge, ca.Key)
		if err != nil {
			t.Fatal(err)
		}
		return encode("CERTIFICATE", der)
	}
	if _, err := ParseBundle(certificateWith(16384)); err != nil {
		t.Errorf("a CA with RSA-16384 is refused: %v", err)
	}
	_, err := ParseBundle(certificateWith(16392))
	assertTooLarge(t, err, "16392 bits, allowed are 16384")
	_, err = ParseLeaf(certificateWith(8200), nil)
	assertTooLarge(t, err, "8200 bits, allowed are 8192")
}

func assertTooLarge(t *testing.T, err error, says string) {
	t.Helper()
	var bundleErr *BundleError
	if !errors.As(err, &bundleErr) || bundleErr.Kind != BundleTooLarge || !strings.Contains(err.Error(), says) {
		t.Errorf("error is %v, want %s that says %q", err, BundleTooLarge, says)
	}
}
