package endpoints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// handshakeTimeout is what a pod of the same cluster needs a thousandth of.
const handshakeTimeout = 3 * time.Second

// Dialer connects to an address: that of a net.Dialer, or a way around it.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Handshake is what a server showed.
type Handshake struct {
	// Chain is as it was sent, the leaf first. It is never empty.
	Chain []*x509.Certificate
	// Version is that of TLS, as in crypto/tls.
	Version uint16
	// AsksForClient: it wants a certificate of its client, and AcceptedCAs are the
	// DER-encoded subjects of the CAs that it accepts, one each CA.
	AsksForClient bool
	AcceptedCAs   [][]byte
}

// Shake connects to an endpoint and says what it showed. That nobody listens, or
// nobody answers, is an error; a certificate that is wrong is none.
func Shake(ctx context.Context, dial Dialer, endpoint Endpoint) (Handshake, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	raw, err := dial(ctx, "tcp", endpoint.Address)
	if err != nil {
		return Handshake{}, fmt.Errorf("connecting to %s: %w", endpoint.Address, err)
	}
	var seen Handshake
	connection := tls.Client(raw, &tls.Config{
		ServerName:         endpoint.Server.Name,
		InsecureSkipVerify: true, // what is shown is wanted, whether it verifies or not
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"}, // gRPC ends the handshake without the one, some HTTPS without the other
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			seen.AsksForClient, seen.AcceptedCAs = true, asked.AcceptableCAs
			return &tls.Certificate{}, nil
		},
		VerifyConnection: func(shown tls.ConnectionState) error {
			seen.Chain, seen.Version = shown.PeerCertificates, shown.Version
			return nil
		},
	})
	// Up to TLS 1.2 a server refuses a client without a certificate within the
	// handshake, when it has shown its own.
	if err := connection.HandshakeContext(ctx); err != nil && (len(seen.Chain) == 0 || !seen.AsksForClient) {
		return Handshake{}, closing(raw, fmt.Errorf("shaking hands with %s: %w", endpoint.Address, err))
	}
	// Closed without a word: the server may have refused us by now, which was to be
	// expected.
	return seen, closing(raw, nil)
}

// closing ends a connection that failed, or served its purpose, whose error is
// the one that counts.
func closing(connection net.Conn, err error) error {
	if closed := connection.Close(); err == nil && closed != nil {
		return fmt.Errorf("closing a connection: %w", closed)
	}
	return err
}
