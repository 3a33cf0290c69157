package cabundle

import (
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/installation"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// SetupWithManager adds the controller to a manager whose scheme knows the
// built-in kinds, and whose cache holds Namespaces and KEDA's
// ValidatingWebhookConfiguration. It runs at the leader only.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	metadataClient, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("setting up the client of states: %w", err)
	}
	r := NewReconciler(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder(injector.Name), o)
	r.watch = watch.New(metadataClient)
	err = ctrl.NewControllerManagedBy(mgr).
		Named("cabundle").
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 1,
			ReconciliationTimeout:   reconcileTimeout,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, longestRetry),
		}).
		For(&corev1.Namespace{}, builder.WithPredicates(watch.Namespaces(injector.LabelInject, o.granted))).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, handler.EnqueueRequestsFromMapFunc(installation.BehindWebhooks)).
		WatchesRawSource(source.Func(r.watch.Start)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller cabundle: %w", err)
	}
	if err := mgr.Add(manager.RunnableFunc(r.watch.Ended)); err != nil {
		return fmt.Errorf("adding the watches of states: %w", err)
	}
	return nil
}
