package local

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/injector"
)

func TestKEDAIsRenderedAsItsReleaseIs(t *testing.T) {
	objects, err := KEDARelease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	subjects := map[string]*unstructured.Unstructured{}
	for _, object := range Subjects(objects) {
		subjects[Title(object)] = object.DeepCopy() // panics over numbers that API objects cannot hold
	}
	for _, want := range []string{
		"Deployment keda-operator", "Deployment keda-metrics-apiserver", "Deployment keda-admission",
		"APIService " + injector.KEDAAPIService,
	} {
		if subjects[want] == nil {
			t.Errorf("%s is missing, there are %d objects", want, len(objects))
		}
	}
	version := strings.TrimPrefix(KEDAVersion, "v")
	for name, object := range subjects {
		if got := object.GetLabels()["app.kubernetes.io/version"]; got != version {
			t.Errorf("%s: version label is %q", name, got)
		}
		content, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if object.GetKind() == "Deployment" && !strings.Contains(string(content), ":"+version+`"`) {
			t.Errorf("%s: no image of %s in %s", name, version, content)
		}
	}
	if got := objects[0].GetKind(); got != "Namespace" {
		t.Errorf("the first object is a %s", got)
	}
}
