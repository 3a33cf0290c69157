package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
)

func TestAPairVerifiesForItsNamesAndNoOther(t *testing.T) {
	pair, err := Issue("KEDA", []string{"keda-operator.keda.svc"}, net.ParseIP("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	served, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pair.CA) {
		t.Fatalf("the CA is no PEM:\n%s", pair.CA)
	}
	verify := func(name string, usage x509.ExtKeyUsage) error {
		_, err := served.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	for _, name := range []string{"keda-operator.keda.svc", "127.0.0.1"} {
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			if err := verify(name, usage); err != nil {
				t.Errorf("%s, usage %d: %v", name, usage, err)
			}
		}
	}
	if err := verify("other.keda.svc", x509.ExtKeyUsageServerAuth); err == nil {
		t.Error("it verifies for a name that it was not asked for")
	}
}
