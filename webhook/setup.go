package webhook

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/cabundle"
	"github.com/keda-trust/keda-trust/webhook/rollout"
	"github.com/keda-trust/keda-trust/webhook/serving"
	"github.com/keda-trust/keda-trust/webhook/trust"
)

// manager has caches of Namespaces and of single objects by name, and never of
// Secrets or ConfigMaps. Nor is anything of KEDA's namespaces in them: a manager
// ends where one of its caches cannot sync, as one would whose Role is missing.
func (o Options) manager(scheme *runtime.Scheme) ctrl.Options {
	uncached := []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
	options := ctrl.Options{
		Scheme:                 scheme,
		Cache:                  cached(),
		Client:                 client.Options{FieldOwner: injector.Name, Cache: &client.CacheOptions{DisableFor: uncached}},
		Metrics:                metricsserver.Options{BindAddress: "0"}, // see pages
		HealthProbeBindAddress: "0",
	}
	o.elect(&options)
	return options
}

// newScheme has only what is read and written: all of client-go's kinds would
// take a megabyte.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, admissionregistrationv1.AddToScheme, apiregistrationv1.AddToScheme,
		discoveryv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	return scheme, nil
}

func cached() cache.Options {
	named := func(name string) cache.ByObject {
		return cache.ByObject{Field: fields.OneTermEqualSelector("metadata.name", name)}
	}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&apiregistrationv1.APIService{}:                           named(injector.KEDAAPIService),
			&admissionregistrationv1.ValidatingWebhookConfiguration{}: named(injector.KEDAValidatingWebhook),
		},
	}
}

// AddToManager adds everything that keda-trust runs in a cluster, but for the
// server that it returns, which outlives the manager. ctx is for the adding
// alone.
func AddToManager(ctx context.Context, mgr ctrl.Manager, o Options) (*Server, error) {
	namespaces, err := mgr.GetCache().GetInformer(ctx, &corev1.Namespace{})
	if err != nil {
		return nil, fmt.Errorf("setting up the cache of Namespaces: %w", err)
	}
	certificate, err := serving.New(o.serving())
	if err != nil {
		return nil, err
	}
	if err := certificate.SetupWithManager(mgr); err != nil {
		return nil, err
	}
	if err := trust.SetupWithManager(mgr, trust.Options{Namespaces: o.KEDANamespaces, ConvergenceTimeout: o.ConvergenceTimeout, Now: o.Now}); err != nil {
		return nil, err
	}
	if err := cabundle.SetupWithManager(mgr, cabundle.Options{Namespaces: o.KEDANamespaces, Now: o.Now}); err != nil {
		return nil, err
	}
	if err := rollout.SetupWithManager(mgr, rollout.Options{Namespaces: o.KEDANamespaces, Now: o.Now}); err != nil {
		return nil, err
	}
	published, err := newStates(ctx, mgr, o.KEDANamespaces)
	if err != nil {
		return nil, err
	}
	if err := mgr.Add(roundTrip{mgr.GetClient(), o.Serving.Namespace, mgr.GetLogger().WithName("probe")}); err != nil {
		return nil, fmt.Errorf("adding the probe: %w", err)
	}
	answers := handler{
		namespaces: fresh{cached: mgr.GetCache(), live: mgr.GetAPIReader(), informer: namespaces},
		live:       mgr.GetAPIReader(),
		states:     published,
		resolver:   trust.Reader{Live: mgr.GetAPIReader(), Now: o.Now},
	}
	return newServer(o, certificate, answers, mgr.GetLogger().WithName("admission"))
}
