package injector

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// expectedObject is what expected-components.json says of one object.
type expectedObject struct {
	Kind, Name     string
	Component      Component
	ContainerIndex int
	Flags          map[string][]string
	CertMounts     [][2]string
	Volumes        map[string]string
}

// manifestsOfKEDA is the folder of real manifests. It is no part of this
// repository: KEDA_TRUST_MANIFESTS names it, and without it nothing is tested
// but in CI.
func manifestsOfKEDA(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KEDA_TRUST_MANIFESTS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "keda")
	}
	if _, err := os.Stat(filepath.Join(dir, "expected-components.json")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("KEDA's manifests are not there, set KEDA_TRUST_MANIFESTS: %v", err)
		}
		t.Skipf("KEDA's manifests are not there, set KEDA_TRUST_MANIFESTS to their folder: %v", err)
	}
	return dir
}

func expectedObjects(t *testing.T, dir string) map[string][]expectedObject {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "expected-components.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string][]expectedObject
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	return expected
}

// readManifest decodes the documents of one kind of a manifest, by name.
func readManifest[T any](t *testing.T, file, kind string) map[string]*T {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*T{}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		var document json.RawMessage
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return out
		}
		var meta metav1.PartialObjectMetadata
		if err == nil && len(document) > 0 {
			err = json.Unmarshal(document, &meta)
		}
		if err == nil && meta.Kind == kind {
			out[meta.Name] = new(T)
			err = json.Unmarshal(document, out[meta.Name])
		}
		if err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
	}
}
