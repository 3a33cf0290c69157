package installation

import (
	"cmp"
	"context"
	"fmt"
	"sync"

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
	list := &appsv1.DeploymentList{}
	api := &apiregistrationv1.APIService{}
	vwc := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	var unlisted, noAPIService, noWebhook error
	var reads sync.WaitGroup // side by side, for a change waits for them
	reads.Go(func() { unlisted = deployments(ctx, live, namespace, list) })
	reads.Go(func() { noAPIService = apiService(ctx, live, api) })
	reads.Go(func() { noWebhook = validatingWebhook(ctx, live, injector.KEDAValidatingWebhook, vwc) })
	reads.Wait()
	// Of several the same one each time, or who is told of it is told again and again.
	if err := cmp.Or(unlisted, noAPIService, noWebhook); err != nil {
		return injector.Installation{}, nil, err
	}
	installation, findings := injector.NewInstallation(namespace, overlaid(list.Items, incoming), api, vwc)
	return installation, findings, nil
}

// ReadAsTold is Read for somebody whose rights go further: the
// ValidatingWebhookConfiguration is the one of which KEDA's operator is told.
func ReadAsTold(ctx context.Context, live client.Reader, namespace string) (injector.Installation, []injector.Finding, error) {
	list := &appsv1.DeploymentList{}
	if err := deployments(ctx, live, namespace, list); err != nil {
		return injector.Installation{}, nil, err
	}
	api := &apiregistrationv1.APIService{}
	if err := apiService(ctx, live, api); err != nil {
		return injector.Installation{}, nil, err
	}
	all := overlaid(list.Items, nil)
	components, _ := injector.NewInstallation(namespace, all, nil, nil)
	vwc := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := validatingWebhook(ctx, live, components.ValidatingWebhookName(), vwc); err != nil {
		return injector.Installation{}, nil, err
	}
	installation, findings := injector.NewInstallation(namespace, all, api, vwc)
	return installation, findings, nil
}

// Components is Read of the Deployments alone.
func Components(ctx context.Context, live client.Reader, namespace string) (injector.Installation, error) {
	list := &appsv1.DeploymentList{}
	if err := deployments(ctx, live, namespace, list); err != nil {
		return injector.Installation{}, err
	}
	installation, _ := injector.NewInstallation(namespace, overlaid(list.Items, nil), nil, nil)
	return installation, nil
}

func deployments(ctx context.Context, live client.Reader, namespace string, list *appsv1.DeploymentList) error {
	if err := live.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("listing Deployments in Namespace %s: %w", namespace, err)
	}
	return nil
}

// apiService leaves the object empty where it does not exist; an empty one points to no
// Service and so does not count. So does validatingWebhook.
func apiService(ctx context.Context, live client.Reader, api *apiregistrationv1.APIService) error {
	err := live.Get(ctx, types.NamespacedName{Name: injector.KEDAAPIService}, api)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading APIService %s: %w", injector.KEDAAPIService, err)
	}
	return nil
}

func validatingWebhook(ctx context.Context, live client.Reader, name string, vwc *admissionregistrationv1.ValidatingWebhookConfiguration) error {
	err := live.Get(ctx, types.NamespacedName{Name: name}, vwc)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading ValidatingWebhookConfiguration %s: %w", name, err)
	}
	return nil
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

// Publication is what is published for an installation.
type Publication struct {
	// State is in force; nil where nothing is published, where what is there cannot be
	// read as a state, and so is published anew, and where it was left behind.
	State *injector.State
	// Target is the ID of the state that State is a stage on the way to; empty where
	// that was not noted.
	Target string
	// Left is the state that was left behind where the Namespace lost its label. It is
	// carried out by nobody, but what was injected from it may still be there.
	Left *injector.State
}

// LeadsTo says whether what is in force is a stage on the way to the state of that ID.
func (p Publication) LeadsTo(id string) bool {
	return p.State != nil && p.State.ID != id && p.Target == id
}

// Published reads what is published for the installation in namespace.
func Published(ctx context.Context, live client.Reader, namespace string) (Publication, error) {
	published := &corev1.ConfigMap{}
	key := types.NamespacedName{Namespace: namespace, Name: injector.StateConfigMap}
	err := live.Get(ctx, key, published)
	if apierrors.IsNotFound(err) {
		return Publication{}, nil
	}
	if err != nil {
		return Publication{}, fmt.Errorf("reading ConfigMap %s: %w", key, err)
	}
	state, invalid := injector.ParseState([]byte(published.Data[injector.StateKey]))
	switch {
	case invalid != nil:
		return Publication{}, nil
	case injector.Released(published.Annotations):
		return Publication{Left: state}, nil
	}
	return Publication{State: state, Target: published.Annotations[injector.AnnotationTarget]}, nil
}
