package resilience

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// witness shakes hands along every edge of trust, again and again, as the API
// server and KEDA's own components would.
type witness struct {
	stop func()

	handshakes, unread int
	// outages are handshakes that failed though neither side was changing.
	outages []string
	// bundles are the caBundles that each object had, one after the other.
	bundles map[string][]string
	// templates are from before.
	templates map[string]any
}

// calling is one who calls, and what it goes by: each of the bundles, for its
// calls of one kind or another.
type calling struct {
	version string
	trusts  []*x509.CertPool
	own     []tls.Certificate
}

func startWitness(ctx context.Context) *witness {
	GinkgoHelper()
	w := &witness{bundles: map[string][]string{}, templates: templates(ctx)}
	life, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for life.Err() == nil {
			w.look(life)
			select {
			case <-life.Done():
			case <-time.After(30 * time.Millisecond):
			}
		}
	})
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		w.look(context.Background()) // at the end itself
	})
	DeferCleanup(w.stop)
	return w
}

func (w *witness) look(ctx context.Context) {
	for _, p := range podsOf(injector.ComponentMetricsAPIServer) {
		w.shake(ctx, "API server", w.aggregator, p)
	}
	for _, p := range podsOf(injector.ComponentAdmissionWebhooks) {
		w.shake(ctx, "API server", w.admission, p)
	}
	for _, caller := range podsOf(injector.ComponentMetricsAPIServer) {
		for _, p := range podsOf(injector.ComponentOperator) {
			w.shake(ctx, caller.address, func(context.Context) (calling, error) {
				held := caller.held.Load()
				return calling{held.version, []*x509.CertPool{held.ca}, []tls.Certificate{held.pair}}, nil
			}, p)
		}
	}
}

// shake looks again where something changed under its hands: only what holds
// before and after a handshake that failed is an outage.
func (w *witness) shake(ctx context.Context, who string, asks func(context.Context) (calling, error), p *pod) {
	for ctx.Err() == nil {
		served := p.held.Load()
		caller, err := asks(ctx)
		if err != nil {
			w.unread++
			return
		}
		var failed error
		for _, roots := range caller.trusts {
			failed = errors.Join(failed, handshake(roots, caller.own, p))
		}
		if failed == nil {
			w.handshakes += len(caller.trusts)
			return
		}
		after, err := asks(ctx)
		if err == nil && after.version == caller.version && p.held.Load() == served {
			w.outages = append(w.outages, fmt.Sprintf("%s: %s to %s at %s: %v", time.Now().Format(time.StampMilli), who, p.service, p.address, failed))
			return
		}
	}
}

// handshake is a real one, through which a byte comes back, so that the server has
// accepted the caller's certificate as well.
func handshake(roots *x509.CertPool, own []tls.Certificate, p *pod) error {
	raw, err := net.DialTimeout("tcp", p.address, 10*time.Second)
	if err != nil {
		return err
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	connection := tls.Client(raw, &tls.Config{
		RootCAs: roots, Certificates: own, ServerName: p.service + "." + namespace + ".svc",
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
	})
	_, err = connection.Read(make([]byte, 1))
	return err
}

func (w *witness) aggregator(ctx context.Context) (calling, error) {
	api := &apiregistrationv1.APIService{}
	if err := direct.Get(ctx, client.ObjectKey{Name: injector.KEDAAPIService}, api); err != nil {
		return calling{}, err
	}
	return calling{version: api.ResourceVersion, trusts: []*x509.CertPool{w.see("APIService", api.Spec.CABundle)}}, nil
}

func (w *witness) admission(ctx context.Context) (calling, error) {
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := direct.Get(ctx, client.ObjectKey{Name: injector.KEDAValidatingWebhook}, configuration); err != nil {
		return calling{}, err
	}
	all := calling{version: configuration.ResourceVersion}
	for _, webhook := range configuration.Webhooks {
		all.trusts = append(all.trusts, w.see("webhook "+webhook.Name, webhook.ClientConfig.CABundle))
	}
	return all, nil
}

func (w *witness) see(object string, bundle []byte) *x509.CertPool {
	seen := w.bundles[object]
	if len(seen) == 0 || seen[len(seen)-1] != string(bundle) {
		w.bundles[object] = append(seen, string(bundle))
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bundle) // what is none trusts nobody
	return pool
}

// sawNoOutage holds what the witness saw against what a rotation promises: no
// handshake failed, each caBundle went from the old CA by both to the new one and
// never back, and nothing restarts.
func (w *witness) sawNoOutage(ctx context.Context, from, to issued) {
	GinkgoHelper()
	w.stop()
	AddReportEntry("handshakes", fmt.Sprintf("%d, with %d looks in vain at an API server that was not there", w.handshakes, w.unread))
	Expect(w.outages).To(BeEmpty())
	Expect(templates(ctx)).To(Equal(w.templates))
	Expect(w.handshakes).To(BeNumerically(">", 100))
	Expect(w.bundles).To(HaveKey("APIService"))
	Expect(len(w.bundles)).To(BeNumerically(">", 1), "webhooks as well")
	for object, bundles := range w.bundles {
		var said []string
		for _, bundle := range bundles {
			said = append(said, describe(bundle, from, to))
		}
		Expect(said).To(Equal([]string{"old", "old and new", "new"}), object)
	}
}

// describe says which CAs a bundle has.
func describe(bundle string, from, to issued) string {
	var names []string
	for block, rest := pem.Decode([]byte(bundle)); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case bytes.Equal(block.Bytes, from.ca.Cert.Raw):
			names = append(names, "old")
		case bytes.Equal(block.Bytes, to.ca.Cert.Raw):
			names = append(names, "new")
		default:
			names = append(names, "another")
		}
	}
	return strings.Join(names, " and ")
}
