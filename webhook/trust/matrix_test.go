package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

// roots is what a process makes of a bundle.
func roots(ca injector.Bundle) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range ca.Certificates() {
		pool.AddCert(cert)
	}
	return pool
}

func pairOf(leaf injector.Leaf) (tls.Certificate, error) {
	return tls.X509KeyPair(leaf.CertPEM, leaf.KeyPEM)
}

// handshake is a real one between a server and a client with these certificates,
// through which a byte goes, so that either may still refuse the other. It is
// mutual as KEDA's gRPC is; without a leaf the client is as the API server is.
func handshake(server, client certificates, name string) error {
	pair, err := pairOf(server.leaf)
	if err != nil {
		return err
	}
	serving := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
	dialing := &tls.Config{RootCAs: roots(client.ca), ServerName: name, MinVersion: tls.VersionTLS13}
	if client.leaf.Certificate() != nil {
		serving.ClientAuth, serving.ClientCAs = tls.RequireAndVerifyClientCert, roots(server.ca)
		own, err := pairOf(client.leaf)
		if err != nil {
			return err
		}
		dialing.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() {
		connection := tls.Server(theirs, serving)
		_, err := connection.Write([]byte{1})
		served <- errors.Join(err, theirs.Close())
	}()
	connection := tls.Client(ours, dialing)
	deadline := connection.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = connection.Read(make([]byte, 1))
	return errors.Join(deadline, err, ours.Close(), <-served)
}

// As OpenShift's service-ca does: old and new server against old and new client,
// at every stage.
func TestStagesThatFollowEachOtherShakeHandsInEveryCombination(t *testing.T) {
	t.Parallel()
	names := certtest.KEDANames("keda")
	for _, subjects := range [][2]string{{"Old", "New"}, {"Same", "Same"}} {
		from, to := certtest.NewCA(t, subjects[0]), certtest.NewCA(t, subjects[1])
		third := certtest.NewCA(t, "Third")
		start, want := certificates{leafOf(t, from), bundleOf(t, from)}, certificates{leafOf(t, to), bundleOf(t, to)}
		turned := certificates{leafOf(t, third), bundleOf(t, third)}
		for name, wants := range map[string][]certificates{
			"another CA":                     {want, want, want},
			"a renewal":                      {{leafOf(t, from), start.ca}},
			"a third, when the CA was added": {want, turned, turned, turned, turned},
			"a third, when the leaf was":     {want, want, turned, turned, turned, turned},
			"back, when the leaf was":        {want, want, start, start},
		} {
			t.Run(fmt.Sprint(name, subjects), func(t *testing.T) {
				t.Parallel()
				old := start
				for n, want := range wants {
					s := next(old, want, circumstances{now: time.Now()})
					if s.move == moveNone {
						t.Fatalf("step %d does nothing", n)
					}
					wantHandshakes(t, fmt.Sprintf("step %d, %s", n, s.move), old, s.to, names[0])
					old = s.to
				}
				if last := wants[len(wants)-1]; !old.equal(last) {
					t.Error("the steps do not end at what is wanted")
				}
			})
		}
		if handshake(want, certificates{ca: start.ca}, names[0]) == nil || handshake(start, want, names[0]) == nil {
			t.Error("what the stages are there for verifies without them")
		}
	}
}

func wantHandshakes(t *testing.T, at string, old, now certificates, name string) {
	t.Helper()
	for _, server := range []certificates{old, now} {
		for _, client := range []certificates{old, now} {
			if err := handshake(server, certificates{ca: client.ca}, name); err != nil {
				t.Errorf("%s: a client does not verify: %v", at, err)
			}
			if err := handshake(server, client, name); err != nil {
				t.Errorf("%s: server and client do not verify each other: %v", at, err)
			}
		}
	}
}
