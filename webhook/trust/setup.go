package trust

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/workqueue"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/keda-trust/keda-trust/injector"
)

// SetupWithManager adds the controller to a manager whose scheme knows the
// built-in kinds and APIService, and whose cache holds Namespaces, and KEDA's
// APIService and ValidatingWebhookConfiguration. It runs at the leader only.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	metadataClient, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("setting up the client of sources: %w", err)
	}
	r := NewReconciler(mgr.GetAPIReader(), mgr.GetClient(), mgr.GetEventRecorder(injector.Name), o)
	r.watch = newSourceWatch(metadataClient)
	err = ctrl.NewControllerManagedBy(mgr).
		Named("trust").
		WithOptions(controller.Options{
			// Whoever comes to lead has synced what it watches, and begins at once.
			EnableWarmup:          new(true),
			ReconciliationTimeout: reconcileTimeout,
			RateLimiter:           workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, longestRetry),
		}).
		For(&corev1.Namespace{}, builder.WithPredicates(r.namespaces())).
		Watches(&apiregistrationv1.APIService{}, handler.EnqueueRequestsFromMapFunc(behindAPIService)).
		Watches(&admissionregistrationv1.ValidatingWebhookConfiguration{}, handler.EnqueueRequestsFromMapFunc(behindWebhooks)).
		WatchesRawSource(source.Func(r.watch.Start)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller trust: %w", err)
	}
	// A manager waits for what was added to it, and so for the informers.
	ended := manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		r.watch.Wait()
		return nil
	})
	if err := mgr.Add(ended); err != nil {
		return fmt.Errorf("adding the watches of sources: %w", err)
	}
	return nil
}

// namespaces lets through those that are labelled, that were, and those granted:
// a label may have been removed while nobody looked.
func (r *Reconciler) namespaces() predicate.Predicate {
	concerns := func(object client.Object) bool {
		_, labelled := object.GetLabels()[injector.LabelInject]
		return labelled || r.granted(object.GetName())
	}
	changed := predicate.Or(predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return concerns(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return (concerns(e.ObjectOld) || concerns(e.ObjectNew)) && changed.Update(e)
		},
	}
}

func behindAPIService(_ context.Context, object client.Object) []reconcile.Request {
	api, ok := object.(*apiregistrationv1.APIService)
	if !ok || api.Name != injector.KEDAAPIService || api.Spec.Service == nil {
		return nil
	}
	return []reconcile.Request{request(api.Spec.Service.Namespace)}
}

func behindWebhooks(_ context.Context, object client.Object) []reconcile.Request {
	vwc, ok := object.(*admissionregistrationv1.ValidatingWebhookConfiguration)
	if !ok || vwc.Name != injector.KEDAValidatingWebhook {
		return nil
	}
	var requests []reconcile.Request
	for _, webhook := range vwc.Webhooks {
		if service := webhook.ClientConfig.Service; service != nil {
			requests = append(requests, request(service.Namespace))
		}
	}
	return requests
}

func request(namespace string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: namespace}}
}
