package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"
)

// readyBound is for two slow cores with something else to do.
const readyBound = 5 * time.Minute

// awaitReady returns when a pod can be made, or tells what has ended instead.
func (n Node) awaitReady(ctx context.Context) error {
	lacks := ""
	err := until(ctx, readyBound, "waiting for the node", func() (bool, error) {
		if err := n.healthy(); err != nil {
			return false, err
		}
		now := n.missing(ctx)
		if now != "" && now != lacks {
			n.Tell("waiting for %s", now)
		}
		lacks = now
		return now == "", nil
	})
	if err != nil && lacks != "" {
		return fmt.Errorf("%w (it lacks %s; logs are in %s)", err, lacks, n.path("log"))
	}
	return err
}

// healthy tells whether everything that was started still runs.
func (n Node) healthy() error {
	ended, err := os.ReadFile(n.path(endedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for what has ended: %w", err)
	}
	if len(ended) > 0 {
		first, _, _ := strings.Cut(string(ended), "\n")
		process, _, _ := strings.Cut(first, " ")
		return fmt.Errorf("%s; remove the node before starting it again (make cluster-down); %s", first, n.lastWords(process))
	}
	running, err := n.Running()
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("its first process has ended; %s", n.lastWords(InitCommand))
	}
	return nil
}

// lastWords is the end of a log.
func (n Node) lastWords(process string) string {
	const enough = 2048
	content, err := os.ReadFile(n.log(process))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s ends with\n%s", n.log(process), content[max(0, len(content)-enough):])
}

// missing names the first thing that a pod needs and that is not there yet.
func (n Node) missing(ctx context.Context) string {
	client, err := n.client()
	if err != nil {
		return "its certificates"
	}
	defer client.CloseIdleConnections()
	prober := prober{client: client}
	var node struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	switch {
	case !prober.answers(ctx, n.apiServer()+"/readyz"):
		return "the API server"
	case get(ctx, client, n.apiServer()+"/api/v1/nodes/"+name, &node) != nil:
		return "the kubelet to register"
	case !prober.answers(ctx, n.apiServer()+"/api/v1/namespaces/default/serviceaccounts/default"):
		return "the controllers"
	case !prober.answers(ctx, "tcp://"+n.dns()):
		return "DNS"
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return ""
		}
	}
	return "the kubelet to be ready"
}

// client talks to the API server as an administrator, and to nobody through a
// proxy of the environment.
func (n Node) client() (*http.Client, error) {
	prober, err := newProber(n.path("pki/ca.crt"))
	if err != nil {
		return nil, err
	}
	admin, err := tls.LoadX509KeyPair(n.path("pki/admin.crt"), n.path("pki/admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	transport, ok := prober.client.Transport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("preparing a client: its transport is a %T", prober.client.Transport)
	}
	transport.TLSClientConfig.Certificates = []tls.Certificate{admin}
	return prober.client, nil
}

func get(ctx context.Context, client *http.Client, url string, object any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for %s: %s", url, response.Status)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, object)
}
