package trust

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// pod mimics one of KEDA's: it has what it read last of the published Secret, in
// its own time.
type pod struct {
	component injector.Component
	address   string
	// deaf: nothing answers at its address.
	deaf bool

	mu   sync.Mutex
	held certificates
}

func (p *pod) holds() certificates {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

func (p *pod) reads(held certificates) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
}

func (p *pod) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	held := p.holds()
	pair, err := pairOf(held.leaf)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}
	switch p.component {
	case injector.ComponentOperator:
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, roots(held.ca)
	case injector.ComponentMetricsAPIServer:
		c.ClientAuth, c.ClientCAs = tls.RequestClientCert, roots(held.ca)
	}
	return c, nil
}

// fleet is KEDA in a namespace: its Deployments, and pods behind addresses that no
// network has.
type fleet struct {
	*keda
	pods  []*pod
	under sync.WaitGroup
	// apiServer is what the API server verifies with.
	apiServer injector.Bundle
}

var services = map[injector.Component]string{
	injector.ComponentOperator:          "keda-operator",
	injector.ComponentMetricsAPIServer:  "keda-metrics-apiserver",
	injector.ComponentAdmissionWebhooks: "keda-admission-webhooks",
}

// newFleet is a namespace with two pods each of an installation of a version of
// KEDA, which has the APIService and the ValidatingWebhookConfiguration.
func newFleet(ctx context.Context, version string, annotations map[string]string) *fleet {
	GinkgoHelper()
	f := &fleet{keda: newKEDA(ctx, annotations)}
	f.patient, f.dial = DefaultConvergenceTimeout, f.dialPod
	f.restart()
	DeferCleanup(f.under.Wait)
	f.deployment(ctx, "keda-operator", "/keda", "keda:"+version, "--enable-cert-rotation=false")
	f.deployment(ctx, "keda-metrics-apiserver", "/keda-adapter", "keda-metrics-apiserver:"+version)
	f.deployment(ctx, "keda-admission", "/keda-admission-webhooks", "keda-admission-webhooks:"+version)
	n := 0
	for _, component := range []injector.Component{injector.ComponentOperator, injector.ComponentMetricsAPIServer, injector.ComponentAdmissionWebhooks} {
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: f.namespace, Name: services[component], Labels: map[string]string{discoveryv1.LabelServiceName: services[component]}},
			AddressType: discoveryv1.AddressTypeIPv4,
		}
		for range 2 {
			n++
			p := &pod{component: component, address: fmt.Sprintf("192.0.2.%d", n)}
			f.pods = append(f.pods, p)
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{p.address}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: fmt.Sprintf("pod-%d", n)},
			})
		}
		Expect(f.client.Create(ctx, slice)).To(Succeed())
	}
	uncalled(ctx, f.client)
	for _, caller := range callers(f.namespace) {
		Expect(f.client.Create(ctx, caller)).To(Succeed())
	}
	DeferCleanup(uncalled, f.client)
	return f
}

func (f *fleet) deployment(ctx context.Context, name, command, image string, args ...string) {
	GinkgoHelper()
	labels := map[string]string{"app": name}
	Expect(f.client.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       mounting(corev1.Container{Name: name, Image: "ghcr.io/kedacore/" + image, Command: []string{command}, Args: args}),
			},
		},
	})).To(Succeed())
}

// callers are what the API server is told, of which a cluster has one each.
func callers(namespace string) []client.Object {
	return []client.Object{
		&apiregistrationv1.APIService{
			ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAAPIService},
			Spec: apiregistrationv1.APIServiceSpec{
				Group: "external.metrics.k8s.io", Version: "v1beta1", GroupPriorityMinimum: 100, VersionPriority: 100,
				Service: &apiregistrationv1.ServiceReference{Namespace: namespace, Name: services[injector.ComponentMetricsAPIServer]},
			},
		},
		&admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAValidatingWebhook},
			Webhooks: []admissionregistrationv1.ValidatingWebhook{{
				Name: "vscaledobject.kb.io", AdmissionReviewVersions: []string{"v1"},
				SideEffects: new(admissionregistrationv1.SideEffectClassNone), FailurePolicy: new(admissionregistrationv1.Ignore),
				ClientConfig: admissionregistrationv1.WebhookClientConfig{
					Service: &admissionregistrationv1.ServiceReference{Namespace: namespace, Name: services[injector.ComponentAdmissionWebhooks]},
				},
			}},
		},
	}
}

// uncalled takes the callers away again, if they are there.
func uncalled(ctx context.Context, cluster client.Client) {
	GinkgoHelper()
	for _, caller := range callers("") {
		Expect(client.IgnoreNotFound(cluster.Delete(ctx, caller))).To(Succeed())
	}
}

// dialPod is a Dialer: the other end of what it returns is a pod's.
func (f *fleet) dialPod(_ context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, p := range f.pods {
		if p.address != host || p.deaf {
			continue
		}
		ours, theirs := net.Pipe()
		f.under.Go(func() {
			// Whoever only looks ends it without a word.
			_ = tls.Server(theirs, &tls.Config{GetConfigForClient: p.config, MinVersion: tls.VersionTLS13}).Handshake()
			_ = theirs.Close()
		})
		return ours, nil
	}
	return nil, errors.New("no route to host")
}

// carry fills the caBundles, as other controllers do.
func (f *fleet) carry(ctx context.Context) {
	GinkgoHelper()
	state := f.state(ctx)
	api, vwc := &apiregistrationv1.APIService{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}
	Expect(f.client.Get(ctx, client.ObjectKey{Name: injector.KEDAAPIService}, api)).To(Succeed())
	Expect(f.client.Get(ctx, client.ObjectKey{Name: injector.KEDAValidatingWebhook}, vwc)).To(Succeed())
	if bytes.Equal(api.Spec.CABundle, state.CABundle) {
		return
	}
	api.Spec.CABundle, vwc.Webhooks[0].ClientConfig.CABundle = state.CABundle, state.CABundle
	Expect(f.client.Update(ctx, api)).To(Succeed())
	Expect(f.client.Update(ctx, vwc)).To(Succeed())
	ca, err := injector.ParseBundle(state.CABundle)
	Expect(err).NotTo(HaveOccurred())
	f.apiServer = ca
}

// mounted is what the published Secret holds.
func (f *fleet) mounted(ctx context.Context) certificates {
	GinkgoHelper()
	data := f.publishedSecret(ctx)
	leaf, err := injector.ParseLeaf(data["tls.crt"], data["tls.key"])
	Expect(err).NotTo(HaveOccurred())
	ca, err := injector.ParseBundle(data["ca.crt"])
	Expect(err).NotTo(HaveOccurred())
	return certificates{leaf, ca}
}

// sync has pods read the Secret, as the kubelet makes them.
func (f *fleet) sync(ctx context.Context, pods ...*pod) {
	GinkgoHelper()
	held := f.mounted(ctx)
	for _, p := range pods {
		p.reads(held)
	}
}

// behind are the pods that have not read what is published.
func (f *fleet) behind(ctx context.Context) []*pod {
	GinkgoHelper()
	held := f.mounted(ctx)
	var out []*pod
	for _, p := range f.pods {
		if !p.holds().equal(held) {
			out = append(out, p)
		}
	}
	return out
}

// comesAfter has some of these pods read what is published, one by one, and shakes
// hands along every edge after each.
func (f *fleet) comesAfter(ctx context.Context, behind []*pod) {
	GinkgoHelper()
	held := f.mounted(ctx)
	for _, p := range behind[:min(len(behind), 4)] {
		p.reads(held)
		f.verifies("after " + p.address + " came after")
	}
}

// verifies shakes hands along every edge, with every pod.
func (f *fleet) verifies(at string) {
	GinkgoHelper()
	of := func(component injector.Component) (out []*pod) {
		for _, p := range f.pods {
			if p.component == component {
				out = append(out, p)
			}
		}
		return out
	}
	for _, server := range append(of(injector.ComponentMetricsAPIServer), of(injector.ComponentAdmissionWebhooks)...) {
		name := services[server.component] + "." + f.namespace + ".svc"
		Expect(handshake(server.holds(), certificates{ca: f.apiServer}, name)).To(Succeed(), "%s: API server to %s", at, server.component)
	}
	for _, caller := range of(injector.ComponentMetricsAPIServer) {
		for _, server := range of(injector.ComponentOperator) {
			name := "keda-operator." + f.namespace + ".svc.cluster.local"
			Expect(handshake(server.holds(), caller.holds(), name)).To(Succeed(), "%s: metrics-apiserver to operator", at)
		}
	}
}

// installed publishes the first certificate, until all is at rest.
func (f *fleet) installed(ctx context.Context) {
	GinkgoHelper()
	f.reconcile(ctx)
	f.carry(ctx)
	f.sync(ctx, f.pods...)
	f.verifies("installed")
	f.ahead += 2 * DefaultConvergenceTimeout
	Expect(f.reconcile(ctx).RequeueAfter).To(BeNumerically(">", time.Minute))
	f.told()
}
