package journeys

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

const (
	amazon = "prometheus-amazon" // a server that is called as one of Amazon's is
	// notAmazon is what AWS's SDK says of an answer that it gets over TLS that it trusts.
	notAmazon = "StatusCode: 404"
)

var _ = Describe("Who scales by a scaler that does not look at KEDA's custom CAs", func() {
	It("would be helped by SSL_CERT_DIR, which keda-trust leaves alone", func(ctx SpecContext) {
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.InstallTrust(ctx)).To(Succeed())
		image := openShop(ctx)
		ca := serve(ctx, amazon, image, "First")
		putSecret(ctx, kedaNamespace, "corp", map[string][]byte{"ca.crt": ca})
		enable(ctx, map[string]string{injector.AnnotationCustomCA: "secret/corp"})
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())

		By("scaling by a queue of Amazon's")
		for _, object := range queueObjects() {
			_, err := on.Apply(ctx, object)
			Expect(err).NotTo(HaveOccurred())
		}
		Eventually(warnings).WithArguments(ctx, shop).WithTimeout(4 * time.Minute).WithPolling(time.Second).
			Should(ContainElement(And(ContainSubstring(amazon), ContainSubstring(unknownCA))))
		Expect(warnings(ctx, shop)).NotTo(ContainElement(ContainSubstring(notAmazon)))

		By("having Go's own pool read the same directory")
		_, err := on.Kubectl(ctx, "set", "env", "deployment/"+local.OperatorDeployment, "-n", kedaNamespace, "SSL_CERT_DIR="+injector.DefaultCustomCADir)
		Expect(err).NotTo(HaveOccurred())
		Expect(on.AwaitRollout(ctx, kedaNamespace, local.OperatorDeployment)).To(Succeed())
		Eventually(warnings).WithArguments(ctx, shop).WithTimeout(4 * time.Minute).WithPolling(time.Second).
			Should(ContainElement(ContainSubstring(notAmazon)))
	}, SpecTimeout(20*time.Minute))
})

// queueObjects scale the shop by a queue at the server that is called as Amazon's.
func queueObjects() []*unstructured.Unstructured {
	object := func(version, kind, name string, content map[string]any) *unstructured.Unstructured {
		content["apiVersion"], content["kind"] = version, kind
		content["metadata"] = map[string]any{"name": name, "namespace": shop}
		return asUnstructured(content)
	}
	endpoint := urls([]string{amazon})[0]
	reference := func(parameter, key string) any {
		return map[string]any{"parameter": parameter, "name": "amazon", "key": key}
	}
	return []*unstructured.Unstructured{
		object("v1", "Secret", "amazon", map[string]any{"stringData": map[string]any{"id": "nobody", "key": "nothing"}}),
		object("keda.sh/v1alpha1", "TriggerAuthentication", "amazon", map[string]any{"spec": map[string]any{
			"secretTargetRef": []any{reference("awsAccessKeyID", "id"), reference("awsSecretAccessKey", "key")},
		}}),
		object("keda.sh/v1alpha1", "ScaledObject", shop, map[string]any{"spec": map[string]any{
			"scaleTargetRef":  map[string]any{"name": shop},
			"pollingInterval": int64(5),
			"triggers": []any{map[string]any{
				"type": "aws-sqs-queue",
				"metadata": map[string]any{
					"queueURL": endpoint + "/1/queue", "queueLength": "1", "awsRegion": "eu-west-1", "awsEndpoint": endpoint,
				},
				"authenticationRef": map[string]any{"name": "amazon"},
			}},
		}}),
	}
}
