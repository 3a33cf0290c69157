package local

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

func TestOurOwnManifestIsCalledByURL(t *testing.T) {
	objects, err := ReadManifest("../../" + Manifest)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "MutatingWebhookConfiguration" })
	if at < 0 {
		t.Fatalf("%s has no MutatingWebhookConfiguration", Manifest)
	}
	if err := callByURL(objects[at], "https://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	document, err := yaml.Marshal(objects[at].Object)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"url: https://127.0.0.1:1" + injector.PathMutate, "url: https://127.0.0.1:1" + injector.PathProbe} {
		if !strings.Contains(string(document), want) {
			t.Errorf("%q is missing in\n%s", want, document)
		}
	}
	if strings.Contains(string(document), "service:") {
		t.Errorf("a Service is left in\n%s", document)
	}
}
