package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// kubelet is an API server with the kubelet behind it: port gets the data stream
// and returns what the kubelet has to say. Without tunnels it knows no WebSocket,
// as one before 1.31.
type kubelet struct {
	tunnels bool
	port    func(port string, data httpstream.Stream) string
}

func (k kubelet) ServeHTTP(to http.ResponseWriter, from *http.Request) {
	if from.URL.Path != "/base/api/v1/namespaces/keda/pods/operator-0/portforward" {
		http.Error(to, "pods \"operator-0\" is forbidden", http.StatusForbidden)
		return
	}
	streams := make(chan httpstream.Stream, 2)
	connection, err := k.upgrade(to, from, func(stream httpstream.Stream, _ <-chan struct{}) error {
		streams <- stream
		return nil
	})
	if err != nil {
		return // it has answered
	}
	defer connection.Close()
	said, data := <-streams, <-streams
	if text := k.port(data.Headers().Get(corev1.PortHeader), data); text != "" {
		_, _ = io.WriteString(said, text) // the client may be gone
	}
	_, _ = said.Close(), data.Close()
	<-connection.CloseChan()
}

func (k kubelet) upgrade(to http.ResponseWriter, from *http.Request, taken httpstream.NewStreamHandler) (httpstream.Connection, error) {
	if websocket.IsWebSocketUpgrade(from) {
		if !k.tunnels {
			http.Error(to, "unable to upgrade", http.StatusBadRequest)
			return nil, errors.New("no WebSocket")
		}
		upgrader := websocket.Upgrader{Subprotocols: []string{"SPDY/3.1+" + portforward.PortForwardProtocolV1Name}}
		connection, err := upgrader.Upgrade(to, from, nil)
		if err != nil {
			return nil, err
		}
		return spdy.NewServerConnection(portforward.NewTunnelingConnectionWithLogger(klog.Background(), connection), taken)
	}
	if _, err := httpstream.Handshake(from, to, []string{portforward.PortForwardProtocolV1Name}); err != nil {
		return nil, err
	}
	connection := spdy.NewResponseUpgrader().UpgradeResponse(to, from, taken)
	if connection == nil {
		return nil, errors.New("no SPDY")
	}
	return connection, nil
}

func serve(t *testing.T, k kubelet) *rest.Config {
	t.Helper()
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL + "/base"}
}

func echo(port string, data httpstream.Stream) string {
	text := make([]byte, 4)
	if _, err := io.ReadFull(data, text); err != nil {
		return err.Error()
	}
	_, _ = data.Write([]byte(port + " " + string(text)))
	return ""
}

func TestWhatIsWrittenArrivesAtThePort(t *testing.T) {
	t.Parallel()
	for name, tunnels := range map[string]bool{"by WebSocket": true, "by SPDY": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection, err := To(serve(t, kubelet{tunnels, echo}), "keda", "operator-0")(t.Context(), "tcp", "192.0.2.1:9666")
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if _, err := connection.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(connection)
			if err != nil || string(got) != "9666 ping" {
				t.Errorf("read %q, %v, want that the port was named and answered", got, err)
			}
		})
	}
}

func TestWhatTheKubeletSaysIsTheError(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]error{
		"error forwarding port 9666 to pod x, uid : dial tcp4 127.0.0.1:9666: connect: connection refused": ErrRefused,
		"error forwarding port 9666 to pod x, uid : network namespace is closed":                           ErrNotForwarded,
	} {
		t.Run(want.Error(), func(t *testing.T) {
			t.Parallel()
			connection, err := To(serve(t, kubelet{true, func(string, httpstream.Stream) string { return said }}), "keda", "operator-0")(t.Context(), "tcp", "192.0.2.1:9666")
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("read: %v, want %v", err, want)
			}
		})
	}
}

func TestWhoMayNotForwardIsTold(t *testing.T) {
	t.Parallel()
	_, err := To(serve(t, kubelet{true, echo}), "keda", "other")(t.Context(), "tcp", "192.0.2.1:9666")
	if err == nil || !strings.Contains(err.Error(), "forwarding to pod keda/other: ") || !strings.Contains(err.Error(), "is forbidden") {
		t.Errorf("got %v, want that the pod is named, and that it is forbidden", err)
	}
}

func TestAnAPIServerThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = To(&rest.Config{Host: "http://" + listener.Addr().String()}, "keda", "operator-0")(ctx, "tcp", "192.0.2.1:9666")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the time is up", err)
	}
}

func TestAKubeletThatStallsIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, tunnels := range map[string]bool{"by WebSocket": true, "by SPDY": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, from *http.Request) {
				connection, err := kubelet{tunnels: tunnels}.upgrade(to, from, func(httpstream.Stream, <-chan struct{}) error {
					cancel() // it has come as far as to ask for a stream, and gets no answer
					<-ended
					return errors.New("the test is over")
				})
				if err != nil {
					return // it has answered
				}
				<-ended
				_ = connection.Close() // the client may be gone
			}))
			t.Cleanup(server.Close)
			t.Cleanup(func() { close(ended) })
			_, err := To(&rest.Config{Host: server.URL}, "keda", "operator-0")(ctx, "tcp", "192.0.2.1:9666")
			if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "forwarding to port 9666 of pod keda/operator-0") {
				t.Errorf("got %v, want that the port was given up", err)
			}
		})
	}
}
