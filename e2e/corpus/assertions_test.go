package corpus

import (
	"context"
	"encoding/base64"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// carried is what an injected object refers to.
type carried struct {
	secret   string // of the certificate
	certDir  string // empty for the one that the manifest has
	roots    string // ConfigMap of custom CAs
	caBundle string // PEM
}

// create is what the API server would store of an object. It refuses what it
// would otherwise drop: fields that it does not know, and those given twice.
func create(ctx context.Context, object *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	resource, err := cluster.Resource(object)
	Expect(err).NotTo(HaveOccurred())
	created, err := resource.Create(ctx, object, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	Expect(err).NotTo(HaveOccurred(), local.Title(object))
	return created
}

// createPlain is what the API server alone would make of it.
func createPlain(ctx context.Context, object *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	if object.GetNamespace() == "" {
		return create(ctx, object)
	}
	elsewhere := object.DeepCopy()
	elsewhere.SetNamespace(plainNamespace)
	return create(ctx, elsewhere)
}

// expectInjected holds what the API server accepted against what is wanted of
// it; plain is what it makes of the same object without injection.
func expectInjected(got, plain *unstructured.Unstructured, want wanted, c carried) {
	GinkgoHelper()
	switch got.GetKind() {
	case "Deployment":
		expectComponent(typed(got), typed(plain), want, c)
	case "APIService":
		Expect(got.Object["spec"]).To(HaveKeyWithValue("caBundle", base64.StdEncoding.EncodeToString([]byte(c.caBundle))))
		Expect(got.Object["spec"]).NotTo(HaveKey("insecureSkipTLSVerify"))
		expectSame(got, plain, func(object map[string]any) {
			delete(object["spec"].(map[string]any), "caBundle")
			delete(object["spec"].(map[string]any), "insecureSkipTLSVerify")
		})
	default:
		for _, webhook := range webhooksOf(got.Object) {
			Expect(webhook["clientConfig"]).To(HaveKeyWithValue("caBundle", base64.StdEncoding.EncodeToString([]byte(c.caBundle))))
		}
		expectSame(got, plain, func(object map[string]any) {
			for _, webhook := range webhooksOf(object) {
				delete(webhook["clientConfig"].(map[string]any), "caBundle")
			}
		})
	}
}

// expectSame compares two objects but for what strip takes out of both, and for
// metadata.
func expectSame(got, plain *unstructured.Unstructured, strip func(map[string]any)) {
	GinkgoHelper()
	left, right := got.DeepCopy().Object, plain.DeepCopy().Object
	for _, object := range []map[string]any{left, right} {
		strip(object)
		delete(object, "metadata")
	}
	Expect(left).To(Equal(right))
}

func webhooksOf(object map[string]any) []map[string]any {
	GinkgoHelper()
	list, ok := object["webhooks"].([]any)
	Expect(ok).To(BeTrue())
	Expect(list).NotTo(BeEmpty())
	var webhooks []map[string]any
	for _, webhook := range list {
		webhooks = append(webhooks, webhook.(map[string]any))
	}
	return webhooks
}

// expectLeftAlone wants no trace of keda-trust.
func expectLeftAlone(got, plain *unstructured.Unstructured) {
	GinkgoHelper()
	expectSame(got, plain, func(map[string]any) {})
	content, err := got.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	Expect(string(content)).NotTo(ContainSubstring(injector.Domain + "/"))
}

// expectManifest puts what the command line printed to the API server, and each
// object that it accepts to expect, beside what it makes of the object as it was
// written. It must not warn of anything that it did not warn of before.
func expectManifest(ctx context.Context, in installation, objects []*unstructured.Unstructured, expect func(got, plain *unstructured.Unstructured, want wanted)) {
	GinkgoHelper()
	seen := 0
	for _, object := range objects {
		want, subject := in.wanted[local.Title(object)]
		if !subject {
			continue
		}
		seen++
		cluster.Warnings.Take()
		plain := createPlain(ctx, in.find(object))
		before := cluster.Warnings.Take()
		got := create(ctx, object)
		Expect(before).To(ContainElements(cluster.Warnings.Take()), local.Title(object))
		if !want.injected() {
			Expect(object).To(Equal(in.find(object)))
		}
		expect(got, plain, want)
	}
	Expect(seen).To(Equal(len(in.wanted)))
}
