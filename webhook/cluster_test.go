package webhook

import (
	"bytes"
	"context"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/keda-trust/keda-trust/injector"
)

// register installs the webhook configuration as the chart renders it, but with
// the url of p.
func register(ctx context.Context, p *process, policy admissionregistrationv1.FailurePolicyType) {
	GinkgoHelper()
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: injector.WebhookConfigurationName},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{deploymentsEntry(p, policy), apiServicesEntry(p, policy)},
	}
	Expect(direct.Create(ctx, configuration)).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.IgnoreNotFound(direct.Delete(ctx, configuration))).To(Succeed())
	})
}

func deploymentsEntry(p *process, policy admissionregistrationv1.FailurePolicyType) admissionregistrationv1.MutatingWebhook {
	entry := entryOf(injector.WebhookDeployments, p, policy, "apps", "deployments")
	entry.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
		Key: injector.LabelInject, Operator: metav1.LabelSelectorOpExists,
	}}}
	return entry
}

func apiServicesEntry(p *process, policy admissionregistrationv1.FailurePolicyType) admissionregistrationv1.MutatingWebhook {
	entry := entryOf(injector.WebhookAPIServices, p, policy, "apiregistration.k8s.io", "apiservices")
	entry.MatchConditions = []admissionregistrationv1.MatchCondition{{
		Name: "kedas", Expression: "object.metadata.name == '" + injector.KEDAAPIService + "'",
	}}
	return entry
}

func entryOf(name string, p *process, policy admissionregistrationv1.FailurePolicyType, group, resource string) admissionregistrationv1.MutatingWebhook {
	url, none, seconds := p.url(injector.PathMutate), admissionregistrationv1.SideEffectClassNone, int32(5)
	again := admissionregistrationv1.IfNeededReinvocationPolicy
	return admissionregistrationv1.MutatingWebhook{
		Name:                    name,
		ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: &url},
		FailurePolicy:           &policy,
		SideEffects:             &none,
		TimeoutSeconds:          &seconds,
		ReinvocationPolicy:      &again,
		AdmissionReviewVersions: []string{"v1"},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
			Rule:       admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: []string{resource}},
		}},
	}
}

// kedaObjects are those of the fixture.
type kedaObjects struct {
	operator, metrics *appsv1.Deployment
	apiService        *apiregistrationv1.APIService
}

func kedaIn(namespace string) kedaObjects {
	GinkgoHelper()
	raw, err := os.ReadFile("testdata/keda.yaml")
	Expect(err).NotTo(HaveOccurred())
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	k := kedaObjects{&appsv1.Deployment{}, &appsv1.Deployment{}, &apiregistrationv1.APIService{}}
	for _, into := range []any{k.operator, k.metrics, k.apiService} {
		Expect(reader.Decode(into)).To(Succeed())
	}
	k.operator.Namespace, k.metrics.Namespace, k.apiService.Spec.Service.Namespace = namespace, namespace, namespace
	return k
}

func (k kedaObjects) all() []client.Object {
	return []client.Object{k.operator, k.metrics, k.apiService}
}

// apply creates the objects one by one, as kubectl apply does, and returns what
// it was warned of.
func apply(ctx context.Context, objects ...client.Object) []string {
	GinkgoHelper()
	heard.since()
	for _, object := range objects {
		Expect(direct.Create(ctx, object)).To(Succeed())
		if _, namespaced := object.(*appsv1.Deployment); !namespaced {
			DeferCleanup(func(ctx context.Context) { Expect(client.IgnoreNotFound(direct.Delete(ctx, object))).To(Succeed()) })
		}
	}
	return heard.since()
}

// labelled is a Namespace, named so that processes can be granted it beforehand.
func labelled(name, mode string, annotations map[string]string) *corev1.Namespace {
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}}
	if mode != "" {
		n.Labels = map[string]string{injector.LabelInject: mode}
	}
	return n
}

func publish(ctx context.Context, namespace string, state injector.State) {
	GinkgoHelper()
	Expect(state.Seal()).To(Succeed())
	encoded, err := state.Encode()
	Expect(err).NotTo(HaveOccurred())
	Expect(direct.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: injector.StateConfigMap},
		Data:       map[string]string{injector.StateKey: string(encoded)},
	})).To(Succeed())
}
