package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

var (
	// ErrRefused says that nobody listens on the port of the pod.
	ErrRefused = errors.New("nobody listens on this port of the pod")
	// ErrNotForwarded says that the kubelet did not, for a reason of its own.
	ErrNotForwarded = errors.New("the kubelet did not forward")
)

// To is a dialer that connects to a pod, whatever the host of the address that it
// is given; the port is the address's.
func To(config *rest.Config, namespace, pod string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("forwarding to pod %s/%s: %w", namespace, pod, err)
		}
		connection, err := dial(ctx, config, namespace, pod)
		if err != nil {
			return nil, fmt.Errorf("forwarding to pod %s/%s: %w", namespace, pod, err)
		}
		opened, err := within(ctx, func() (*conn, error) { return open(connection, port) })
		if err != nil {
			return nil, errors.Join(fmt.Errorf("forwarding to port %s of pod %s/%s: %w", port, namespace, pod, err), connection.Close())
		}
		return opened, nil
	}
}

func dial(ctx context.Context, config *rest.Config, namespace, pod string) (httpstream.Connection, error) {
	dialer, err := dialerTo(config, namespace, pod)
	if err != nil {
		return nil, err
	}
	return within(ctx, func() (httpstream.Connection, error) {
		connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		return connection, err
	})
}

// within gives up with ctx, which neither client-go's dialers nor its connections
// know. What comes after that is closed, for nobody wants it any more; that it does
// come is bounded, by the API server for a request, by its connection for a stream.
func within[T io.Closer](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil {
				_ = r.value.Close() // it has served no purpose
			}
		}()
		var none T
		return none, ctx.Err()
	}
}

func dialerTo(config *rest.Config, namespace, pod string) (httpstream.Dialer, error) {
	at, err := urlOf(config, namespace, pod)
	if err != nil {
		return nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	second := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	first, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(first, second, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

func urlOf(config *rest.Config, namespace, pod string) (*url.URL, error) {
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	return base.JoinPath("api", "v1", "namespaces", namespace, "pods", pod, "portforward"), nil
}

// open makes the pair of streams that one connection is.
func open(connection httpstream.Connection, port string) (*conn, error) {
	headers := http.Header{}
	headers.Set(corev1.PortHeader, port)
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	said, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	if err := said.Close(); err != nil { // it is only read from
		return nil, err
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, err
	}
	c := &conn{connection: connection, data: data, port: port, said: make(chan error, 1)}
	go c.listen(said)
	return c, nil
}

// conn is a connection to a pod. Its streams know no deadline.
type conn struct {
	connection httpstream.Connection
	data       httpstream.Stream
	port       string
	said       chan error
}

// listen waits for what the kubelet has to say, which ends the connection.
func (c *conn) listen(stream io.Reader) {
	text, err := io.ReadAll(stream)
	switch {
	case strings.Contains(string(text), "connection refused"): // there is no code for it
		c.said <- fmt.Errorf("port %s: %w", c.port, ErrRefused)
	case len(text) > 0:
		c.said <- fmt.Errorf("port %s: %w: %s", c.port, ErrNotForwarded, text)
	default:
		c.said <- err
	}
}

// Read ends with what the kubelet said, if it said why. It says it in a stream of
// its own, which may end a moment after the data.
func (c *conn) Read(into []byte) (int, error) {
	n, err := c.data.Read(into)
	if n > 0 || err == nil {
		return n, err
	}
	select {
	case said := <-c.said:
		c.said <- said
		if said != nil {
			return 0, said
		}
	case <-time.After(time.Second):
	}
	return n, err
}

func (c *conn) Write(data []byte) (int, error) { return c.data.Write(data) }

// Close ends both streams and what carries them.
func (c *conn) Close() error { return c.connection.Close() }

func (c *conn) LocalAddr() net.Addr  { return address("client") }
func (c *conn) RemoteAddr() net.Addr { return address("pod:" + c.port) }

// The deadlines are refused: nobody could keep them. A context that ends closes
// the connection, which is what crypto/tls does with one.
func (c *conn) SetDeadline(time.Time) error      { return errNoDeadline }
func (c *conn) SetReadDeadline(time.Time) error  { return errNoDeadline }
func (c *conn) SetWriteDeadline(time.Time) error { return errNoDeadline }

var errNoDeadline = errors.New("a forwarded connection has no deadlines; close it")

type address string

func (a address) Network() string { return "portforward" }
func (a address) String() string  { return string(a) }
