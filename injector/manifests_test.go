package injector

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
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

// eachManifest runs check for every manifest, with what is expected of its
// objects.
func eachManifest(t *testing.T, check func(t *testing.T, file string, objects []expectedObject)) {
	t.Helper()
	dir := manifestsOfKEDA(t)
	for file, objects := range expectedObjects(t, dir) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			check(t, filepath.Join(dir, file), objects)
		})
	}
}

// parsedManifests holds, by file, what several tests read of each.
var parsedManifests sync.Map

// documentsOf are the documents of a manifest as JSON, which nobody may change.
func documentsOf(t *testing.T, file string) [][]byte {
	t.Helper()
	parse, _ := parsedManifests.LoadOrStore(file, sync.OnceValues(func() ([][]byte, error) { return parseManifest(file) }))
	documents, err := parse.(func() ([][]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

func parseManifest(file string) ([][]byte, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		var document json.RawMessage
		err := documents.Decode(&document)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(document) > 0 && !bytes.Equal(document, []byte("null")) {
			out = append(out, document)
		}
	}
}

// readManifest decodes the documents of one kind of a manifest, by name.
func readManifest[T any](t *testing.T, file, kind string) map[string]*T {
	t.Helper()
	out := map[string]*T{}
	for _, document := range documentsOf(t, file) {
		var meta metav1.PartialObjectMetadata
		if err := json.Unmarshal(document, &meta); err != nil {
			t.Fatalf("reading %s: %v", file, err)
		}
		if meta.Kind != kind {
			continue
		}
		out[meta.Name] = new(T)
		if err := json.Unmarshal(document, out[meta.Name]); err != nil {
			t.Fatalf("reading %s %s of %s: %v", kind, meta.Name, file, err)
		}
	}
	return out
}
