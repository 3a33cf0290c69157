package corpus

import (
	"context"
	"fmt"
	"maps"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// A field that our API types do not know is one of a newer Kubernetes. The API
// server here cannot be asked about it: it decodes an object into types of the
// same age as ours before it calls admission, so that it has dropped, or with
// strict validation refused, what we could lose. What a newer one would send is
// therefore sent to the running process in its place: by the url and the
// caBundle of the stored MutatingWebhookConfiguration, over real TLS.
var _ = Describe("Fields of a newer Kubernetes", Ordered, ContinueOnFailure, func() {
	BeforeAll(enable)

	DescribeTable("are all still there after admission, and after it has taken out what it injected, in", func(ctx SpecContext, title string) {
		before := marked(ctx, title)
		marks := marksOf(before)
		Expect(len(marks)).To(BeNumerically(">=", 3))

		injected := review(ctx, before, nil)
		Expect(injected.GetAnnotations()).To(HaveKey(injector.AnnotationInjected))
		Expect(marksOf(injected)).To(Equal(marks))
		Expect(review(ctx, injected, injected)).To(Equal(injected))

		back := review(ctx, disabled(injected), injected)
		Expect(back).To(Equal(disabled(before)))
	},
		Entry("the operator", "Deployment keda-operator"),
		Entry("the metrics-apiserver", "Deployment keda-metrics-apiserver"),
		Entry("the admission-webhooks", "Deployment keda-admission"),
		Entry("the APIService", "APIService "+injector.KEDAAPIService),
	)
})

// disabled is what somebody writes who no longer wants this object injected.
func disabled(object *unstructured.Unstructured) *unstructured.Unstructured {
	object = object.DeepCopy()
	labels := maps.Clone(object.GetLabels())
	labels[injector.LabelInject] = string(injector.ModeDisabled)
	object.SetLabels(labels)
	return object
}

// unknown is a field that no version of Kubernetes has.
const unknown = "fieldOfTomorrow"

// marked is an object of KEDA's newest release with an unknown field in each of
// its structs: in volumes, containers, mounts, ports, probes, and all around them.
func marked(ctx context.Context, title string) *unstructured.Unstructured {
	GinkgoHelper()
	objects := release(ctx, local.KEDAVersion)
	at := slices.IndexFunc(objects, func(object *unstructured.Unstructured) bool { return local.Title(object) == title })
	Expect(at).NotTo(BeNumerically("<", 0), "KEDA has no %s", title)
	walk("", objects[at].Object, func(path string, fields map[string]any) {
		// A number that a float cannot hold, and a list that nobody may sort.
		fields[unknown] = map[string]any{"at": path, "number": int64(1<<53 + 1), "list": []any{"b", "a"}}
	})
	return objects[at]
}

// marksOf are the unknown fields by where they are now.
func marksOf(object *unstructured.Unstructured) map[string]any {
	marks := map[string]any{}
	walk("", object.Object, func(path string, fields map[string]any) {
		if mark, found := fields[unknown]; found {
			marks[path] = mark
		}
	})
	return marks
}

// texts are the fields that hold a map of texts, which no Kubernetes will ever
// add a field to.
var texts = []string{"labels", "annotations", "matchLabels", "limits", "requests", "nodeSelector"}

// walk visits each struct of an object, the deepest first. The path of an element
// is by its name, so that it is the same wherever in its list it stands.
func walk(path string, value any, visit func(path string, fields map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			if key != unknown && !slices.Contains(texts, key) {
				walk(path+"."+key, field, visit)
			}
		}
		visit(path, value)
	case []any:
		for i, element := range value {
			walk(path+"["+nameOf(element, i)+"]", element, visit)
		}
	}
}

// nameOf prefers the path of a mount, whose name injection changes.
func nameOf(element any, index int) string {
	fields, _ := element.(map[string]any)
	for _, key := range []string{"mountPath", "name"} {
		if name, found := fields[key].(string); found {
			return name
		}
	}
	return fmt.Sprint(index)
}
