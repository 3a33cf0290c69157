package manifests_test

import (
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	own  = injector.Name
	keda = injector.DefaultKEDANamespace
)

// right is one thing that a user may or may not do: "patch" "apps/deployments".
type right struct{ verb, group, resource, namespace, name string }

func (r right) String() string {
	return fmt.Sprintf("%s %s.%s %s/%s", r.verb, r.resource, r.group, r.namespace, r.name)
}

func TestKedaTrustMayDoItsWork(t *testing.T) {
	needCluster(t)
	for _, r := range []right{
		{"watch", "", "namespaces", "", ""},
		{"list", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", injector.WebhookConfigurationName},
		{"patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", injector.WebhookConfigurationName},
		{"watch", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", injector.KEDAValidatingWebhook},
		{"get", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", injector.KEDAValidatingWebhook},
		{"watch", "apiregistration.k8s.io", "apiservices", "", injector.KEDAAPIService},
		{"get", "apiregistration.k8s.io", "apiservices", "", injector.KEDAAPIService},
		{"patch", "apiregistration.k8s.io", "apiservices", "", injector.KEDAAPIService},
		{"watch", "certificates.k8s.io", "clustertrustbundles", "", ""},
		{"create", "", "secrets", own, ""},
		{"update", "", "secrets", own, injector.ServingSecret},
		{"watch", "", "secrets", own, injector.ServingSecret},
		{"create", "coordination.k8s.io", "leases", own, ""},
		{"update", "coordination.k8s.io", "leases", own, injector.LeaderElectionID},
		{"create", "", "configmaps", own, ""},
		{"list", "apps", "deployments", keda, ""},
		{"watch", "apps", "deployments", keda, ""},
		{"patch", "apps", "deployments", keda, "keda-operator"},
		{"list", "apps", "replicasets", keda, ""},
		{"watch", "", "secrets", keda, "corporate-tls"},
		{"watch", "", "configmaps", keda, "corporate-roots"},
		{"watch", "cert-manager.io", "certificates", keda, "keda"},
		{"create", "", "secrets", keda, ""},
		{"update", "", "secrets", keda, injector.PublishedSecret},
		{"create", "", "configmaps", keda, ""},
		{"update", "", "configmaps", keda, injector.StateConfigMap},
		{"delete", "", "configmaps", keda, injector.PublishedCAPrefix + "0123"},
		{"create", "events.k8s.io", "events", keda, ""},
		{"create", "", "events", own, ""},
		{"create", "", "events", metav1.NamespaceDefault, ""},
	} {
		wantRight(t, r, true)
	}
}

func TestKedaTrustMayDoNothingElse(t *testing.T) {
	needCluster(t)
	for _, r := range []right{
		{"update", "", "namespaces", "", keda},
		{"list", "", "secrets", "", ""},
		{"get", "", "secrets", "kube-system", "any"},
		{"get", "", "secrets", metav1.NamespaceDefault, "any"},
		{"get", "", "secrets", own, "any"},
		{"delete", "", "secrets", own, injector.ServingSecret},
		{"patch", "", "secrets", own, injector.ServingSecret},
		{"patch", "", "secrets", keda, injector.PublishedSecret},
		{"update", "", "secrets", keda, "corporate-tls"},
		{"delete", "", "secrets", keda, injector.PublishedSecret},
		{"update", "", "configmaps", keda, "corporate-roots"},
		{"update", "", "configmaps", keda, injector.PublishedCAPrefix + "0123"},
		{"patch", "", "configmaps", keda, injector.StateConfigMap},
		{"get", "", "configmaps", own, "any"},
		{"update", "apps", "deployments", keda, "keda-operator"},
		{"delete", "apps", "deployments", keda, "keda-operator"},
		{"patch", "apps", "deployments", own, injector.Name},
		{"patch", "apps", "replicasets", keda, "any"},
		{"create", "apps", "deployments", keda, ""},
		{"delete", "", "pods", keda, "any"},
		{"create", "", "pods", own, ""},
		{"create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", ""},
		{"update", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", injector.WebhookConfigurationName},
		{"patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", "other"},
		{"list", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "", ""},
		{"patch", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", injector.KEDAValidatingWebhook},
		{"delete", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "", injector.KEDAValidatingWebhook},
		{"update", "apiregistration.k8s.io", "apiservices", "", injector.KEDAAPIService},
		{"patch", "apiregistration.k8s.io", "apiservices", "", "v1.apps"},
		{"get", "apiregistration.k8s.io", "apiservices", "", "v1.apps"},
		{"update", "coordination.k8s.io", "leases", own, "other"},
		{"impersonate", "", "users", "", "any"},
		{"escalate", "rbac.authorization.k8s.io", "roles", keda, "any"},
	} {
		wantRight(t, r, false)
	}
}

func TestKedaTrustIsHeldToItsOwnNames(t *testing.T) {
	needCluster(t)
	ctx := t.Context()
	c, err := asKedaTrust()
	if err != nil {
		t.Fatal(err)
	}
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: keda, Name: name} }
	for _, object := range []client.Object{
		&corev1.ConfigMap{ObjectMeta: meta(injector.StateConfigMap)},
		&corev1.ConfigMap{ObjectMeta: meta(injector.PublishedCAPrefix + "0123")},
		&corev1.Secret{ObjectMeta: meta(injector.PublishedSecret)},
	} {
		if err := c.Create(ctx, object); err != nil {
			t.Errorf("creating %T %s: %v", object, object.GetName(), err)
		}
		removeAfter(t, object)
	}
	if err := c.Delete(ctx, &corev1.ConfigMap{ObjectMeta: meta(injector.PublishedCAPrefix + "0123")}); err != nil {
		t.Errorf("deleting what was published: %v", err)
	}
	theirs := &corev1.ConfigMap{ObjectMeta: meta("corporate-roots")}
	wantRefused(t, c.Create(ctx, theirs.DeepCopy()), "keda-trust writes no configmaps but those whose names begin with keda-trust-: keda/corporate-roots")
	wantRefused(t, c.Create(ctx, &corev1.Secret{ObjectMeta: meta(injector.KEDACertSecret)}), "keda-trust writes no secrets but those")
	if err := admin.Create(ctx, theirs); err != nil {
		t.Fatalf("the policy is for keda-trust only: %v", err)
	}
	removeAfter(t, theirs)
	wantRefused(t, c.Delete(ctx, theirs), "keda-trust writes no configmaps but those")
	if err := c.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace(keda)); !apierrors.IsForbidden(err) {
		t.Errorf("deleting all ConfigMaps of a namespace: %v, want it forbidden", err)
	}
}

func wantRight(t *testing.T, r right, want bool) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:   "system:serviceaccount:" + own + ":" + injector.Name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + own, "system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: r.verb, Group: r.group, Resource: r.resource, Namespace: r.namespace, Name: r.name,
		},
	}}
	if err := admin.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	if review.Status.Allowed != want {
		t.Errorf("%s: allowed %t, want %t", r, review.Status.Allowed, want)
	}
}
