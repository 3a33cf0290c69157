package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// installed is one of keda-trust, in a namespace of its own, for one KEDA.
type installed struct {
	client     client.Client
	kubeconfig []byte
	own, keda  string
}

// TestWebhookFlags starts real processes beside a real API server.
func TestWebhookFlags(t *testing.T) {
	environment := clustertest.Start(t)
	admin, err := client.New(environment.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(*testing.T, installed){
		"serving-hosts are on the certificate":                     hostsAreOnTheCertificate,
		"leader-elect lets one publish, and the next one go on":    oneLeaderPublishes,
		"leader-elect=false publishes without a Lease":             withoutElectionThereIsNoLease,
		"metrics and health probes are where the addresses say":    pagesAreWhereTheAddressesSay,
		"metrics-bind-address=0 and health-probe-...=0 serve none": withoutAddressesNothingElseListens,
	} {
		t.Run(name, func(t *testing.T) { test(t, newInstallation(t, admin, environment.KubeConfig)) })
	}
}

func newInstallation(t *testing.T, admin client.Client, kubeconfig []byte) installed {
	t.Helper()
	own := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keda-trust-"}}
	keda := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "keda-", Labels: map[string]string{injector.LabelInject: string(injector.ModeEnabled)},
		Annotations: map[string]string{injector.AnnotationCertificate: "keda", injector.AnnotationCustomCA: "configmap/corp"},
	}}
	create(t, admin, own, keda)
	i := installed{client: admin, kubeconfig: kubeconfig, own: own.Name, keda: keda.Name}
	configuration := clustertest.WebhookConfiguration(t, "https://127.0.0.1:1")
	configuration.Name = i.own
	create(t, admin, configuration, i.roots("corp", certtest.NewCA(t, "Corp")))
	t.Cleanup(func() {
		if err := admin.Delete(context.WithoutCancel(t.Context()), configuration); err != nil {
			t.Error(err)
		}
	})
	return i
}

func create(t *testing.T, admin client.Client, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

func (i installed) roots(name string, ca certtest.CA) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: i.keda, Name: name}, Data: map[string]string{"ca.crt": string(ca.CertPEM)}}
}

// state is the text of what is published, empty where nothing is.
func (i installed) state(ctx context.Context) string {
	published := &corev1.ConfigMap{}
	if i.client.Get(ctx, client.ObjectKey{Namespace: i.keda, Name: injector.StateConfigMap}, published) != nil {
		return ""
	}
	return published.Data[injector.StateKey]
}

// holder is who holds the Lease, empty where there is none.
func (i installed) holder(ctx context.Context) string {
	if identity := i.lease(ctx).HolderIdentity; identity != nil {
		return *identity
	}
	return ""
}

// lease is empty where there is none.
func (i installed) lease(ctx context.Context) coordinationv1.LeaseSpec {
	lease := &coordinationv1.Lease{}
	if i.client.Get(ctx, client.ObjectKey{Namespace: i.own, Name: injector.LeaderElectionID}, lease) != nil {
		return coordinationv1.LeaseSpec{}
	}
	return lease.Spec
}

func hostsAreOnTheCertificate(t *testing.T, i installed) {
	p := i.start(t, "--serving-hosts=127.0.0.1,keda-trust.example.com")
	for _, name := range []string{"127.0.0.1", "keda-trust.example.com", injector.ServiceName + "." + i.own + ".svc"} {
		eventually(t, "a handshake under "+name, func(context.Context) bool { return i.handshake(t, p, name) == nil })
	}
	err := i.handshake(t, p, "another.example.com")
	if other := (x509.HostnameError{}); !errors.As(err, &other) {
		t.Errorf("a handshake under another name: %v, want that the certificate is not for it", err)
	}
}

// startTwo starts two processes and returns them once one has published and both
// are ready.
func (i installed) startTwo(t *testing.T, flags ...string) (leader, other *process) {
	t.Helper()
	leader, other = i.start(t, flags...), i.start(t, flags...)
	eventually(t, "one of two publishing", func(ctx context.Context) bool {
		if other.publications(ctx) != "" {
			leader, other = other, leader
		}
		return leader.publications(ctx) != ""
	})
	for _, p := range []*process{leader, other} {
		eventually(t, "both being ready", func(ctx context.Context) bool {
			status, _ := get(ctx, p.health, "/readyz")
			return status == http.StatusOK
		})
	}
	return leader, other
}

func oneLeaderPublishes(t *testing.T, i installed) {
	leader, other := i.startTwo(t)
	if published := other.publications(t.Context()); published != "" {
		t.Errorf("both published: %s", published)
	}
	holder, before := i.holder(t.Context()), i.state(t.Context())
	if holder == "" || before == "" {
		t.Fatalf("holder of the Lease %q, state %q: want both", holder, before)
	}
	leader.stop(t)
	if err := i.client.Update(t.Context(), i.roots("corp", certtest.NewCA(t, "Next"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other one following the change", func(ctx context.Context) bool {
		return i.state(ctx) != before && other.publications(ctx) != ""
	})
	if next := i.holder(t.Context()); next == holder || next == "" {
		t.Errorf("the Lease is held by %q, which is gone: want the other one", next)
	}
}

func withoutElectionThereIsNoLease(t *testing.T, i installed) {
	p := i.start(t, "--leader-elect=false")
	eventually(t, "publishing", func(ctx context.Context) bool { return i.state(ctx) != "" && p.publications(ctx) != "" })
	leases := &coordinationv1.LeaseList{}
	if err := i.client.List(t.Context(), leases, client.InNamespace(i.own)); err != nil {
		t.Fatal(err)
	}
	if len(leases.Items) > 0 {
		t.Errorf("there is Lease %s", leases.Items[0].Name)
	}
}

func pagesAreWhereTheAddressesSay(t *testing.T, i installed) {
	p := i.start(t)
	for _, page := range []struct{ address, path, want string }{
		{p.health, "/healthz", "ok"},
		{p.health, "/readyz", "ok"},
		{p.metrics, "/metrics", "keda_trust_serving_ca_not_after_timestamp_seconds"},
	} {
		eventually(t, page.path+" at "+page.address, func(ctx context.Context) bool {
			status, body := get(ctx, page.address, page.path)
			return status == http.StatusOK && strings.Contains(body, page.want)
		})
	}
	wantListening(t, p, p.port, portOf(t, p.metrics), portOf(t, p.health))
}

func withoutAddressesNothingElseListens(t *testing.T, i installed) {
	p := i.start(t, "--metrics-bind-address=0", "--health-probe-bind-address=0")
	eventually(t, "serving", func(context.Context) bool { return i.handshake(t, p, injector.ServiceName) == nil })
	eventually(t, "publishing", func(ctx context.Context) bool { return i.state(ctx) != "" })
	wantListening(t, p, p.port)
}
