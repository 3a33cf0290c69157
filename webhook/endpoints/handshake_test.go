package endpoints

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// serve answers handshakes on a port of its own until the test ends.
func serve(t *testing.T, config *tls.Config) Endpoint {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			// The client may be gone by now, or refused.
			_ = connection.(*tls.Conn).HandshakeContext(t.Context())
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return Endpoint{Server: injector.Server{Name: "keda-operator.keda.svc"}, Address: listener.Addr().String()}
}

func TestAHandshakeShowsWhatIsServedAndWhatIsAccepted(t *testing.T) {
	t.Parallel()
	ca, other := certtest.NewCA(t, "Served"), certtest.NewCA(t, "Other")
	leaf := ca.Leaf(t, certtest.KEDANames("keda"))
	pair, err := tls.X509KeyPair(leaf.CertPEM, leaf.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	accepted := x509.NewCertPool()
	accepted.AddCert(ca.Cert)
	accepted.AddCert(other.Cert)
	for name, c := range map[string]struct {
		auth     tls.ClientAuthType
		versions uint16
		asks     bool
		accepted int
		speaks   string
	}{
		"a server":                            {tls.NoClientCert, tls.VersionTLS13, false, 0, "http/1.1"},
		"one that asks for client certs":      {tls.RequestClientCert, tls.VersionTLS13, true, 2, "h2"},
		"one that wants one that it verifies": {tls.RequireAndVerifyClientCert, tls.VersionTLS13, true, 2, "h2"},
		"an old one":                          {tls.NoClientCert, tls.VersionTLS12, false, 0, "h2"},
		"an old one that verifies":            {tls.RequireAndVerifyClientCert, tls.VersionTLS12, true, 2, "h2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := serve(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: c.auth, ClientCAs: accepted, MaxVersion: c.versions, NextProtos: []string{c.speaks}})
			seen, err := Shake(t.Context(), new(net.Dialer).DialContext, endpoint)
			if err != nil {
				t.Fatal(err)
			}
			if !seen.Chain[0].Equal(leaf.Cert) || seen.Version != c.versions {
				t.Errorf("shown %s with TLS %x, want %s with %x", seen.Chain[0].Subject, seen.Version, leaf.Cert.Subject, c.versions)
			}
			if seen.AsksForClient != c.asks || len(seen.AcceptedCAs) != c.accepted {
				t.Errorf("asks for a client certificate: %v, of %d CAs, want %v of %d", seen.AsksForClient, len(seen.AcceptedCAs), c.asks, c.accepted)
			}
		})
	}
}

func TestAnEndpointThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := Endpoint{Address: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Shake(t.Context(), new(net.Dialer).DialContext, nobody); err == nil {
		t.Error("a port that nobody listens on shook hands")
	}
}
