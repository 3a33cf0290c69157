package platform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/keda-trust/keda-trust/e2e/assets/keda"
	"github.com/keda-trust/keda-trust/injector"
)

// UpgradeKEDA installs KEDA's own release as a chart, or upgrades to it, with the
// three-way patch that Helm 3 has and Helm 4 offers. Its Namespace has to be there,
// as `helm install` wants it. It does not wait for KEDA.
func (p *Platform) UpgradeKEDA(ctx context.Context, release keda.Release) error {
	objects, err := p.release(ctx, release)
	if err != nil {
		return err
	}
	var manifest strings.Builder
	for _, object := range objects {
		if object.GetKind() == "Namespace" {
			continue
		}
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return fmt.Errorf("encoding KEDA's release: %w", err)
		}
		manifest.WriteString("---\n" + string(document))
	}
	chart := filepath.Join(p.dir, "keda-"+string(release))
	files := map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: keda\nversion: " + string(release) + "\n",
		"keda.yaml":  manifest.String(),
		// Not the manifest itself: descriptions in it have braces.
		filepath.Join("templates", "keda.yaml"): `{{ .Files.Get "keda.yaml" }}` + "\n",
	}
	for name, content := range files {
		path := filepath.Join(chart, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("writing a chart of KEDA: %w", err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing a chart of KEDA: %w", err)
		}
	}
	_, err = p.tool(ctx, helm, []string{"upgrade", "keda", chart, "--install", "--server-side=false", "--namespace", injector.DefaultKEDANamespace})
	return err
}
