package journeys

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/e2e/platform"
	"github.com/keda-trust/keda-trust/injector"
)

var _ = Describe("Who leaves keda-trust", func() {
	It("takes the injection out, keeps it without the label, and loses nothing with keda-trust", func(ctx SpecContext) {
		bringCertificate(ctx)
		Expect(on.ApplyNamespace(ctx, shop, nil, nil)).To(Succeed())
		trustHolds(ctx)

		By("disabling it")
		label(ctx, injector.ModeDisabled)
		for _, name := range platform.KEDADeployments {
			Eventually(deploymentOf).WithArguments(ctx, name).WithTimeout(3*time.Minute).WithPolling(time.Second).
				Should(And(HaveField("Annotations", Not(HaveKey(injector.AnnotationInjected))), Not(mountsOurs()), hasNothingOfOurs()), name)
		}
		Expect(on.AwaitKEDA(ctx)).To(Succeed(), "with its own certificates")
		Eventually(tryBadScaledObject).WithArguments(ctx).WithTimeout(2*time.Minute).WithPolling(time.Second).
			Should(MatchError(ContainSubstring(refusal)), "KEDA verifies by itself")

		By("removing the label from one that is enabled")
		label(ctx, injector.ModeEnabled)
		Expect(on.AwaitInjected(ctx)).To(Succeed())
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		trustHolds(ctx)
		before := everything(ctx)
		_, err := on.Kubectl(ctx, "label", "namespace", kedaNamespace, injector.LabelInject+"-")
		Expect(err).NotTo(HaveOccurred())
		Consistently(everything).WithArguments(ctx).WithTimeout(15 * time.Second).WithPolling(time.Second).Should(Equal(before))
		trustHolds(ctx)

		By("uninstalling keda-trust, whose pods are gone before")
		label(ctx, injector.ModeEnabled)
		stopTrust(ctx)
		webhooksFailOpen(ctx)
		nothingIsBlocked(ctx, "while-dead")
		releaseIsAdmitted(ctx)
		Expect(on.UninstallTrust(ctx)).To(Succeed())
		nothingIsBlocked(ctx, "uninstalled")
		for _, name := range platform.KEDADeployments {
			restart(ctx, kedaNamespace, name)
			Expect(deploymentOf(ctx, name)).To(mountsOurs(), "it runs on what was published")
		}
		Expect(on.AwaitKEDA(ctx)).To(Succeed())
		Eventually(tryBadScaledObject).WithArguments(ctx).WithTimeout(time.Minute).WithPolling(time.Second).
			Should(MatchError(ContainSubstring(refusal)))
	}, SpecTimeout(20*time.Minute))
})

// webhookTimeout is how long the API server waits for keda-trust's webhook, as its
// chart has it. What asks it may take as long again for itself.
const webhookTimeout = 5 * time.Second

// webhooksFailOpen holds that timeout against what is installed.
func webhooksFailOpen(ctx context.Context) {
	GinkgoHelper()
	installed, err := on.Pods.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, injector.WebhookConfigurationName, metav1.GetOptions{})
	Expect(err).NotTo(HaveOccurred())
	Expect(installed.Webhooks).To(HaveEach(And(
		HaveField("FailurePolicy", HaveValue(Equal(admissionregistrationv1.Ignore))),
		HaveField("TimeoutSeconds", HaveValue(BeEquivalentTo(webhookTimeout.Seconds()))),
	)))
}

// nothingIsBlocked makes what has nothing to do with KEDA, for which no webhook of
// keda-trust's is to be asked: not one is waited for.
func nothingIsBlocked(ctx context.Context, name string) {
	GinkgoHelper()
	group := name + ".example.com"
	objects := []*unstructured.Unstructured{
		asUnstructured(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}),
		asUnstructured(map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name, "namespace": name},
			"spec": map[string]any{
				"replicas": int64(0),
				"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
				"template": map[string]any{
					"metadata": map[string]any{"labels": map[string]any{"app": name}},
					"spec":     map[string]any{"containers": []any{map[string]any{"name": "none", "image": "example.com/none"}}},
				},
			},
		}),
		asUnstructured(map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "things." + group},
			"spec": map[string]any{
				"group": group, "scope": "Cluster", "names": map[string]any{"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
				"versions": []any{map[string]any{
					"name": "v1", "served": true, "storage": true,
					"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object"}},
				}},
			},
		}),
	}
	DeferCleanup(func(ctx context.Context) { Expect(on.Delete(ctx, objects)).To(Succeed()) })
	for _, object := range objects {
		within(ctx, webhookTimeout, func(ctx context.Context) error {
			_, err := on.Apply(ctx, object)
			return err
		})
	}
	// The API server makes an APIService of its own for it.
	Eventually(func(ctx context.Context) error {
		_, err := on.Client.Resource(schema.GroupVersionResource{Group: group, Version: "v1", Resource: "things"}).List(ctx, metav1.ListOptions{})
		return err
	}).WithContext(ctx).WithTimeout(20 * time.Second).WithPolling(200 * time.Millisecond).Should(Succeed())
}

// releaseIsAdmitted asks for each of KEDA's Deployments as its release has it, without
// anything being stored. The webhook is asked, which is waited for once at most.
func releaseIsAdmitted(ctx context.Context) {
	GinkgoHelper()
	objects, err := local.KEDAReleaseOf(ctx, "v"+string(release))
	Expect(err).NotTo(HaveOccurred())
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		var admitted appsv1.Deployment
		within(ctx, 2*webhookTimeout, func(ctx context.Context) error {
			previewed, err := on.Preview(ctx, object)
			if err != nil {
				return err
			}
			return runtime.DefaultUnstructuredConverter.FromUnstructured(previewed.Object, &admitted)
		})
		Expect(&admitted).NotTo(mountsOurs(), "%s: nobody injects", object.GetName())
	}
}

// within fails where a write takes longer.
func within(ctx context.Context, bound time.Duration, write func(context.Context) error) {
	GinkgoHelper()
	bounded, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	Expect(write(bounded)).To(Succeed())
}

// stopTrust ends all of keda-trust's pods and lets none start.
func stopTrust(ctx context.Context) {
	GinkgoHelper()
	scaleTrust(ctx, 0)
	pods := func(ctx context.Context) (int, error) {
		list, err := on.Pods.CoreV1().Pods(injector.Name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return 0, fmt.Errorf("listing keda-trust's pods: %w", err)
		}
		return len(list.Items), nil
	}
	Eventually(pods).WithArguments(ctx).WithTimeout(time.Minute).Should(BeZero())
}

func scaleTrust(ctx context.Context, replicas int) {
	GinkgoHelper()
	_, err := on.Kubectl(ctx, "scale", "deployment", injector.Name, "-n", injector.Name, fmt.Sprintf("--replicas=%d", replicas))
	Expect(err).NotTo(HaveOccurred())
}
