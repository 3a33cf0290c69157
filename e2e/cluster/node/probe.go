package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// prober asks whether something answers.
type prober struct {
	client *http.Client
}

// newProber trusts a CA, if a path of one is given.
func newProber(ca string) (prober, error) {
	pool := x509.NewCertPool()
	if ca != "" {
		content, err := os.ReadFile(ca)
		if err != nil {
			return prober{}, fmt.Errorf("reading the CA: %w", err)
		}
		pool.AppendCertsFromPEM(content)
	}
	return prober{client: &http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
	}}, nil
}

// answers takes tcp://HOST:PORT, unix://PATH, https://, which is to say 200, and
// nothing, which always answers.
func (p prober) answers(ctx context.Context, address string) bool {
	if address == "" {
		return true
	}
	network, target, _ := strings.Cut(address, "://")
	if network != "https" {
		connection, err := net.DialTimeout(network, target, time.Second)
		if err != nil {
			return false
		}
		return connection.Close() == nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := p.client.Do(request)
	if err != nil {
		return false // not listening yet
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}
