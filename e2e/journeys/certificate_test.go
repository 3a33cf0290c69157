package journeys

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who brings a certificate of their own", func() {
	It("gets a KEDA that nobody trusts by hand, and one that all trust by a Secret and a label", func(ctx SpecContext) {
		By("editing KEDA's release by hand")
		Expect(on.ApplyNamespace(ctx, kedaNamespace, nil, nil)).To(Succeed())
		Expect(on.ApplyNamespace(ctx, shop, nil, nil)).To(Succeed())
		pair := putCertificate(ctx, "Platform")
		Expect(on.ApplyKEDA(ctx, release, useProvided)).To(Succeed())
		for _, name := range platform.KEDADeployments {
			Expect(on.AwaitRollout(ctx, kedaNamespace, name)).To(Succeed(), "its pods are as content as they can be")
		}
		untrusted := HaveField("Status.Conditions", ContainElement(And(
			HaveField("Type", apiregistrationv1.Available),
			HaveField("Status", apiregistrationv1.ConditionFalse),
			HaveField("Message", ContainSubstring(unknownCA)),
		)))
		Eventually(externalMetrics).WithArguments(ctx).WithTimeout(2 * time.Minute).Should(untrusted)
		Consistently(tryBadScaledObject).WithArguments(ctx).WithTimeout(3*time.Second).Should(Succeed(), "KEDA's webhook fails open")
		Expect(externalMetrics(ctx)).To(untrusted, "no time mends it")

		By("labelling its namespace, and applying the release as it is published")
		Expect(on.InstallTrust(ctx)).To(Succeed())
		enable(ctx, map[string]string{injector.AnnotationCertificate: "secret/" + provided})
		Expect(on.ApplyKEDA(ctx, release)).To(Succeed())
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx)
		service := externalMetrics(ctx)
		Expect(service.Spec.CABundle).To(Equal(pair.CA))
		Expect(service.Spec.InsecureSkipTLSVerify).To(BeFalse())
		Eventually(tryBadScaledObject).WithArguments(ctx).WithTimeout(time.Minute).Should(MatchError(ContainSubstring(refusal)))
	}, SpecTimeout(15*time.Minute))
})

// useProvided has KEDA use the Secret that is brought.
func useProvided(object *unstructured.Unstructured) error { return useSecret(object, provided) }

// useSecret edits what KEDA's documentation says is to be edited: KEDA makes no
// certificate, and everything mounts that Secret, and waits for it.
func useSecret(object *unstructured.Unstructured, name string) error {
	if object.GetKind() != "Deployment" {
		return nil
	}
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
		return err
	}
	pod := &deployment.Spec.Template.Spec
	for i, arg := range pod.Containers[0].Args {
		if arg == "--enable-cert-rotation=true" {
			pod.Containers[0].Args[i] = "--enable-cert-rotation=false"
		}
	}
	for i := range pod.Volumes {
		if pod.Volumes[i].Name == "certificates" {
			pod.Volumes[i].Secret.SecretName, pod.Volumes[i].Secret.Optional = name, nil
		}
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&deployment)
	delete(content, "status")
	object.Object = content
	return err
}
