package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/endpoints"
)

// The addresses of KEDA's pods, of a range that is nobody's.
const (
	webhooksAt = "192.0.2.1:9443"
	metricsAt  = "192.0.2.2:6443"
	operatorAt = "192.0.2.3:9666"
)

// world is a KEDA whose objects are in the API server, and whose servers are in
// this process, behind the addresses of its EndpointSlices.
type world struct {
	namespace string
	ca, corp  certtest.CA
	leaf      certtest.Pair
	routes    map[string]string
	now       time.Time

	operator, metrics, webhooks *appsv1.Deployment
	api                         *apiregistrationv1.APIService
	vwc                         *admissionregistrationv1.ValidatingWebhookConfiguration
	roots                       *corev1.ConfigMap
	secret                      *corev1.Secret
}

// newWorld is one in which all edges hold, but for what change does before any of
// it is created.
func newWorld(ctx context.Context, namespace string, change ...func(*world)) *world {
	GinkgoHelper()
	t := GinkgoTB()
	w := &world{
		namespace: namespace, ca: certtest.NewCA(t, "Ours"), corp: certtest.NewCA(t, "Corp"), routes: map[string]string{}, now: certtest.Now,
		operator: &appsv1.Deployment{}, metrics: &appsv1.Deployment{}, webhooks: &appsv1.Deployment{},
		api: &apiregistrationv1.APIService{}, vwc: &admissionregistrationv1.ValidatingWebhookConfiguration{},
	}
	w.leaf = w.ca.Leaf(t, certtest.KEDANames(namespace))
	w.secret = &corev1.Secret{ObjectMeta: w.meta("keda-tls"), Data: map[string][]byte{"tls.crt": w.leaf.CertPEM, "tls.key": w.leaf.KeyPEM, "ca.crt": w.ca.CertPEM}}
	w.roots = &corev1.ConfigMap{ObjectMeta: w.meta("corp"), Data: map[string]string{"corp.pem": string(w.corp.CertPEM)}}
	w.read()
	w.serve(webhooksAt, w.config(w.leaf))
	w.serve(metricsAt, w.config(w.leaf))
	w.serve(operatorAt, w.mutual(w.leaf, w.ca))
	for _, f := range change {
		f(w)
	}
	w.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, w.secret, w.roots, w.operator, w.metrics, w.webhooks, w.api, w.vwc)
	for service, at := range map[string]string{"keda-admission-webhooks": webhooksAt, "keda-metrics-apiserver": metricsAt, "keda-operator": operatorAt} {
		host, _, err := net.SplitHostPort(at)
		Expect(err).NotTo(HaveOccurred())
		w.create(ctx, slice(namespace, service, endpoint(host, service+"-0")))
	}
	w.rolledOut(ctx)
	return w
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

func (w *world) read() {
	GinkgoHelper()
	raw, err := os.ReadFile("testdata/keda.yaml")
	Expect(err).NotTo(HaveOccurred())
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for _, into := range []any{w.operator, w.metrics, w.webhooks, w.api, w.vwc} {
		Expect(reader.Decode(into)).To(Succeed())
	}
	w.operator.Namespace, w.metrics.Namespace, w.webhooks.Namespace = w.namespace, w.namespace, w.namespace
	w.api.Spec.Service.Namespace, w.api.Spec.CABundle = w.namespace, w.ca.CertPEM
	for i := range w.vwc.Webhooks {
		config := &w.vwc.Webhooks[i].ClientConfig
		config.Service.Namespace, config.CABundle = w.namespace, w.ca.CertPEM
	}
}

func (w *world) create(ctx context.Context, objects ...client.Object) {
	GinkgoHelper()
	for _, object := range objects {
		Expect(client.IgnoreAlreadyExists(direct.Create(ctx, object))).To(Succeed())
		if _, isNamespace := object.(*corev1.Namespace); !isNamespace { // which nobody here would finish deleting
			DeferCleanup(func(ctx context.Context) { Expect(client.IgnoreNotFound(direct.Delete(ctx, object))).To(Succeed()) })
		}
	}
}

// ask gives the Namespace the label, or takes it away where mode is empty, and annotations.
func (w *world) ask(ctx context.Context, mode string, annotations map[string]string) {
	GinkgoHelper()
	ns := &corev1.Namespace{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: w.namespace}, ns)).To(Succeed())
	delete(ns.Labels, injector.LabelInject)
	if mode != "" {
		ns.Labels[injector.LabelInject] = mode
	}
	ns.Annotations = annotations
	Expect(direct.Update(ctx, ns)).To(Succeed())
}

// customCA is all that the operator mounts for its scalers.
func (w *world) customCA(source corev1.VolumeProjection) {
	volumes := w.operator.Spec.Template.Spec.Volumes
	volumes[len(volumes)-1].Projected.Sources = []corev1.VolumeProjection{source}
}

// rolledOut is what Deployments say whose pods are all of the newest template.
func (w *world) rolledOut(ctx context.Context) {
	GinkgoHelper()
	w.operator.Status = appsv1.DeploymentStatus{ObservedGeneration: w.operator.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	Expect(direct.Status().Update(ctx, w.operator)).To(Succeed())
}

func slice(namespace, service string, all ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: namespace, Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: all,
	}
}

func endpoint(host, pod string) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{host}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod}}
}

// config is that of a server of HTTPS.
func (w *world) config(leaf certtest.Pair) *tls.Config {
	GinkgoHelper()
	pair, err := tls.X509KeyPair(leaf.CertPEM, leaf.KeyPEM)
	Expect(err).NotTo(HaveOccurred())
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
}

// mutual is that of the operator's gRPC.
func (w *world) mutual(leaf certtest.Pair, accepts certtest.CA) *tls.Config {
	GinkgoHelper()
	c := w.config(leaf)
	c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	c.ClientCAs.AddCert(accepts.Cert)
	return c
}

// serve puts a server behind an address, in the place of the one before.
func (w *world) serve(at string, c *tls.Config) {
	GinkgoHelper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c)
	Expect(err).NotTo(HaveOccurred())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			_ = connection.(*tls.Conn).HandshakeContext(context.Background()) // the client may be gone
			_ = connection.Close()
		}
	}()
	DeferCleanup(func() {
		Expect(listener.Close()).To(Succeed())
		<-done
	})
	w.routes[at] = listener.Addr().String()
}

// refuse has nobody listen.
func (w *world) refuse(at string) {
	GinkgoHelper()
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	Expect(listener.Close()).To(Succeed())
	w.routes[at] = listener.Addr().String()
}

// blocked has no way lead to any pod.
func (w *world) blocked() { clear(w.routes) }

func (w *world) way(_ string, e endpoints.Endpoint) endpoints.Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		to, known := w.routes[address]
		if e.Server.Service == "" {
			to, known = address, true
		}
		if !known {
			return nil, errors.New("no route to host")
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
}

func (w *world) checkAs(ctx context.Context, as client.Client) Answer {
	GinkgoHelper()
	report, err := Looker{Live: as, Ways: []Way{w.way}, Now: func() time.Time { return w.now }}.Check(ctx, w.namespace)
	Expect(err).NotTo(HaveOccurred())
	return report
}

func (w *world) check(ctx context.Context) Answer {
	GinkgoHelper()
	return w.checkAs(ctx, direct)
}

// edge is one of a report.
func edge(r Answer, name string) Edge {
	GinkgoHelper()
	for _, e := range r.Edges {
		if e.Name == name {
			return e
		}
	}
	Fail("there is no edge " + name)
	return Edge{}
}

// problems of an edge and its sides.
func problems(e Edge) []Problem {
	all := e.Problems
	for _, s := range e.Sides {
		all = append(all, s.Problems...)
	}
	return all
}

// reasons of those that are not warnings.
func reasons(e Edge) []injector.Reason {
	var out []injector.Reason
	for _, p := range problems(e) {
		if p.Verdict != Warning {
			out = append(out, p.Reason)
		}
	}
	return out
}
