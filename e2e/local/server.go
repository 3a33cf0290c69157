package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// Server is keda-trust as a process beside the API server.
type Server struct {
	*Process

	health string
}

// ServerOptions are where everything of the process is.
type ServerOptions struct {
	Binary, Kubeconfig, Log string // paths
	WebhookPort             int
	KEDANamespaces          []string // those that install.yaml names if empty
	Flags                   []string // further ones of keda-trust webhook
}

func (o ServerOptions) kedaNamespaces() string {
	if len(o.KEDANamespaces) == 0 {
		return injector.DefaultKEDANamespace
	}
	return strings.Join(o.KEDANamespaces, ",")
}

// StartServer starts keda-trust and returns when it says that it is ready.
func StartServer(ctx context.Context, options ServerOptions) (*Server, error) {
	healthPort, err := FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{health: fmt.Sprintf("127.0.0.1:%d", healthPort)}
	s.Process, err = StartProcess(injector.Name, options.Log, exec.Command(options.Binary, append([]string{
		"webhook",
		"--kubeconfig=" + options.Kubeconfig,
		"--namespace=" + injector.Name,
		"--keda-namespaces=" + options.kedaNamespaces(),
		fmt.Sprintf("--webhook-port=%d", options.WebhookPort),
		"--serving-hosts=127.0.0.1",
		"--metrics-bind-address=0",
		"--health-probe-bind-address=" + s.health,
		"--shutdown-delay=0s",
		"--convergence-timeout=1s", // no pods run, so nobody is waited for
	}, options.Flags...)...))
	if err != nil {
		return nil, err
	}
	if err := s.untilReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// untilReady asks the readiness probe, as the kubelet would.
func (s *Server) untilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-s.exited:
			return fmt.Errorf("starting keda-trust: it ended by itself: %w\n%s", s.err, s.LastWords())
		case <-ctx.Done():
			return fmt.Errorf("waiting for keda-trust to be ready: %w\n%s", context.Cause(ctx), s.LastWords())
		case <-ticker.C:
			if s.ready(ctx) {
				return nil
			}
		}
	}
}

func (s *Server) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.health+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false // not listening yet
	}
	if err := response.Body.Close(); err != nil {
		return false
	}
	return response.StatusCode == http.StatusOK
}

// FreePort is one that nobody listened on a moment ago.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	if err := listener.Close(); err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("looking for a free port: %s is no TCP address", listener.Addr())
	}
	return address.Port, nil
}
