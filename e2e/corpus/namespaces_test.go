package corpus

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// prepare makes the Namespaces, and in each the certificate for every Service
// that a manifest has there.
func prepare(ctx context.Context) {
	GinkgoHelper()
	applyNew(ctx, "Namespace", "", plainNamespace, nil)
	names := serviceNames(ctx)
	for _, namespace := range namespaces {
		applyNew(ctx, "Namespace", "", namespace, nil)
		applyNew(ctx, "Secret", namespace, certificateSecret, asSecret(names[namespace]))
		applyNew(ctx, "ConfigMap", namespace, rootsConfigMap, map[string]any{"data": map[string]any{"ca.crt": string(corporateRoot.CertPEM)}})
	}
}

func serviceNames(ctx context.Context) map[string][]string {
	GinkgoHelper()
	names := map[string][]string{}
	for _, s := range sources {
		in := s.read(ctx)
		for _, namespace := range namespaces {
			names[namespace] = append(names[namespace], in.names(namespace)...)
		}
	}
	for namespace := range names {
		slices.Sort(names[namespace])
		names[namespace] = slices.Compact(names[namespace])
	}
	return names
}

// enable is what a platform team writes on each Namespace, and returns when
// admission carries it out. Afterwards all of it is taken back.
func enable(ctx context.Context) {
	GinkgoHelper()
	annotate(ctx, map[string]any{
		"labels": map[string]any{injector.LabelInject: string(injector.ModeEnabled)},
		"annotations": map[string]any{
			injector.AnnotationCertificate: "secret/" + certificateSecret,
			injector.AnnotationCustomCA:    "configmap/" + rootsConfigMap,
		},
	})
	DeferCleanup(disown)
	eventuallyAdmitted(ctx, true)
}

func disown(ctx context.Context) {
	GinkgoHelper()
	annotate(ctx, map[string]any{
		"labels":      map[string]any{injector.LabelInject: nil},
		"annotations": map[string]any{injector.AnnotationCertificate: nil, injector.AnnotationCustomCA: nil},
	})
	eventuallyAdmitted(ctx, false)
}

func annotate(ctx context.Context, metadata map[string]any) {
	GinkgoHelper()
	patch, err := json.Marshal(map[string]any{"metadata": metadata})
	Expect(err).NotTo(HaveOccurred())
	resource := cluster.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	for _, namespace := range namespaces {
		_, err = resource.Patch(ctx, namespace, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-label"})
		Expect(err).NotTo(HaveOccurred())
	}
}

// eventuallyAdmitted waits until, in every namespace, what is written comes out as
// the leader has published, or is not touched.
func eventuallyAdmitted(ctx context.Context, injected bool) {
	GinkgoHelper()
	for _, namespace := range namespaces {
		for _, object := range previews(ctx, namespace) {
			Eventually(func(g Gomega) {
				created := create(ctx, object)
				if !injected {
					g.Expect(created.GetAnnotations()).NotTo(HaveKey(injector.AnnotationInjected))
					return
				}
				state, err := cluster.State(ctx, namespace)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(state).NotTo(BeNil())
				g.Expect(local.Verify(created, state)).To(BeEmpty())
			}).WithContext(ctx).WithTimeout(patience).WithPolling(50 * time.Millisecond).Should(Succeed())
		}
	}
}
