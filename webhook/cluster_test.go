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
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

// register installs the webhook configuration of install.yaml, but with the url
// of p, and with policy where the chart's value failurePolicy is.
func register(ctx context.Context, p *process, policy admissionregistrationv1.FailurePolicyType) {
	GinkgoHelper()
	configuration := clustertest.WebhookConfiguration(GinkgoTB(), p.url(""))
	for i := range configuration.Webhooks {
		if configuration.Webhooks[i].Name != injector.WebhookProbe {
			configuration.Webhooks[i].FailurePolicy = &policy
		}
	}
	Expect(direct.Create(ctx, configuration)).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.IgnoreNotFound(direct.Delete(ctx, configuration))).To(Succeed())
	})
}

// kedaObjects are those of the fixture.
type kedaObjects struct {
	operator, metrics, admission *appsv1.Deployment
	apiService                   *apiregistrationv1.APIService
	validating                   *admissionregistrationv1.ValidatingWebhookConfiguration
}

func kedaIn(namespace string) kedaObjects {
	GinkgoHelper()
	raw, err := os.ReadFile("testdata/keda.yaml")
	Expect(err).NotTo(HaveOccurred())
	reader := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	k := kedaObjects{
		&appsv1.Deployment{}, &appsv1.Deployment{}, &appsv1.Deployment{}, &apiregistrationv1.APIService{},
		&admissionregistrationv1.ValidatingWebhookConfiguration{},
	}
	for _, into := range []any{k.operator, k.metrics, k.apiService, k.admission, k.validating} {
		Expect(reader.Decode(into)).To(Succeed())
	}
	k.operator.Namespace, k.metrics.Namespace, k.admission.Namespace, k.apiService.Spec.Service.Namespace = namespace, namespace, namespace, namespace
	for i := range k.validating.Webhooks {
		k.validating.Webhooks[i].ClientConfig.Service.Namespace = namespace
	}
	return k
}

func (k kedaObjects) all() []client.Object {
	return []client.Object{k.operator, k.metrics, k.admission, k.apiService, k.validating}
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
	Expect(publishing(ctx, namespace, state)).To(Succeed())
}

// publishing is without the label of what keda-trust publishes, so that a leader
// leaves it alone.
func publishing(ctx context.Context, namespace string, state injector.State) error {
	GinkgoHelper()
	Expect(state.Seal()).To(Succeed())
	encoded, err := state.Encode()
	Expect(err).NotTo(HaveOccurred())
	return direct.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: injector.StateConfigMap},
		Data:       map[string]string{injector.StateKey: string(encoded)},
	})
}
