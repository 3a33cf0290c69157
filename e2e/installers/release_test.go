package installers

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/e2e/local"
)

// values are what differs between two versions of the manifests.
type values struct {
	tag      string // image tag and version label
	extraArg string // of the operator
}

// What keda-trust injects differs, too: KEDA knows KEDA_SERVICE_MIN_TLS_VERSION
// from 2.20 on.
var (
	older = values{tag: "2.19.0", extraArg: "--k8s-cluster-name=blue"}
	newer = values{tag: "2.21.0", extraArg: "--k8s-cluster-name=green"}
)

const (
	tagTemplate = "{{ .Values.tag }}"
	argTemplate = "{{ .Values.extraArg }}"
	// argPlaceholder stands in YAML, where a brace would have to be quoted.
	argPlaceholder = "EXTRA-ARG"
)

// manifest is where kubectl finds a version.
func (v values) manifest() string { return filepath.Join(dir, "keda-"+v.tag+".yaml") }

// chart is where Helm finds all of them.
func chart() string { return filepath.Join(dir, "chart") }

// writeReleases makes a chart and two manifests of KEDA's own objects.
func writeReleases(ctx context.Context) {
	GinkgoHelper()
	objects, err := local.KEDARelease(ctx)
	Expect(err).NotTo(HaveOccurred())
	var template strings.Builder
	for _, object := range objects {
		if !slices.Contains([]string{"Deployment", "Service", "APIService", "ValidatingWebhookConfiguration"}, object.GetKind()) {
			continue
		}
		if object.GetName() == "keda-operator" && object.GetKind() == "Deployment" {
			setArgs(object, append(argsOf(object), argPlaceholder))
		}
		document, err := yaml.Marshal(object.Object)
		Expect(err).NotTo(HaveOccurred())
		template.WriteString("---\n" + string(document))
	}
	version := strings.TrimPrefix(local.KEDAVersion, "v")
	text := strings.NewReplacer(version, tagTemplate, argPlaceholder, argTemplate).Replace(template.String())
	Expect(text).To(And(ContainSubstring(tagTemplate), ContainSubstring(argTemplate)))
	write(filepath.Join(chart(), "Chart.yaml"), "apiVersion: v2\nname: keda\nversion: 0.1.0\n")
	write(filepath.Join(chart(), "templates", "keda.yaml"), text)
	for _, v := range []values{older, newer} {
		write(v.manifest(), strings.NewReplacer(tagTemplate, v.tag, argTemplate, v.extraArg).Replace(text))
	}
}

func write(path, content string) {
	GinkgoHelper()
	Expect(os.MkdirAll(filepath.Dir(path), 0o755)).To(Succeed())
	Expect(os.WriteFile(path, []byte(content), 0o600)).To(Succeed())
}

// objectsOf are the objects of a version as its author wrote them, by title.
func objectsOf(v values) map[string]*unstructured.Unstructured {
	GinkgoHelper()
	objects, err := local.ReadManifest(v.manifest())
	Expect(err).NotTo(HaveOccurred())
	byTitle := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		byTitle[local.Title(object)] = object
	}
	return byTitle
}

// subjects are those of them that have to be injected.
func subjects() []*unstructured.Unstructured {
	GinkgoHelper()
	objects, err := local.ReadManifest(newer.manifest())
	Expect(err).NotTo(HaveOccurred())
	return local.Subjects(objects)
}

// argsOf are the arguments of KEDA's only container.
func argsOf(deployment *unstructured.Unstructured) []string {
	GinkgoHelper()
	args, found, err := unstructured.NestedStringSlice(container(deployment), "args")
	Expect(err).NotTo(HaveOccurred())
	Expect(found).To(BeTrue(), "%s has no args", local.Title(deployment))
	return args
}

func setArgs(deployment *unstructured.Unstructured, args []string) {
	GinkgoHelper()
	Expect(unstructured.SetNestedStringSlice(container(deployment), args, "args")).To(Succeed())
}

// container is the content of the first container, to be read and written.
func container(deployment *unstructured.Unstructured) map[string]any {
	GinkgoHelper()
	containers, _, err := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template", "spec", "containers")
	Expect(err).NotTo(HaveOccurred())
	Expect(containers).To(HaveLen(1), local.Title(deployment))
	return containers.([]any)[0].(map[string]any)
}
