package installers

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// stored are KEDA's objects as the API server has them, by title.
func stored(ctx context.Context) map[string]*unstructured.Unstructured {
	GinkgoHelper()
	objects := map[string]*unstructured.Unstructured{}
	for _, subject := range subjects() {
		resource, err := cluster.Resource(subject)
		Expect(err).NotTo(HaveOccurred())
		object, err := resource.Get(ctx, subject.GetName(), metav1.GetOptions{})
		Expect(err).NotTo(HaveOccurred())
		objects[local.Title(object)] = object
	}
	return objects
}

// expectInjected holds objects against what is published.
func expectInjected(ctx context.Context, objects map[string]*unstructured.Unstructured) {
	GinkgoHelper()
	Expect(objects).NotTo(BeEmpty())
	state, err := cluster.State(ctx, injector.DefaultKEDANamespace)
	Expect(err).NotTo(HaveOccurred())
	Expect(state).NotTo(BeNil(), "no state is published")
	for _, object := range objects {
		Expect(local.Verify(object, state)).To(BeEmpty(), "%s", shown(object))
	}
}

// expectUntouched holds objects against having been injected.
func expectUntouched(objects map[string]*unstructured.Unstructured) {
	GinkgoHelper()
	Expect(objects).NotTo(BeEmpty())
	for _, object := range objects {
		Expect(shown(object)).NotTo(ContainSubstring("keda-trust"))
	}
}

// expectNothingLost holds what is stored against what a version says.
func expectNothingLost(ctx context.Context, v values) {
	GinkgoHelper()
	wanted := objectsOf(v)
	for title, object := range stored(ctx) {
		if object.GetKind() == "Deployment" {
			wanted[title].Object["spec"] = plain(ctx, wanted[title]).Object["spec"]
		}
		Expect(missing(wanted[title].Object["spec"], object.Object["spec"], "spec")).To(BeEmpty(), "%s", shown(object))
		Expect(missing(wanted[title].Object["metadata"], object.Object["metadata"], "metadata")).To(BeEmpty(), "%s", shown(object))
	}
}

// missing names what of want is not in got. Objects may have more fields, and
// lists of objects more elements; a list of scalars has to be equal.
func missing(want, got any, path string) []string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		var faults []string
		for key, value := range want {
			faults = append(faults, missing(value, have[key], path+"."+key)...)
		}
		return faults
	case []any:
		if len(want) > 0 && reflect.TypeOf(want[0]).Kind() == reflect.Map {
			return missingElements(want, got, path)
		}
	}
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("%s is %v, wanted %v", path, got, want)}
}

func missingElements(want []any, got any, path string) []string {
	have, _ := got.([]any)
	var faults []string
	for i, wanted := range want {
		found := false
		for _, element := range have {
			found = found || len(missing(wanted, element, "")) == 0
		}
		if !found {
			faults = append(faults, fmt.Sprintf("%s[%d] is nowhere in %v, wanted %v", path, i, have, wanted))
		}
	}
	return faults
}

// expectOwners wants every field of a spec to belong to whom it belonged before
// keda-trust came, and nothing of it to anybody new.
func expectOwners(before, after map[string]*unstructured.Unstructured) {
	GinkgoHelper()
	for title, object := range after {
		owned, now := owners(before[title]), owners(object)
		Expect(owned).NotTo(BeEmpty(), title)
		for manager, fields := range owned {
			Expect(fields.Difference(now[manager]).UnsortedList()).To(BeEmpty(), "%s: %s has lost fields, %s", title, manager, shown(object))
		}
		for manager, fields := range now {
			if _, known := owned[manager]; !known {
				Expect(fields.UnsortedList()).To(BeEmpty(), "%s: %s owns fields", title, manager)
			}
		}
	}
}

// owners are the paths in spec that each field manager owns.
func owners(object *unstructured.Unstructured) map[string]sets.Set[string] {
	GinkgoHelper()
	found := map[string]sets.Set[string]{}
	for _, entry := range object.GetManagedFields() {
		var fields fieldpath.Set
		Expect(fields.FromJSON(bytes.NewReader(entry.FieldsV1.GetRawBytes()))).To(Succeed())
		for path := range fields.All() {
			if !strings.HasPrefix(path.String(), ".spec") {
				continue
			}
			if found[entry.Manager] == nil {
				found[entry.Manager] = sets.New[string]()
			}
			found[entry.Manager].Insert(path.String())
		}
	}
	return found
}

// expectSaid wants Deployments to be what their user said, after the API
// server's defaults, and nothing else: edit is what the user did to them.
func expectSaid(ctx context.Context, v values, edit func(*unstructured.Unstructured)) {
	GinkgoHelper()
	wanted := objectsOf(v)
	for title, object := range stored(ctx) {
		Expect(shown(object)).NotTo(ContainSubstring(injector.Domain + "/"))
		if object.GetKind() != "Deployment" {
			Expect(object.Object["spec"]).NotTo(HaveKey("caBundle"))
			continue
		}
		edit(wanted[title])
		Expect(object.Object["spec"]).To(Equal(plain(ctx, wanted[title]).Object["spec"]), title)
	}
}

// plain is what the API server alone makes of a Deployment.
func plain(ctx context.Context, deployment *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	elsewhere := deployment.DeepCopy()
	elsewhere.SetNamespace(plainNamespace)
	created, err := cluster.Client.Resource(deployments).Namespace(plainNamespace).
		Create(ctx, elsewhere, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	Expect(err).NotTo(HaveOccurred())
	return created
}

// shown is what a person would look at.
func shown(object *unstructured.Unstructured) string {
	GinkgoHelper()
	copied := object.DeepCopy()
	copied.SetManagedFields(nil)
	unstructured.RemoveNestedField(copied.Object, "status")
	content, err := copied.MarshalJSON()
	Expect(err).NotTo(HaveOccurred())
	return string(content)
}
