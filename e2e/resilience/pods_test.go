package resilience

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// servers are what KEDA's own manifests have, and the ports that they leave at
// their defaults.
var servers = []struct {
	component injector.Component
	service   string
	port      int
}{
	{injector.ComponentOperator, "keda-operator", 9666},
	{injector.ComponentMetricsAPIServer, "keda-metrics-apiserver", 6443},
	{injector.ComponentAdmissionWebhooks, "keda-admission-webhooks", 9443},
}

// pod stands for one of KEDA's: it serves, with the trust that its component has
// in clients, what it read last of the published Secret.
type pod struct {
	component        injector.Component
	service, address string
	// lag is how long after a change the kubelet brings it.
	lag  time.Duration
	held atomic.Pointer[mounted]
}

// mounted is what a process makes of the Secret's files.
type mounted struct {
	version string // of the Secret
	pair    tls.Certificate
	ca      *x509.CertPool
}

// startPods starts two for each component, of which no two are as fast as each
// other, and a kubelet.
func startPods(ctx context.Context) []*pod {
	GinkgoHelper()
	var all []*pod
	for _, s := range servers {
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s.service, Labels: map[string]string{discoveryv1.LabelServiceName: s.service}},
			// As an IPv4 address it could not be one of loopback; as a name it may be
			// of digits.
			AddressType: discoveryv1.AddressTypeFQDN,
		}
		for range 2 {
			n := len(all) + 1
			// Nobody else's, so that the ports are free.
			ip := fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()>>8%250, os.Getpid()&255, n)
			p := &pod{component: s.component, service: s.service, address: fmt.Sprintf("%s:%d", ip, s.port), lag: time.Duration(n) * 150 * time.Millisecond}
			p.serve()
			all = append(all, p)
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{ip}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("%s-%d", s.service, n)},
			})
		}
		Expect(direct.Create(ctx, slice)).To(Succeed())
	}
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range all {
		running.Go(func() { p.follow(life) })
	}
	DeferCleanup(func() {
		end()
		running.Wait()
	})
	return all
}

func (p *pod) serve() {
	GinkgoHelper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", p.address)
	Expect(err).NotTo(HaveOccurred())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() {
				// Who only looks ends it without a word.
				_, _ = tls.Server(connection, &tls.Config{GetConfigForClient: p.config, MinVersion: tls.VersionTLS13}).Write([]byte{1})
				_ = connection.Close()
			})
		}
	})
	DeferCleanup(func() {
		Expect(listener.Close()).To(Succeed())
		running.Wait()
	})
}

func (p *pod) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	held := p.held.Load()
	if held == nil {
		return nil, fmt.Errorf("%s has no certificate yet", p.service)
	}
	config := &tls.Config{Certificates: []tls.Certificate{held.pair}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
	switch p.component {
	case injector.ComponentOperator:
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, held.ca
	case injector.ComponentMetricsAPIServer:
		config.ClientAuth, config.ClientCAs = tls.RequestClientCert, held.ca
	}
	return config, nil
}

// follow is the kubelet, and KEDA, which reloads what the kubelet brings: what the
// Secret holds is served once the lag is over.
func (p *pod) follow(ctx context.Context) {
	var since time.Time // that something else is published than is held
	for ctx.Err() == nil {
		secret := &corev1.Secret{}
		err := direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: injector.PublishedSecret}, secret)
		held := p.held.Load()
		switch {
		case err != nil, held != nil && held.version == secret.ResourceVersion:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		if !since.IsZero() && time.Since(since) >= p.lag {
			if read := mount(secret); read != nil {
				p.held.Store(read)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// mount is nil where a process would keep what it has.
func mount(secret *corev1.Secret) *mounted {
	read := &mounted{version: secret.ResourceVersion, ca: x509.NewCertPool()}
	var err error
	if read.pair, err = tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"]); err != nil {
		return nil
	}
	if !read.ca.AppendCertsFromPEM(secret.Data["ca.crt"]) {
		return nil
	}
	return read
}

func podsOf(component injector.Component) []*pod {
	var out []*pod
	for _, p := range pods {
		if p.component == component {
			out = append(out, p)
		}
	}
	return out
}
