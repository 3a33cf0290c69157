package installation

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// Read gathers KEDA's components in namespace. The incoming Deployment, which may
// be nil, is laid over the one of its name in the cluster. What is wrong with the
// installation is in the findings; an error is a failure to read that may pass. Of
// the ValidatingWebhookConfiguration it knows KEDA's usual name alone, as
// keda-trust's own rights do.
func Read(ctx context.Context, live client.Reader, namespace string, incoming *appsv1.Deployment) (injector.Installation, []injector.Finding, error) {
	return read(ctx, live, namespace, incoming, func(injector.Installation) string { return injector.KEDAValidatingWebhook })
}

// ReadAsTold is Read for somebody whose rights go further: the
// ValidatingWebhookConfiguration is the one of which KEDA's operator is told.
func ReadAsTold(ctx context.Context, live client.Reader, namespace string) (injector.Installation, []injector.Finding, error) {
	return read(ctx, live, namespace, nil, injector.Installation.ValidatingWebhookName)
}

func read(ctx context.Context, live client.Reader, namespace string, incoming *appsv1.Deployment,
	validatingWebhook func(injector.Installation) string,
) (injector.Installation, []injector.Finding, error) {
	list, err := deployments(ctx, live, namespace)
	if err != nil {
		return injector.Installation{}, nil, err
	}
	all := overlaid(list.Items, incoming)
	api := &apiregistrationv1.APIService{}
	if err := optional(ctx, live, injector.KEDAAPIService, api); err != nil {
		return injector.Installation{}, nil, fmt.Errorf("reading APIService %s: %w", injector.KEDAAPIService, err)
	}
	components, _ := injector.NewInstallation(namespace, all, nil, nil)
	name, vwc := validatingWebhook(components), &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := optional(ctx, live, name, vwc); err != nil {
		return injector.Installation{}, nil, fmt.Errorf("reading ValidatingWebhookConfiguration %s: %w", name, err)
	}
	installation, findings := injector.NewInstallation(namespace, all, api, vwc)
	return installation, findings, nil
}

// Components is Read of the Deployments alone.
func Components(ctx context.Context, live client.Reader, namespace string) (injector.Installation, error) {
	list, err := deployments(ctx, live, namespace)
	if err != nil {
		return injector.Installation{}, err
	}
	installation, _ := injector.NewInstallation(namespace, overlaid(list.Items, nil), nil, nil)
	return installation, nil
}

func deployments(ctx context.Context, live client.Reader, namespace string) (*appsv1.DeploymentList, error) {
	list := &appsv1.DeploymentList{}
	if err := live.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing Deployments in Namespace %s: %w", namespace, err)
	}
	return list, nil
}

// optional leaves object empty where it does not exist; an empty one points to
// no Service and so does not count.
func optional(ctx context.Context, live client.Reader, name string, object client.Object) error {
	return client.IgnoreNotFound(live.Get(ctx, types.NamespacedName{Name: name}, object))
}

func overlaid(live []appsv1.Deployment, incoming *appsv1.Deployment) []*appsv1.Deployment {
	var out []*appsv1.Deployment
	for i := range live {
		if incoming == nil || live[i].Name != incoming.Name {
			out = append(out, &live[i])
		}
	}
	if incoming != nil {
		out = append(out, incoming)
	}
	return out
}

// State is what is published for the installation in namespace, nil where nothing
// is, or what is there cannot be read as a state: then it is published anew.
func State(ctx context.Context, live client.Reader, namespace string) (*injector.State, error) {
	state, _, err := StateOnTheWay(ctx, live, namespace)
	return state, err
}

// StateOnTheWay is State, and the ID of the one that it is a stage on the way to;
// empty where that was not noted.
func StateOnTheWay(ctx context.Context, live client.Reader, namespace string) (state *injector.State, target string, err error) {
	published := &corev1.ConfigMap{}
	key := types.NamespacedName{Namespace: namespace, Name: injector.StateConfigMap}
	err = live.Get(ctx, key, published)
	if apierrors.IsNotFound(err) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	state, invalid := injector.ParseState([]byte(published.Data[injector.StateKey]))
	if invalid != nil {
		return nil, "", nil
	}
	return state, published.Annotations[injector.AnnotationTarget], nil
}
