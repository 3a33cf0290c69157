package cabundle

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

var (
	config *rest.Config
	direct client.WithWatch
)

func TestCABundle(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "From the published state to KEDA's webhooks")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	config = clustertest.Start(GinkgoTB()).Config
	direct = clientOf(config)
})

func clientOf(c *rest.Config) client.WithWatch {
	GinkgoHelper()
	made, err := client.NewWithWatch(c, client.Options{Scheme: clientgoscheme.Scheme})
	Expect(err).NotTo(HaveOccurred())
	return made
}

// as is a client of another program, by its field manager.
func as(manager string) client.Client { return client.WithFieldOwner(direct, manager) }

// wire notes what a client writes.
type wire struct {
	mu     sync.Mutex
	bodies []string
	next   http.RoundTripper
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		return w.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	w.bodies = append(w.bodies, request.Method+" "+request.Header.Get("Content-Type")+" "+string(body))
	w.mu.Unlock()
	return w.next.RoundTrip(request)
}

// since empties what was noted.
func (w *wire) since() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.bodies
	w.bodies = nil
	return all
}

// keda is a namespace of its own, with a reconciler that is called directly and
// a clock that stands.
type keda struct {
	namespace string
	now       time.Time
	wire      *wire
	events    chan string
	reconcile func(context.Context) (ctrl.Result, error)
}

// newKEDA is a namespace that is enabled, and KEDA's webhooks, without a caBundle.
func newKEDA(ctx context.Context) *keda {
	GinkgoHelper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "keda-", Labels: map[string]string{injector.LabelInject: "enabled"}}}
	Expect(direct.Create(ctx, ns)).To(Succeed())
	k := &keda{namespace: ns.Name, now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	k.restart(ns.Name)
	Expect(as("helm").Create(ctx, k.manifest())).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.IgnoreNotFound(direct.Delete(ctx, k.manifest()))).To(Succeed())
	})
	return k
}

// restart is another leader, which remembers nothing.
func (k *keda) restart(granted ...string) {
	GinkgoHelper()
	noted := rest.CopyConfig(config)
	k.wire = &wire{}
	noted.Wrap(func(next http.RoundTripper) http.RoundTripper { k.wire.next = next; return k.wire })
	k.use(clientOf(noted), granted...)
}

func (k *keda) use(cluster client.Client, granted ...string) {
	recorder := events.NewFakeRecorder(1000)
	k.events = recorder.Events
	r := NewReconciler(cluster, direct, recorder, Options{Namespaces: granted, Now: func() time.Time { return k.now }})
	k.reconcile = func(ctx context.Context) (ctrl.Result, error) { return r.Reconcile(ctx, watch.Request(k.namespace)) }
}

// look reconciles once, and returns when to look again.
func (k *keda) look(ctx context.Context) time.Duration {
	GinkgoHelper()
	result, err := k.reconcile(ctx)
	Expect(err).NotTo(HaveOccurred())
	return result.RequeueAfter
}

// told empties what was told.
func (k *keda) told() []string {
	var out []string
	for {
		select {
		case event := <-k.events:
			out = append(out, event)
		default:
			return out
		}
	}
}

var hooks = []string{"vscaledobject.kb.io", "vscaledjob.kb.io"}

// manifest is KEDA's, as it is released: no caBundle.
func (k *keda) manifest() *admissionregistrationv1.ValidatingWebhookConfiguration {
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: injector.KEDAValidatingWebhook}}
	v.SetGroupVersionKind(kind)
	for _, name := range hooks {
		v.Webhooks = append(v.Webhooks, k.hook(name))
	}
	return v
}

func (k *keda) hook(name string) admissionregistrationv1.ValidatingWebhook {
	return admissionregistrationv1.ValidatingWebhook{
		Name: name, AdmissionReviewVersions: []string{"v1"},
		SideEffects:   new(admissionregistrationv1.SideEffectClassNone),
		FailurePolicy: new(admissionregistrationv1.Ignore),
		ClientConfig: admissionregistrationv1.WebhookClientConfig{
			Service: &admissionregistrationv1.ServiceReference{Namespace: k.namespace, Name: "keda-admission-webhooks", Path: new("/" + name)},
		},
	}
}

func (k *keda) stored(ctx context.Context) *admissionregistrationv1.ValidatingWebhookConfiguration {
	GinkgoHelper()
	v := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: injector.KEDAValidatingWebhook}, v)).To(Succeed())
	return v
}

// bundles are the caBundles in the order of the webhooks.
func (k *keda) bundles(ctx context.Context) []string {
	GinkgoHelper()
	var out []string
	for _, webhook := range k.stored(ctx).Webhooks {
		out = append(out, string(webhook.ClientConfig.CABundle))
	}
	return out
}

// edit reads the object and writes it back as another program does, by PUT.
func (k *keda) edit(ctx context.Context, manager string, change func(*admissionregistrationv1.ValidatingWebhookConfiguration)) {
	GinkgoHelper()
	v := k.stored(ctx)
	change(v)
	Expect(as(manager).Update(ctx, v)).To(Succeed())
}

// rebundle is what KEDA's own rotation does: every caBundle, again and again.
func (k *keda) rebundle(ctx context.Context, manager string, pem []byte) {
	GinkgoHelper()
	k.edit(ctx, manager, func(v *admissionregistrationv1.ValidatingWebhookConfiguration) {
		for i := range v.Webhooks {
			v.Webhooks[i].ClientConfig.CABundle = pem
		}
	})
}

// publish is what the leader's other controller does.
func (k *keda) publish(ctx context.Context, state injector.State) injector.State {
	GinkgoHelper()
	Expect(state.Seal()).To(Succeed())
	object, err := state.Object(k.namespace)
	Expect(err).NotTo(HaveOccurred())
	err = direct.Create(ctx, object)
	if apierrors.IsAlreadyExists(err) {
		err = direct.Update(ctx, object)
	}
	Expect(err).NotTo(HaveOccurred())
	return state
}

func (k *keda) publishCA(ctx context.Context, cas ...certtest.CA) injector.State {
	GinkgoHelper()
	var pem []byte
	for _, ca := range cas {
		pem = append(pem, ca.CertPEM...)
	}
	return k.publish(ctx, injector.State{CertificateSecret: injector.PublishedSecret, CABundle: pem})
}

func (k *keda) label(ctx context.Context, value string) {
	GinkgoHelper()
	ns := &corev1.Namespace{}
	Expect(direct.Get(ctx, client.ObjectKey{Name: k.namespace}, ns)).To(Succeed())
	delete(ns.Labels, injector.LabelInject)
	if value != "" {
		ns.Labels[injector.LabelInject] = value
	}
	Expect(direct.Update(ctx, ns)).To(Succeed())
}
