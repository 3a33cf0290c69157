package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const webhooksHost = "keda-admission-webhooks.keda.svc"

func secretOf(m *material) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "published"}, Data: m.data()}
}

func TestWhatIsServedLagsTheSecret(t *testing.T) {
	m := issued(t)
	synctest.Test(t, func(t *testing.T) {
		c := &consumer{changed: make(chan struct{})}
		events, ended := make(chan watch.Event), make(chan error)
		go func() { ended <- c.sync(events, 5*time.Second) }()
		events <- watch.Event{Type: watch.Added, Object: &corev1.Secret{}} // nothing in it yet
		time.Sleep(time.Second)
		events <- watch.Event{Type: watch.Modified, Object: secretOf(m)}
		changed := time.Now()
		early, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second-1, errBound)
		defer cancel()
		if err := c.until(early, m.leaf); !errors.Is(err, errBound) {
			t.Errorf("it is served before the lag is over: %v", err)
		}
		if err := c.until(t.Context(), m.leaf); err != nil || time.Since(changed) != 5*time.Second {
			t.Errorf("it is served after %v, %v; want 5s", time.Since(changed), err)
		}
		close(events)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestASecretThatCannotBeServedIsAnError(t *testing.T) {
	secret := secretOf(issued(t))
	secret.Data["tls.key"] = []byte("no key")
	if err := new(consumer).mount(secret); err == nil {
		t.Error("no error")
	}
}

// started is a consumer that serves m.
func started(t *testing.T, m *material) *consumer {
	t.Helper()
	c, err := startConsumer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := c.mount(secretOf(m)); err != nil {
		t.Fatal(err)
	}
	return c
}

func trusting(m *material) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.CA)
	return &tls.Config{RootCAs: roots, ServerName: webhooksHost}
}

func TestEachCallShakesHandsAnew(t *testing.T) {
	m := issued(t)
	c := started(t, m)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(m), ForceAttemptHTTP2: true}}
	const review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE"}}`
	call := func() (string, error) {
		response, err := client.Post("https://127.0.0.1:"+strconv.Itoa(c.port)+"/validate", "application/json", strings.NewReader(review))
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return string(answer), err
	}
	if answer, err := call(); err != nil || !strings.Contains(answer, `"allowed":true`) {
		t.Fatalf("got %q, %v", answer, err)
	}
	// A connection that is still open would not notice another certificate.
	if err := c.mount(secretOf(issued(t))); err != nil {
		t.Fatal(err)
	}
	if _, err := call(); err == nil {
		t.Error("a call succeeds by a connection of before")
	}
}

func TestWhoLooksAtThePodSpeaksHTTP2(t *testing.T) {
	m := issued(t)
	c := started(t, m)
	if c.address == "" {
		t.Skip("this machine has no address but loopback")
	}
	config := trusting(m)
	config.NextProtos = []string{"h2"}
	connection, err := tls.Dial("tcp", net.JoinHostPort(c.address, strconv.Itoa(c.port)), config)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if got := sha256.Sum256(connection.ConnectionState().PeerCertificates[0].Raw); got != m.leaf {
		t.Error("it shows another certificate")
	}
}
