package resilience

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"encoding/pem"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// fault is put before the API server. What it lets pass it hands to next.
type fault func(next http.Handler) http.Handler

// gateway is between one process and the API server, whom it asks as keda-trust's
// account.
type gateway struct {
	server *httptest.Server

	mu sync.Mutex
	// written is how many steps the API server has carried out, by what was written.
	written map[string]int
}

// startGateway starts one whose first fault meets a request first.
func startGateway(faults ...fault) *gateway {
	GinkgoHelper()
	target, err := url.Parse(account.Host)
	Expect(err).NotTo(HaveOccurred())
	transport, err := rest.TransportFor(account)
	Expect(err).NotTo(HaveOccurred())
	g := &gateway{written: map[string]int{}}
	var chain http.Handler = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		ModifyResponse: g.count,
		ErrorLog:       log.New(io.Discard, "", 0), // of answers that a process did not wait for
		// Nobody is there is not an answer, but the end of a connection.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	for i := len(faults) - 1; i >= 0; i-- {
		chain = faults[i](chain)
	}
	g.server = httptest.NewUnstartedServer(chain)
	g.server.EnableHTTP2 = true
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.StartTLS()
	DeferCleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

func (g *gateway) count(response *http.Response) error {
	if what := stepOf(response.Request); what != "" && response.StatusCode < http.StatusMultipleChoices {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.written[what]++
	}
	return nil
}

func (g *gateway) writes() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.written)
}

// kubeconfig writes how to get to the API server through it.
func (g *gateway) kubeconfig(name string) string {
	GinkgoHelper()
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server:                   g.server.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw}),
	}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name}
	config.CurrentContext = name
	path := filepath.Join(dir, name)
	Expect(clientcmd.WriteToFile(*config, path)).To(Succeed())
	return path
}

// stepOf names what a request writes of a rotation, empty for any other: what is
// read, tried, told, or concerns keda-trust itself.
func stepOf(r *http.Request) string {
	if r.Method == http.MethodGet || r.URL.Query().Has("dryRun") {
		return ""
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i, part := range parts {
		switch part {
		case "secrets", "configmaps", "deployments":
			if i < 1 || parts[i-1] != namespace {
				return ""
			}
			return strings.Join(append([]string{part}, parts[i+1:]...), "/")
		case "apiservices", "validatingwebhookconfigurations":
			return part
		}
	}
	return ""
}

// isWatch: a request that is answered for as long as both sides want.
func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }
