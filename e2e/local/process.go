package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// Server is keda-trust as a process beside the API server.
type Server struct {
	command *exec.Cmd
	exited  chan struct{} // closed when the process is gone
	err     error         // how it ended, once exited is closed
	log     string
	health  string
}

// ServerOptions are where everything of the process is.
type ServerOptions struct {
	Binary, Kubeconfig, Log string // paths
	WebhookPort             int
	KEDANamespaces          []string // those that install.yaml names if empty
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
	log, err := os.Create(options.Log)
	if err != nil {
		return nil, fmt.Errorf("creating the log: %w", err)
	}
	defer log.Close() // the process has its own descriptor
	s := &Server{
		exited: make(chan struct{}),
		log:    options.Log,
		health: fmt.Sprintf("127.0.0.1:%d", healthPort),
	}
	s.command = exec.Command(options.Binary, "webhook",
		"--kubeconfig="+options.Kubeconfig,
		"--namespace="+injector.Name,
		"--keda-namespaces="+options.kedaNamespaces(),
		fmt.Sprintf("--webhook-port=%d", options.WebhookPort),
		"--serving-hosts=127.0.0.1",
		"--metrics-bind-address=0",
		"--health-probe-bind-address="+s.health,
		"--shutdown-delay=0s",
		"--convergence-timeout=1s", // no pods run, so nobody is waited for
	)
	s.command.Stdout, s.command.Stderr = log, log
	// An interrupt from the terminal is for us, who stop what we started.
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("starting keda-trust: %w", err)
	}
	go func() {
		s.err = s.command.Wait()
		close(s.exited)
	}()
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

// LastWords is the end of the log.
func (s *Server) LastWords() string {
	const enough = 4096
	content, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-enough):])
}

// Exited is closed when the process is gone, whoever ended it.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// PID is for a look at the process from outside.
func (s *Server) PID() int { return s.command.Process.Pid }

// Stop asks the process to end, and makes it if it does not within its grace
// period.
func (s *Server) Stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping keda-trust: %w", err)
	}
	select {
	case <-s.exited:
	case <-time.After(25 * time.Second):
		return errors.Join(errors.New("stopping keda-trust: still there after 25s, killing it"), s.command.Process.Kill())
	}
	return nil
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
