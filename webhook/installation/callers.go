package installation

import (
	"context"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/watch"
)

// BehindAPIService maps KEDA's APIService to the namespace of the KEDA that it
// calls, for handler.EnqueueRequestsFromMapFunc.
func BehindAPIService(_ context.Context, object client.Object) []reconcile.Request {
	api, ok := object.(*apiregistrationv1.APIService)
	if !ok || api.Name != injector.KEDAAPIService || api.Spec.Service == nil {
		return nil
	}
	return []reconcile.Request{watch.Request(api.Spec.Service.Namespace)}
}

// BehindWebhooks maps KEDA's ValidatingWebhookConfiguration to the namespaces that its
// webhooks call.
func BehindWebhooks(_ context.Context, object client.Object) []reconcile.Request {
	vwc, ok := object.(*admissionregistrationv1.ValidatingWebhookConfiguration)
	if !ok || vwc.Name != injector.KEDAValidatingWebhook {
		return nil
	}
	var requests []reconcile.Request
	for _, webhook := range vwc.Webhooks {
		if service := webhook.ClientConfig.Service; service != nil {
			requests = append(requests, watch.Request(service.Namespace))
		}
	}
	return requests
}
