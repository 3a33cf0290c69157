package corpus

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/e2e/local"
	"github.com/keda-trust/keda-trust/injector"
)

// installation is KEDA as somebody wrote it down.
type installation struct {
	file    string // where the command line reads it
	objects []*unstructured.Unstructured
	wanted  map[string]wanted // by title, of each object that subjects returns
}

// wanted is what has to become of one object.
type wanted struct {
	component injector.Component // of a Deployment
	container string             // which of its containers is KEDA's
	reason    injector.Reason    // why it is as it is then
}

func (w wanted) injected() bool { return w.reason == injector.ReasonInjected }

// source is an installation by name, read or rendered when a test needs it.
type source struct {
	name string
	read func(context.Context) installation
}

// sources are all installations that these tests know.
var sources = slices.Concat(realManifests(), releases(), variants(), others())

// each is a row of a table for every source.
func each() []TableEntry {
	var rows []TableEntry
	for _, s := range sources {
		rows = append(rows, Entry(s.name, s))
	}
	return rows
}

// subjectKinds are those of which KEDA has objects that keda-trust may change.
var subjectKinds = []string{"Deployment", "APIService", "ValidatingWebhookConfiguration"}

func (in installation) subjects() []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range in.objects {
		if slices.Contains(subjectKinds, object.GetKind()) {
			found = append(found, object)
		}
	}
	return found
}

// names are those under which the Services are called, which a certificate for
// this installation has to hold.
func (in installation) names(namespace string) []string {
	var names []string
	for _, object := range in.objects {
		if object.GetKind() == "Service" && object.GetNamespace() == namespace {
			host := object.GetName() + "." + namespace + ".svc"
			names = append(names, host, host+".cluster.local")
		}
	}
	return names
}

// allNames are those of every namespace.
func (in installation) allNames() []string {
	var names []string
	for _, namespace := range namespaces {
		names = append(names, in.names(namespace)...)
	}
	return names
}

// find returns an object as it was written.
func (in installation) find(like *unstructured.Unstructured) *unstructured.Unstructured {
	GinkgoHelper()
	at := slices.IndexFunc(in.objects, func(object *unstructured.Unstructured) bool {
		return local.Title(object) == local.Title(like) && object.GetNamespace() == like.GetNamespace()
	})
	Expect(at).NotTo(BeNumerically("<", 0), "there was no %s", local.Title(like))
	return in.objects[at]
}

// expectAllWanted holds the list of what is wanted against the manifest: an
// object that the list forgets would be looked at by nobody.
func (in installation) expectAllWanted() {
	GinkgoHelper()
	var titles, listed []string
	for _, object := range in.subjects() {
		titles = append(titles, local.Title(object))
	}
	for title := range in.wanted {
		listed = append(listed, title)
	}
	Expect(titles).NotTo(BeEmpty())
	Expect(listed).To(ConsistOf(titles))
}

// written is an installation of objects that no file has yet.
func written(name string, objects []*unstructured.Unstructured, want map[string]wanted) installation {
	GinkgoHelper()
	var text strings.Builder
	for _, object := range objects {
		document, err := yaml.Marshal(object.Object)
		Expect(err).NotTo(HaveOccurred())
		text.WriteString("---\n" + string(document))
	}
	return readInstallation(write(name+".yaml", text.String()), want)
}

// readInstallation reads a manifest that is there.
func readInstallation(file string, want map[string]wanted) installation {
	GinkgoHelper()
	objects, err := local.ReadManifest(file)
	Expect(err).NotTo(HaveOccurred())
	return installation{file: file, objects: objects, wanted: want}
}
