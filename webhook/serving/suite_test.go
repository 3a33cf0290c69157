package serving

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/webhook/clustertest"
)

var (
	config *rest.Config
	// direct reads from the API server, never from a cache.
	direct      client.Client
	environment *envtest.Environment
)

func TestServing(t *testing.T) {
	clustertest.Assets(t)
	RegisterFailHandler(Fail)
	RunSpecs(t, "The webhook's own certificate")
}

var _ = BeforeSuite(func() {
	ctrl.SetLogger(GinkgoLogr)
	environment = clustertest.Start(GinkgoTB())
	config = environment.Config
	var err error
	direct, err = client.New(config, client.Options{})
	Expect(err).NotTo(HaveOccurred())
})

// callTimeout is timeoutSeconds of the webhook, as the chart sets it.
const callTimeout = 5

// installation is a namespace of its own with a MutatingWebhookConfiguration of
// two entries that calls url for the ConfigMaps of that namespace.
type installation struct {
	namespace, configuration string
}

func install(ctx context.Context, url string) installation {
	GinkgoHelper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "serving-"}}
	Expect(direct.Create(ctx, namespace)).To(Succeed())
	in := installation{namespace: namespace.Name, configuration: namespace.Name}
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: in.configuration, Annotations: map[string]string{"theirs": "stays"}},
		Webhooks:   []admissionregistrationv1.MutatingWebhook{in.webhook("first", url), in.webhook("second", url)},
	}
	Expect(direct.Create(ctx, configuration)).To(Succeed())
	DeferCleanup(func(ctx context.Context) {
		Expect(client.IgnoreNotFound(direct.Delete(ctx, configuration))).To(Succeed())
	})
	return in
}

func (in installation) webhook(name, url string) admissionregistrationv1.MutatingWebhook {
	var (
		fail     = admissionregistrationv1.Fail
		none     = admissionregistrationv1.SideEffectClassNone
		scope    = admissionregistrationv1.NamespacedScope
		seconds  = int32(callTimeout)
		selector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: in.namespace}}
	)
	return admissionregistrationv1.MutatingWebhook{
		Name:                    name + ".keda-trust.io",
		ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: &url},
		FailurePolicy:           &fail,
		SideEffects:             &none,
		TimeoutSeconds:          &seconds,
		NamespaceSelector:       selector,
		AdmissionReviewVersions: []string{"v1"},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}, Scope: &scope,
			},
		}},
	}
}

func (in installation) options() Options {
	return Options{Namespace: in.namespace, ConfigurationName: in.configuration, Address: "127.0.0.1:1"}.withDefaults()
}

func (in installation) stored(ctx context.Context) *corev1.Secret {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(direct.Get(ctx, in.options().secretKey(), &secret)).To(Succeed())
	return &secret
}

func (in installation) certificates(ctx context.Context) Certificates {
	GinkgoHelper()
	c := Parse(in.stored(ctx))
	Expect(c.Fault).NotTo(HaveOccurred())
	return c
}

func (in installation) webhooks(ctx context.Context) *admissionregistrationv1.MutatingWebhookConfiguration {
	GinkgoHelper()
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	Expect(direct.Get(ctx, types.NamespacedName{Name: in.configuration}, &configuration)).To(Succeed())
	return &configuration
}

// bundle is the serial numbers in the caBundles, which have to be the same.
func (in installation) bundle(ctx context.Context) []string {
	GinkgoHelper()
	webhooks := in.webhooks(ctx).Webhooks
	for _, webhook := range webhooks[1:] {
		Expect(webhook.ClientConfig.CABundle).To(Equal(webhooks[0].ClientConfig.CABundle))
	}
	var serials []string
	for _, certificate := range parseBundle(webhooks[0].ClientConfig.CABundle) {
		serials = append(serials, certificate.SerialNumber.String())
	}
	return serials
}

func serial(ca *CA) string {
	if ca == nil {
		return "none"
	}
	return ca.Certificate.SerialNumber.String()
}

func (in installation) clearBundles(ctx context.Context) {
	GinkgoHelper()
	configuration := in.webhooks(ctx)
	for i := range configuration.Webhooks {
		configuration.Webhooks[i].ClientConfig.CABundle = nil
	}
	Expect(direct.Update(ctx, configuration)).To(Succeed())
}

func (in installation) forceRotation(ctx context.Context, value string) {
	GinkgoHelper()
	secret := in.stored(ctx)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, injector.AnnotationRotate, value)
	Expect(direct.Patch(ctx, secret, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
}
