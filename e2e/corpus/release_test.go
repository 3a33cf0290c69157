package corpus

import (
	"context"
	"path/filepath"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// versions are releases that the folder of real manifests has not, spread over
// those that keda-trust knows.
var versions = []string{"v2.11.2", "v2.13.0", "v2.15.1", "v2.16.1", "v2.19.0"}

// containers are those of KEDA's release manifests.
var containers = map[string]injector.Component{
	"keda-operator":           injector.ComponentOperator,
	"keda-metrics-apiserver":  injector.ComponentMetricsAPIServer,
	"keda-admission-webhooks": injector.ComponentAdmissionWebhooks,
}

// releases are rendered by KEDA's own kustomization of that version.
func releases() []source {
	var all []source
	for _, version := range versions {
		all = append(all, source{"release " + version, func(ctx context.Context) installation {
			GinkgoHelper()
			objects := release(ctx, version)
			return written("release-"+version, objects, wantedOfRelease(objects))
		}})
	}
	return all
}

// rendered are the releases that were asked for before: most variants are of one.
var rendered = map[string][]*unstructured.Unstructured{}

// release is the part of KEDA's manifests that there is anything to say about,
// for the caller to change.
func release(ctx context.Context, version string) []*unstructured.Unstructured {
	GinkgoHelper()
	if rendered[version] == nil {
		objects, err := local.KEDAReleaseOf(ctx, version)
		Expect(err).NotTo(HaveOccurred())
		rendered[version] = slices.DeleteFunc(objects, func(object *unstructured.Unstructured) bool {
			return object.GetKind() != "Service" && !slices.Contains(subjectKinds, object.GetKind())
		})
	}
	var copies []*unstructured.Unstructured
	for _, object := range rendered[version] {
		copies = append(copies, object.DeepCopy())
	}
	return copies
}

// previews are an operator and an APIService of KEDA's newest release, as somebody
// would write them for a namespace.
func previews(ctx context.Context, namespace string) []*unstructured.Unstructured {
	GinkgoHelper()
	var found []*unstructured.Unstructured
	for _, object := range release(ctx, local.KEDAVersion) {
		switch local.Title(object) {
		case "Deployment " + local.OperatorDeployment:
			object.SetNamespace(namespace)
		case "APIService " + injector.KEDAAPIService:
			Expect(unstructured.SetNestedField(object.Object, namespace, "spec", "service", "namespace")).To(Succeed())
		default:
			continue
		}
		found = append(found, object)
	}
	Expect(found).To(HaveLen(2))
	return found
}

// wantedOfRelease goes by the names of the containers.
func wantedOfRelease(objects []*unstructured.Unstructured) map[string]wanted {
	GinkgoHelper()
	want, components := map[string]wanted{}, map[injector.Component]bool{}
	for _, object := range (installation{objects: objects}).subjects() {
		w := wanted{reason: injector.ReasonInjected}
		if object.GetKind() == "Deployment" {
			for _, container := range typed(object).Spec.Template.Spec.Containers {
				if component, known := containers[container.Name]; known {
					w.component, w.container = component, container.Name
				}
			}
			components[w.component] = true
		}
		want[local.Title(object)] = w
	}
	Expect(components).To(HaveLen(len(containers)))
	Expect(components).NotTo(HaveKey(injector.ComponentNone))
	return want
}

// others are not KEDA, though they look much like it.
func others() []source {
	return []source{{"KEDA's operator for OLM itself", func(context.Context) installation {
		GinkgoHelper()
		return readInstallation(filepath.Join("testdata", "keda-olm-operator.yaml"), map[string]wanted{
			"Deployment keda-olm-operator": {reason: injector.ReasonNotKEDA},
		})
	}}}
}
