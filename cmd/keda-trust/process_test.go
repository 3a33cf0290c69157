package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// patience is how long a process may take on a busy machine.
const patience = 30 * time.Second

// process is one `keda-trust webhook`, started as a user would.
type process struct {
	command         *exec.Cmd
	port            int
	metrics, health string
	log             *bytes.Buffer // to be read once ended
	ended           chan struct{} // closed when the process is gone
}

// start runs keda-trust for an installation with the flags given after those that
// every process needs, and does not wait for it.
func (i installed) start(t *testing.T, flags ...string) *process {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, i.kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{
		port:    clustertest.FreePort(t),
		metrics: fmt.Sprintf("127.0.0.1:%d", clustertest.FreePort(t)),
		health:  fmt.Sprintf("127.0.0.1:%d", clustertest.FreePort(t)),
		log:     &bytes.Buffer{},
		ended:   make(chan struct{}),
	}
	p.command = exec.Command("keda-trust", append([]string{
		"webhook", "--kubeconfig=" + kubeconfig, "--namespace=" + i.own, "--keda-namespaces=" + i.keda, "--webhook-configuration=" + i.own,
		fmt.Sprintf("--webhook-port=%d", p.port), "--metrics-bind-address=" + p.metrics, "--health-probe-bind-address=" + p.health, "--shutdown-delay=0s",
	}, flags...)...)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // it is told to end; how it did is in its log
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("keda-trust said:\n%s", p.log)
		}
	})
	return p
}

// stop sends a SIGTERM and waits for the end.
func (p *process) stop(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		return
	default:
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stopping keda-trust: %v", err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("keda-trust is still there %s after a SIGTERM", patience)
		_ = p.command.Process.Kill()
	}
}

// get is status and body of a page, 0 where nobody listens.
func get(ctx context.Context, address, path string) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, ""
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	return response.StatusCode, string(body)
}

// publications is what the process says of how often it published, empty where
// it did not, which is a count of 0.
func (p *process) publications(ctx context.Context) string {
	_, page := get(ctx, p.metrics, "/metrics")
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "keda_trust_publications_total{") && !strings.HasSuffix(line, " 0\n") {
			return line
		}
	}
	return ""
}

// handshake verifies the process by the stored caBundle, under a name.
func (i installed) handshake(t *testing.T, p *process, name string) error {
	t.Helper()
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	if err := i.client.Get(t.Context(), client.ObjectKey{Name: i.own}, configuration); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(configuration.Webhooks[0].ClientConfig.CABundle)
	dialer := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS13}}
	connection, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		return err
	}
	return connection.Close()
}

func eventually(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) { return holds(ctx), nil })
	if err != nil {
		t.Fatalf("%s: not within %s", what, patience)
	}
}
