package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/injector"
)

const (
	kedaModule = "github.com/kedacore/keda/v2"
	// KEDAVersion is the release whose manifests KEDARelease renders.
	KEDAVersion = "v2.21.0"
)

// kedaImages are set to the release, which the sources leave at "main".
var kedaImages = []string{
	"ghcr.io/kedacore/keda",
	"ghcr.io/kedacore/keda-metrics-apiserver",
	"ghcr.io/kedacore/keda-admission-webhooks",
}

// KEDAHosts are the names under which KEDA's components call each other and the
// API server calls them, as its release names them.
func KEDAHosts() []string {
	var names []string
	for _, service := range []string{OperatorDeployment, "keda-metrics-apiserver", "keda-admission-webhooks"} {
		host := service + "." + injector.DefaultKEDANamespace + ".svc"
		names = append(names, host, host+".cluster.local")
	}
	return names
}

// KEDARelease renders the release of KEDAVersion.
func KEDARelease(ctx context.Context) ([]*unstructured.Unstructured, error) {
	return KEDAReleaseOf(ctx, KEDAVersion)
}

// KEDAReleaseOf renders what KEDA's own `make release` publishes as
// keda-VERSION.yaml, from the sources in its Go module of that version, as
// v2.21.0.
func KEDAReleaseOf(ctx context.Context, version string) ([]*unstructured.Unstructured, error) {
	source, err := ModuleDir(ctx, kedaModule+"@"+version)
	if err != nil {
		return nil, err
	}
	files := filesys.MakeFsInMemory()
	if err := copyConfig(files, filepath.Join(source, "config")); err != nil {
		return nil, fmt.Errorf("reading KEDA's config: %w", err)
	}
	if err := setVersion(files, strings.TrimPrefix(version, "v")); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as the command does
	rendered, err := krusty.MakeKustomizer(options).Run(files, "/release")
	if err != nil {
		return nil, fmt.Errorf("rendering KEDA's config/default: %w", err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range rendered.Resources() {
		content, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("encoding rendered %s: %w", resource.CurId(), err)
		}
		// Decoded as API objects are: resource.Map has numbers that they cannot hold.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(content); err != nil {
			return nil, fmt.Errorf("reading rendered %s: %w", resource.CurId(), err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// ModuleDir fetches a module, which is checked against the checksum database, and
// returns where it is. With a version, as "PATH@v1.2.3", it need not be a dependency
// of this one; without, it is what go.mod here requires.
func ModuleDir(ctx context.Context, module string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", module).Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil || answer.Dir == "" {
		return "", fmt.Errorf("fetching %s: %s (%w)", module, answer.Error, err)
	}
	return answer.Dir, nil
}

func copyConfig(to filesys.FileSystem, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return to.WriteFile(filepath.Join("/config", relative), content)
	})
}

var versionLine = regexp.MustCompile(`version:[ ].*`)

// setVersion does what `make release` does with `kustomize edit` and sed.
func setVersion(files filesys.FileSystem, version string) error {
	const labels = "/config/default/kustomize-config/metadataLabelTransformer.yaml"
	content, err := files.ReadFile(labels)
	if err != nil {
		return fmt.Errorf("reading KEDA's label transformer: %w", err)
	}
	if err := files.WriteFile(labels, versionLine.ReplaceAll(content, []byte("version: "+version))); err != nil {
		return fmt.Errorf("setting KEDA's version: %w", err)
	}
	var images []map[string]string
	for _, name := range kedaImages {
		images = append(images, map[string]string{"name": name, "newTag": version})
	}
	overlay, err := yaml.Marshal(map[string]any{"resources": []string{"../config/default"}, "images": images})
	if err != nil {
		return fmt.Errorf("encoding the overlay: %w", err)
	}
	if err := files.WriteFile("/release/kustomization.yaml", overlay); err != nil {
		return fmt.Errorf("writing the overlay: %w", err)
	}
	return nil
}
