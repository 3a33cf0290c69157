package corpus

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

// renamed is what a platform team does that has conventions for names: of
// Deployments, Services and the namespace, and of all that points to them.
func renamed(object *unstructured.Unstructured) {
	GinkgoHelper()
	switch object.GetKind() {
	case "Deployment":
		eachDeployment(toldNames)(object)
		fallthrough
	case "Service":
		object.SetName(acme(object.GetName()))
		object.SetNamespace(otherNamespace)
	case "APIService":
		service, found, err := unstructured.NestedMap(object.Object, "spec", "service")
		Expect(err).NotTo(HaveOccurred())
		Expect(found).To(BeTrue())
		Expect(unstructured.SetNestedMap(object.Object, pointed(service), "spec", "service")).To(Succeed())
	case "ValidatingWebhookConfiguration":
		renameWebhooks(object)
	}
}

func acme(name string) string { return "acme-" + strings.TrimPrefix(name, "keda-") }

// pointed is a reference to a Service that was renamed.
func pointed(service map[string]any) map[string]any {
	service["name"], service["namespace"] = acme(service["name"].(string)), otherNamespace
	return service
}

func renameWebhooks(object *unstructured.Unstructured) {
	GinkgoHelper()
	webhooks, found, err := unstructured.NestedSlice(object.Object, "webhooks")
	Expect(err).NotTo(HaveOccurred())
	Expect(found).To(BeTrue())
	for _, webhook := range webhooks {
		config := webhook.(map[string]any)["clientConfig"].(map[string]any)
		config["service"] = pointed(config["service"].(map[string]any))
	}
	Expect(unstructured.SetNestedSlice(object.Object, webhooks, "webhooks")).To(Succeed())
}

// toldNames are the flags by which components know of the Services. Labels, by
// which KEDA could still be recognised, go as well.
func toldNames(d *appsv1.Deployment, c *corev1.Container) {
	d.Labels = map[string]string{"team": "acme"}
	switch containers[c.Name] {
	case injector.ComponentOperator:
		c.Args = append(c.Args, "--operator-service-name=acme-operator", "--metrics-server-service-name=acme-metrics-apiserver",
			"--webhooks-service-name=acme-admission-webhooks")
	case injector.ComponentMetricsAPIServer:
		c.Args = append(c.Args, "--metrics-service-address=acme-operator.$(POD_NAMESPACE).svc.cluster.local:9666")
	}
}
