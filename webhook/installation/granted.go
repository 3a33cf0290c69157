package installation

import (
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// NotGranted says that keda-trust is installed, but not for the KEDA in namespace: the
// chart binds its Role under keda-trust's name. Nil where it is, where keda-trust is
// not installed yet, and where the account may not see that.
func NotGranted(ctx context.Context, live client.Reader, namespace string) (*injector.Finding, error) {
	configuration := &metav1.PartialObjectMetadata{}
	configuration.SetGroupVersionKind(admissionregistrationv1.SchemeGroupVersion.WithKind("MutatingWebhookConfiguration"))
	binding := &metav1.PartialObjectMetadata{}
	binding.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("RoleBinding"))
	err := live.Get(ctx, types.NamespacedName{Name: injector.WebhookConfigurationName}, configuration)
	if err == nil {
		err = live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: injector.Name}, binding)
		if apierrors.IsNotFound(err) {
			finding := injector.NamespaceNotGranted(namespace)
			return &finding, nil
		}
	}
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	return nil, fmt.Errorf("looking for keda-trust's rights in Namespace %s: %w", namespace, err)
}
