package serving

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	cmtls "github.com/cert-manager/cert-manager/pkg/server/tls"
	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/keda-trust/keda-trust/injector"
)

// Certificate is the webhook's own serving certificate in one process.
type Certificate struct {
	opts      Options
	authority *Authority
	leaf      *cmtls.DynamicSource
	readiness *readiness
}

// New returns a Certificate that does nothing before SetupWithManager. It
// reports all faults of the options at once.
func New(opts Options) (*Certificate, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, fmt.Errorf("setting up the serving certificate: %w", err)
	}
	authority := NewAuthority(opts.Clock, opts.LeafLifetime, opts.ipAddresses())
	return &Certificate{
		opts:      opts,
		authority: authority,
		leaf:      &cmtls.DynamicSource{DNSNames: opts.dnsNames(), Authority: authority},
		readiness: &readiness{},
	}, nil
}

// TLS makes cfg serve this certificate, with TLS 1.3 at least. Before the first leaf every handshake fails.
func (c *Certificate) TLS(cfg *tls.Config) {
	cfg.MinVersion = tls.VersionTLS13
	cfg.GetCertificate = c.leaf.GetCertificate
	// A resumed session would not be held against the caBundle.
	cfg.SessionTicketsDisabled = true
}

// Ready is a healthz.Checker. It is nil once a handshake with our own listener,
// under the Service's name, verified against every caBundle that is stored in the
// cluster, and stays so until Drain.
func (c *Certificate) Ready(request *http.Request) error {
	return c.readiness.check(request)
}

// Drain makes Ready fail from now on, and says whether it ever succeeded: then
// calls go on until every endpoint list lacks this process.
func (c *Certificate) Drain() (wasReady bool) {
	c.readiness.draining.Store(true)
	return c.readiness.ready.Load()
}

// SetupWithManager adds to mgr the cache of the two objects, the leaf's source
// and the two controllers. It is called once, before mgr starts.
func (c *Certificate) SetupWithManager(mgr ctrl.Manager) error {
	two, err := cluster.New(mgr.GetConfig(), func(o *cluster.Options) {
		o.Scheme = mgr.GetScheme()
		o.Logger = mgr.GetLogger()
		o.Cache.ByObject = c.cached()
		o.Client.FieldOwner = injector.Name
	})
	if err != nil {
		return fmt.Errorf("setting up the cache of the serving certificate: %w", err)
	}
	s := store{client: two.GetClient(), opts: c.opts}
	c.readiness.store = s
	if err := c.addController(mgr, two.GetCache(), "serving-replica", false, newReplica(s, c.authority)); err != nil {
		return err
	}
	if err := c.addController(mgr, two.GetCache(), "serving-leader", true, newLeader(s, c.authority)); err != nil {
		return err
	}
	if err := mgr.Add(two); err != nil {
		return fmt.Errorf("adding the cache of the serving certificate: %w", err)
	}
	if err := mgr.Add(leafSource{c.leaf, mgr.GetLogger().WithName("serving")}); err != nil {
		return fmt.Errorf("adding the source of the serving leaf: %w", err)
	}
	return nil
}

// cached limits the cache to the two objects, by a selector that an authorizer
// understands as their names.
func (c *Certificate) cached() map[client.Object]cache.ByObject {
	name := func(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }
	return map[client.Object]cache.ByObject{
		&corev1.Secret{}: {
			Namespaces: map[string]cache.Config{c.opts.Namespace: {FieldSelector: name(c.opts.SecretName)}},
		},
		&admissionregistrationv1.MutatingWebhookConfiguration{}: {Field: name(c.opts.ConfigurationName)},
	}
}

func (c *Certificate) addController(mgr ctrl.Manager, objects cache.Cache, name string, elected bool, r reconcile.Reconciler) error {
	only := reconcile.Request{NamespacedName: c.opts.secretKey()}
	err := ctrl.NewControllerManagedBy(mgr).Named(name).
		WithOptions(controller.Options{
			NeedLeaderElection: &elected,
			// The default waits up to a quarter of an hour, for an object that all
			// of admission hangs on.
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, 5*time.Second),
		}).
		WatchesRawSource(source.Kind(objects, &corev1.Secret{}, always[*corev1.Secret](only))).
		WatchesRawSource(source.Kind(objects, &admissionregistrationv1.MutatingWebhookConfiguration{},
			always[*admissionregistrationv1.MutatingWebhookConfiguration](only))).
		WatchesRawSource(source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
			queue.Add(only) // where neither object exists there is no event
			return nil
		})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("adding controller %s: %w", name, err)
	}
	return nil
}

// always asks for the one request there is, whatever the event.
func always[T client.Object](only reconcile.Request) handler.TypedEventHandler[T, reconcile.Request] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(context.Context, T) []reconcile.Request {
		return []reconcile.Request{only}
	})
}

// leafSource runs the DynamicSource in every process. What it calls information
// is detail here; its errors stay errors.
type leafSource struct {
	*cmtls.DynamicSource
	log logr.Logger
}

func (s leafSource) Start(ctx context.Context) error {
	return s.DynamicSource.Start(logr.NewContext(ctx, s.log.V(1)))
}
