package corpus

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/keda-trust/keda-trust/injector"
)

// expectations is what the folder says of its manifests.
const expectations = "expected-components.json"

// expected is what it says of one object.
type expected struct {
	Kind, Name  string
	Component   injector.Component
	Container   string
	Annotations map[string]string
}

// reason is why the object has to be as it is afterwards. Whether an install is
// one of OpenShift, only the name of its file says.
func (e expected) reason(file string) injector.Reason {
	switch {
	case e.Kind == "Deployment" && e.Component == injector.ComponentNone:
		return injector.ReasonNotKEDA
	case e.Kind == "Deployment" && strings.Contains(file, "openshift"):
		return injector.ReasonOwnedElsewhere
	case e.asksForBundle():
		return injector.ReasonBundleElsewhere
	}
	return injector.ReasonInjected
}

// asksForBundle tells whether cert-manager or OpenShift was asked to fill a
// caBundle, each of whose annotations for it has "inject-ca" in its name.
func (e expected) asksForBundle() bool {
	for key := range e.Annotations {
		if strings.Contains(key, "/inject-ca") {
			return true
		}
	}
	return false
}

// manifestsFolder is where the real manifests are, found as injector's own tests
// find them.
func manifestsFolder() string {
	if folder := os.Getenv("KEDA_TRUST_MANIFESTS"); folder != "" {
		return folder
	}
	return filepath.Join("..", "..", "..", "shared", "keda")
}

// files are the manifests in the folder, none where it is absent.
func files() []string {
	found, err := filepath.Glob(filepath.Join(manifestsFolder(), "*", "*.yaml"))
	if err != nil {
		panic(err) // the folder was given a name that is no pattern; specs do not exist yet that could fail
	}
	for i := range found {
		found[i] = filepath.ToSlash(strings.TrimPrefix(found[i], manifestsFolder()+string(filepath.Separator)))
	}
	return found
}

// realManifests are read when the tree of tests is built; what is in them, later.
func realManifests() []source {
	var all []source
	for _, file := range files() {
		all = append(all, source{file, func(context.Context) installation {
			GinkgoHelper()
			return readInstallation(filepath.Join(manifestsFolder(), file), wantedOf(file))
		}})
	}
	return all
}

func wantedOf(file string) map[string]wanted {
	GinkgoHelper()
	want := map[string]wanted{}
	for _, e := range readExpectations()[file] {
		if slices.Contains(subjectKinds, e.Kind) {
			want[e.Kind+" "+e.Name] = wanted{component: e.Component, container: e.Container, reason: e.reason(file)}
		}
	}
	return want
}

func readExpectations() map[string][]expected {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join(manifestsFolder(), expectations))
	Expect(err).NotTo(HaveOccurred())
	var all map[string][]expected
	Expect(json.Unmarshal(content, &all)).To(Succeed())
	return all
}

var _ = Describe("The folder of real manifests", func() {
	It("is there, and each manifest has what is expected of it", func() {
		if _, err := os.Stat(filepath.Join(manifestsFolder(), expectations)); err != nil {
			missing := fmt.Sprintf("KEDA's manifests are not there, set KEDA_TRUST_MANIFESTS to their folder: %v", err)
			if os.Getenv("CI") == "true" {
				Fail(missing)
			}
			Skip(missing)
		}
		var listed []string
		for file := range readExpectations() {
			listed = append(listed, file)
		}
		Expect(listed).NotTo(BeEmpty())
		Expect(files()).To(ConsistOf(listed))
	})
})
