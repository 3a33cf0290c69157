package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	toolswatch "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/keda-trust/keda-trust/injector"
)

// consumer stands for KEDA's admission webhooks: it allows everything, and
// serves with a certificate that comes from a Secret.
type consumer struct {
	port    int
	address string // of this machine, where it listens too; empty where it has none but loopback
	servers []*http.Server
	served  chan error // what each Serve has returned

	mutex       sync.Mutex
	certificate *tls.Certificate
	changed     chan struct{} // closed with the next certificate
}

var errNoCertificate = errors.New("there is no certificate yet")

// startConsumer listens until it is stopped: on 127.0.0.1 for the API server, and
// at an address that may stand in an EndpointSlice for who looks at pods. Calls
// to the first close their connection, so that each shakes hands; HTTP/2 has no
// way to do that which does not fail some. The second is as KEDA's server is.
func startConsumer() (*consumer, error) {
	c := &consumer{served: make(chan error, 2), changed: make(chan struct{})}
	for i, host := range hosts() {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(c.port)))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting KEDA's admission webhooks: %w", err), c.stop())
		}
		if address, ok := listener.Addr().(*net.TCPAddr); ok {
			c.port = address.Port // the same for both
		}
		server := c.newServer()
		if i == 0 {
			server.Protocols = new(http.Protocols)
			server.Protocols.SetHTTP1(true)
			server.SetKeepAlivesEnabled(false)
		} else {
			c.address = host
		}
		c.servers = append(c.servers, server)
		go func() { c.served <- server.ServeTLS(listener, "", "") }()
	}
	return c, nil
}

func (c *consumer) newServer() *http.Server {
	return &http.Server{
		Handler: &admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
			return admission.Allowed("")
		})},
		ErrorLog:  log.New(io.Discard, "", 0), // failed handshakes are counted by who calls
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get},
	}
}

// hosts are where to listen: loopback, and one address of this machine if it has
// any other.
func hosts() []string {
	all := []string{"127.0.0.1"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return all // does without, as a machine with loopback alone
	}
	for _, address := range addresses {
		network, ok := address.(*net.IPNet)
		if ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
			return append(all, network.IP.String())
		}
	}
	return all
}

func (c *consumer) stop() error {
	var faults []error
	for _, server := range c.servers {
		faults = append(faults, server.Close())
		if served := <-c.served; !errors.Is(served, http.ErrServerClosed) {
			faults = append(faults, served)
		}
	}
	return errors.Join(faults...)
}

func (c *consumer) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.certificate == nil {
		return nil, errNoCertificate
	}
	return c.certificate, nil
}

func (c *consumer) serve(certificate *tls.Certificate) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.certificate = certificate
	close(c.changed)
	c.changed = make(chan struct{})
}

// until returns when the certificate with the fingerprint is served.
func (c *consumer) until(ctx context.Context, leaf fingerprint) error {
	for {
		c.mutex.Lock()
		changed, serves := c.changed, c.certificate != nil && sha256.Sum256(c.certificate.Leaf.Raw) == leaf
		c.mutex.Unlock()
		if serves {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow serves what a Secret of KEDA's namespace holds, later by a lag, until
// the returned function is called. What it holds already is served at once.
func (c *consumer) follow(ctx context.Context, client kubernetes.Interface, name string, lag time.Duration) (stop func() error, err error) {
	only := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	secrets := client.CoreV1().Secrets(injector.DefaultKEDANamespace)
	list, err := secrets.List(ctx, metav1.ListOptions{FieldSelector: only})
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	for i := range list.Items {
		if err := c.mount(&list.Items[i]); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, list.ResourceVersion, watching(func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		o.FieldSelector = only
		return secrets.Watch(ctx, o)
	}))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching Secret %s: %w", name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.sync(watcher.ResultChan(), lag) }()
	return func() error {
		cancel()
		return <-ended
	}, nil
}

// sync is the kubelet: what comes out of a watch is served once it is due.
func (c *consumer) sync(events <-chan watch.Event, lag time.Duration) error {
	waiting := backlog[*corev1.Secret]{lag: lag}
	timer := time.NewTimer(lag)
	defer timer.Stop()
	for {
		select {
		case event, open := <-events:
			if !open {
				return nil
			}
			if secret, ok := event.Object.(*corev1.Secret); ok && event.Type != watch.Deleted {
				waiting.add(secret, time.Now())
			}
		case <-timer.C:
		}
		if secret, found := waiting.take(time.Now()); found {
			if err := c.mount(secret); err != nil {
				return err
			}
		}
		if due, found := waiting.next(); found {
			timer.Reset(time.Until(due))
		}
	}
}

// mount serves what a Secret holds, if it holds anything yet.
func (c *consumer) mount(secret *corev1.Secret) error {
	if len(secret.Data[corev1.TLSCertKey]) == 0 {
		return nil
	}
	certificate, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return fmt.Errorf("serving with Secret %s: %w", secret.Name, err)
	}
	c.serve(&certificate)
	return nil
}
